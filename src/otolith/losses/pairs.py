"""Checks of losses over pairs of views, and the logits of positives and negatives in a full matrix of pairs.

The layout is that of `otolith.losses.nt_xent`: 2n views, the positive of row i is row (i + n) mod 2n.
"""

from __future__ import annotations

import math
from numbers import Real

import torch
from torch import Tensor

from otolith.losses.similarity import check_rows


def check_views(z: Tensor) -> None:
    """Raise ValueError unless `z` is (2n, d), floating point, n >= 2."""
    check_rows("z", z)
    if len(z) % 2:
        raise ValueError(
            f"z has {len(z)} rows; expected an even number: view 1 of all n instances, then view 2 of them"
        )
    if len(z) < 4:
        raise ValueError(
            f"z has {len(z)} rows, {len(z) // 2} instance(s), so no negatives; expected 4 rows (2 instances) or more"
        )


def check_pairs(matrix: Tensor) -> int:
    """Return n of a matrix (2n, 2n) of pairs of views; raise ValueError for another shape, or n < 2."""
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.shape[0] % 2 or matrix.shape[0] < 4:
        raise ValueError(f"the matrix of view pairs has shape {tuple(matrix.shape)}; expected (2n, 2n), n >= 2")
    return len(matrix) // 2


def check_number(
    name: str,
    value: float,
    *,
    least: float = -math.inf,
    above: float = -math.inf,
    most: float = math.inf,
    below: float = math.inf,
) -> None:
    """Raise ValueError unless `value` is a finite number within the bounds, of which `above` and `below` are open."""
    if not isinstance(value, Real) or not (least <= value <= most and above < value < below):
        bounds = {"of at least": least, "above": above, "of at most": most, "below": below}
        expected = " and ".join(f"{words} {bound:g}" for words, bound in bounds.items() if math.isfinite(bound))
        raise ValueError(f"{name} is {value!r}; expected a finite number {expected}")


def check_temperature(temperature: float, name: str = "temperature") -> None:
    """Raise ValueError unless `temperature` is a finite number above 0."""
    check_number(name, temperature, above=0.0)


def positive_logits(logits: Tensor) -> Tensor:
    """Return the logit of each view with its positive: (2n, 2n) -> (2n,)."""
    n = len(logits) // 2
    return torch.cat([logits.diagonal(n), logits.diagonal(-n)])


def log_negatives(logits: Tensor) -> Tensor:
    """Return the logarithm of the sum of exp(logit) over each view's 2n - 2 negatives: (2n, 2n) -> (2n,)."""
    n = len(logits) // 2
    same_instance = torch.eye(n, dtype=torch.bool, device=logits.device).repeat(2, 2)
    return logits.masked_fill(same_instance, -math.inf).logsumexp(dim=1)
