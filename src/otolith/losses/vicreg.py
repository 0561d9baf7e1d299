"""VICReg (Bardes, Ponce and LeCun 2022, Section 4.1): invariance, variance and covariance of two views' embeddings.

Neither negatives nor a stopped gradient: the variance keeps each dimension alive, the covariance keeps any two from
saying the same. Where the paper contradicts itself:

- Eq 5 as printed sums the squared differences of the d dimensions. The paper's Algorithm 1 and the authors' code take
  their mean, as here, and the weights 25, 25 and 1 belong to that.
- The variance term of Eq 6 and Algorithm 1 is the sum over both views, as here; the authors' code takes half of it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from otolith.losses.similarity import check_rows, result_type

EPSILON = 1e-4
"""Constant under the root of Eq 2 (Section 4.2); it bounds the slope where a dimension does not vary."""


def vicreg(
    a: Tensor, b: Tensor, invariance: float = 25.0, variance: float = 25.0, covariance: float = 1.0
) -> dict[str, Tensor]:
    """Return the weighted sum of Eq 6, lambda s(Z, Z') + mu [v(Z) + v(Z')] + nu [c(Z) + c(Z')].

    Args:
        a: (n, d) embeddings Z of one view of n windows, n >= 2.
        b: (n, d) embeddings Z' of the other view, row i of the same window.
        invariance, variance, covariance: the weights lambda, mu and nu (Section 4.2).

    Returns:
        Scalars: "loss" and the three terms that it weighs, "invariance", "variance" and "covariance"; float64 if `a`
        or `b` is, else float32.

    Raises:
        ValueError: not floating-point (n, d) matrices of one shape, fewer than two rows, or a weight below 0.
    """
    for name, weight in (("invariance", invariance), ("variance", variance), ("covariance", covariance)):
        if not weight >= 0:
            raise ValueError(f"the weight of {name} is {weight}; expected 0 or more")
    a, b = _embeddings("a", a), _embeddings("b", b)
    if a.shape != b.shape:
        raise ValueError(
            f"a has shape {tuple(a.shape)} and b {tuple(b.shape)}; expected a row of each for every window"
        )
    s = (a - b).square().mean()  # Eq 5 by Algorithm 1
    v = variance_term(a) + variance_term(b)
    c = covariance_term(a) + covariance_term(b)
    loss = invariance * s + variance * v + covariance * c
    return {"loss": loss, "invariance": s, "variance": v, "covariance": c}


def variance_term(z: Tensor) -> Tensor:
    """Return v(Z) = sum_j max(0, 1 - sqrt(Var(z^j) + epsilon)) / d (Eqs 1 and 2): scalar of (n, d), n >= 2.

    The variance is the unbiased one, as in Algorithm 1.
    """
    deviation = (_embeddings("z", z).var(dim=0) + EPSILON).sqrt()
    return (1.0 - deviation).clamp_min(0.0).mean()


def covariance_term(z: Tensor) -> Tensor:
    """Return c(Z), the sum of C_ij^2 over i != j divided by d, C the unbiased covariance (Eqs 3 and 4), of (n, d).

    n rows give C a rank below n, so that with unit variances c >= d / (n - 1) - 1: widths far above the batch size
    leave a part that nothing can lower.
    """
    z = _embeddings("z", z)
    with torch.autocast(z.device.type, enabled=False):
        centred = z - z.mean(dim=0)
        matrix = centred.T @ centred / (len(z) - 1)
    return (matrix - matrix.diagonal().diag()).square().sum() / z.shape[1]


def _embeddings(name: str, z: Tensor) -> Tensor:
    """Return `z` in the type of the result."""
    check_rows(name, z)
    if len(z) < 2:
        raise ValueError(f"{name} has {len(z)} row(s); expected 2 or more, since one row has no variance")
    return z.to(result_type(z))
