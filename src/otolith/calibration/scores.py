"""Novelty scores, by which a window is called unknown. A larger score is more novel.

A score is a weighted sum of parts, each computed from features and calibrated logits:

- `probability`: minus the largest probability (Hendrycks and Gimpel 2017);
- `energy`: minus the temperature times the log-sum-exp of the logits (Liu et al. 2020);
- `distance`: from the nearest training activity's mean in the space of the features' first principal components, in
  standard deviations within activities (Mahalanobis; Lee et al. 2018).

On uci-har, with the threshold at 5 % false unknowns on validation subjects, `both` (distance and energy, each divided
by its spread over validation windows) called most of the postural transitions unknown, which no training window held;
docs/deploy.md has the table.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from otolith.errors import DataError, unknown

Part = Callable[[Tensor, Tensor, "Space", float], Tensor]
Space = tuple[Tensor, Tensor, Tensor]
"""projection (k, n_features), offset (k,), centres (m, k); see `Calibration`."""


def probability(features: Tensor, logits: Tensor, space: Space, temperature: float) -> Tensor:
    """Return -max p: (n,)."""
    return -torch.softmax(logits / temperature, 1).amax(1)


def energy(features: Tensor, logits: Tensor, space: Space, temperature: float) -> Tensor:
    """Return -T log sum exp(logits / T): (n,)."""
    return -temperature * torch.logsumexp(logits / temperature, 1)


def distance(features: Tensor, logits: Tensor, space: Space, temperature: float) -> Tensor:
    """Return the Mahalanobis distance to the nearest centre: (n,)."""
    projection, offset, centres = space
    at = features @ projection.T - offset
    return (at[:, None, :] - centres[None]).square().sum(2).amin(1).sqrt()


PARTS: dict[str, Part] = {"probability": probability, "energy": energy, "distance": distance}
SCORES: dict[str, tuple[str, ...]] = {
    "probability": ("probability",),
    "energy": ("energy",),
    "distance": ("distance",),
    "both": ("distance", "energy"),
}
DEFAULT = "both"


def names() -> list[str]:
    """Return the names of all scores, sorted.

    >>> names()
    ['both', 'distance', 'energy', 'probability']
    """
    return sorted(SCORES)


def parts_of(score: str) -> tuple[str, ...]:
    """Return the names of the parts that a score is the sum of.

    Raises:
        DataError: an unknown score.
    """
    if score not in SCORES:
        raise DataError(unknown("score", score, SCORES))
    return SCORES[score]


def total(weights: dict[str, float], features: Tensor, logits: Tensor, space: Space, temperature: float) -> Tensor:
    """Return the weighted sum of parts (n,) of features (n, n_features) and logits (n, n_classes)."""
    parts = [factor * PARTS[name](features, logits, space, temperature) for name, factor in weights.items()]
    return torch.stack(parts).sum(0)
