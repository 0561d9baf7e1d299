"""InfoNCE of contrastive predictive coding (van den Oord, Li and Vinyals 2018): the true future among others.

For sensor windows by Haresamudram, Essa and Plötz 2021, who take the negatives from the other windows of the batch.
"""

from __future__ import annotations

import torch
from torch import Tensor

from otolith.losses.similarity import result_type


def info_nce(predicted: Tensor, target: Tensor) -> Tensor:
    """Return L = -mean over k and i of log(e^f_k(i,i) / sum_j e^f_k(i,j)), f_k(i, j) = (W_k c_i) . z_j,t+k (Eqs 3, 4).

    Prediction i has the target of its own window as positive, and those of all other windows at the same step as
    negatives. The softmax runs over the targets, as Eq 4 says; the code of Haresamudram et al. normalises over the
    predictions of one target instead. Scores are plain products, as in both papers: no norm, no temperature.

    Args:
        predicted: (n, k, d) predictions W_k c_t of n windows for k future steps, n >= 2.
        target: (n, k, d) latents z_t+1 .. z_t+k of the same windows; the gradient flows into them, too.

    Returns:
        Scalar, log(n) where nothing is known; float64 if an argument is, else float32.

    Raises:
        ValueError: not floating-point tensors of one shape (n, k, d), no steps, or a single window.
    """
    for name, given in (("predicted", predicted), ("target", target)):
        if given.ndim != 3 or not given.is_floating_point():
            raise ValueError(
                f"{name} has shape {tuple(given.shape)} and type {given.dtype}; expected floating-point (windows, "
                "future steps, width)"
            )
    if predicted.shape != target.shape or 0 in predicted.shape:
        raise ValueError(
            f"predicted has shape {tuple(predicted.shape)} and target {tuple(target.shape)}; expected one target for "
            "every prediction, and at least one"
        )
    if len(predicted) < 2:
        raise ValueError("predicted holds 1 window, so no negatives; expected 2 windows or more")
    dtype = torch.promote_types(result_type(predicted), result_type(target))
    with torch.autocast(predicted.device.type, enabled=False):
        of_steps = predicted.to(dtype).transpose(0, 1)  # (k, n, d)
        score = of_steps @ target.to(dtype).permute(1, 2, 0)  # (k, n, n): of prediction i with target j
        return (score.logsumexp(dim=2) - score.diagonal(dim1=1, dim2=2)).mean()
