"""Losses without negatives: the prediction from one view against the embedding of the other view.

SimSiam (Chen and He 2021) and BYOL (Grill et al. 2020) compare directions only, and their losses are one function up to
a factor: |u - v|^2 = 2 - 2 s_c for unit rows. Both take the embedding as a constant. That stop of the gradient is part
of the loss, since without it one constant output for all windows would be the minimum; so it is done in here.
"""

from __future__ import annotations

import torch
from torch import Tensor

from otolith.losses.similarity import check_rows, result_type, unit_rows


def negative_cosine(p: Tensor, z: Tensor) -> Tensor:
    """Return SimSiam's D(p, stopgrad(z)) (Eqs 1 and 3 of Chen and He 2021), averaged over the batch.

    Args:
        p: (n, d) predictions from one view of n windows.
        z: (n, d) embeddings of the other view, row i of the same window; constants, no gradient reaches them.

    Returns:
        Scalar in [-1, 1]; float64 if `p` or `z` is, else float32. A row of norm below 1e-12 counts 0.

    Raises:
        ValueError: not floating-point (n, d) matrices of one shape, or no rows.
    """
    check_rows("p", p)
    check_rows("z", z)
    if p.shape != z.shape or not len(p):
        raise ValueError(
            f"p has shape {tuple(p.shape)} and z {tuple(z.shape)}; expected one row of each for every window"
        )
    with torch.autocast(p.device.type, enabled=False):
        cosine = (unit_rows(p) * unit_rows(z.detach())).sum(dim=1)
        return -cosine.mean().to(torch.promote_types(result_type(p), result_type(z)))


def normalised_mse(p: Tensor, z: Tensor) -> Tensor:
    """Return BYOL's |p/|p| - z/|z||^2 = 2 - 2 s_c (Eq 2 of Grill et al. 2020), averaged over the batch.

    Arguments and errors are those of `negative_cosine`; returns a scalar in [0, 4]. A row of norm below 1e-12, which
    has no direction, counts 2.
    """
    return 2 + 2 * negative_cosine(p, z)
