"""The loss of multi-task self-supervision (Saeed, Ozcelebi and Lukkien 2019): telling transformed windows apart."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from otolith.losses.similarity import result_type


def transformation_bce(originals: Tensor, transformed: Tensor) -> Tensor:
    """Return the binary cross-entropy of each task, averaged over its 2n windows, summed over the tasks.

    -log(1 - sigma(o)) for an original, -log sigma(t) for a transformed window. The paper weighs the tasks; here every
    weight is 1. There are no labels to mix up: equally many windows of either kind come apart.

    Args:
        originals: (tasks, n) logits that say whether the transformation of each task was applied, of windows to which
            it was not.
        transformed: (tasks, n) the same of windows to which it was.

    Returns:
        Scalar, tasks * log(2) where nothing is known; float64 if an argument is, else float32.

    Raises:
        ValueError: not floating-point (tasks, n) matrices of one shape, or nothing in them.
    """
    for name, logits in (("originals", originals), ("transformed", transformed)):
        if logits.ndim != 2 or not logits.is_floating_point() or 0 in logits.shape:
            raise ValueError(
                f"{name} has shape {tuple(logits.shape)} and type {logits.dtype}; expected floating-point logits "
                "(tasks, windows), at least one"
            )
    if originals.shape != transformed.shape:
        raise ValueError(
            f"originals has shape {tuple(originals.shape)} and transformed {tuple(transformed.shape)}; expected as "
            "many windows of either kind for every task"
        )
    dtype = torch.promote_types(result_type(originals), result_type(transformed))
    # -log(1 - sigma(v)) = log(1 + e^v); beyond the threshold the 1 is below float64's resolution.
    of_originals = F.softplus(originals.to(dtype), threshold=40.0)
    of_transformed = F.softplus(-transformed.to(dtype), threshold=40.0)
    return ((of_originals + of_transformed) / 2).mean(dim=1).sum()
