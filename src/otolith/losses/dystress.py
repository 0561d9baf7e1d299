"""DySTreSS: each pair's temperature from how alike its two views are at the moment.

Manna et al., "Dynamically Scaled Temperature in Self-Supervised Contrastive Learning", IEEE Transactions on Artificial
Intelligence 2025 (arXiv 2308.01140).
"""

from __future__ import annotations

import math

from torch import Tensor

from otolith.losses.contrastive import xent
from otolith.losses.pairs import check_temperature, check_views
from otolith.losses.similarity import cosine_similarity


def dystress_nt_xent(z: Tensor, temperature_min: float = 0.07, temperature_max: float = 0.2) -> Tensor:
    """Return NT-Xent with the temperature of `pair_temperature` for every pair, positives and negatives.

    The temperature is a constant: no gradient reaches it, as in the authors' code. The defaults are those of their
    runs on small images; 0.1 and 0.2 those on ImageNet. Their second function, shifted and flat for similar pairs, is
    left out.

    Args:
        z: (2n, d) view embeddings, n >= 2, view 1 of all instances first.
        temperature_min: temperature of pairs at a right angle, > 0.
        temperature_max: temperature of pairs that point the same or the opposite way. With both equal the loss is
            NT-Xent.

    Returns:
        Scalar; float64 for float64 `z`, else float32.

    Raises:
        ValueError: wrong shape or type, a single instance, a temperature that is not positive, or
            `temperature_min` above `temperature_max`.

    >>> import torch
    >>> from otolith.losses import nt_xent
    >>> z = torch.eye(4)
    >>> bool(dystress_nt_xent(z, 0.1, 0.1) == nt_xent(z, 0.1))
    True
    """
    check_views(z)
    similarity = cosine_similarity(z)
    return xent(similarity / pair_temperature(similarity, temperature_min, temperature_max), 1.0, 1.0)


def pair_temperature(similarity: Tensor, temperature_min: float, temperature_max: float) -> Tensor:
    """Return tau_ij = tau_min + (tau_max - tau_min) (1 + cos(pi (1 + s_ij))) / 2: tau_max at s = +-1, tau_min at 0.

    Of the shape of the cosine similarities, without gradient.
    """
    check_temperature(temperature_min, "temperature_min")
    check_temperature(temperature_max, "temperature_max")
    if temperature_min > temperature_max:
        raise ValueError(f"temperature_min {temperature_min} is above temperature_max {temperature_max}")
    wave = (math.pi * (1.0 + similarity.detach())).cos()
    return temperature_min + 0.5 * (temperature_max - temperature_min) * (1.0 + wave)
