"""Reconstruction error of the steps that were hidden (Haresamudram et al. 2020)."""

from __future__ import annotations

import torch
from torch import Tensor

from otolith.losses.similarity import result_type


def masked_mse(rebuilt: Tensor, x: Tensor, masked: Tensor) -> Tensor:
    """Return the mean of (rebuilt - x)^2 over the masked steps of all windows and channels; other steps count nothing.

    A value that is not finite outside the masked steps does no harm, to the loss or to its gradient.

    Args:
        rebuilt: (n, channels, time) reconstruction.
        x: (n, channels, time) windows as they were before masking.
        masked: (n, time) bool, true for the steps that were hidden.

    Returns:
        Scalar; 0 where no step is masked. float64 if `rebuilt` or `x` is, else float32.

    Raises:
        ValueError: not two floating-point (n, channels, time) tensors of one shape and a bool mask (n, time).
    """
    if rebuilt.shape != x.shape or x.ndim != 3 or not (rebuilt.is_floating_point() and x.is_floating_point()):
        raise ValueError(
            f"rebuilt has shape {tuple(rebuilt.shape)} and type {rebuilt.dtype}, x {tuple(x.shape)} and {x.dtype}; "
            "expected floating-point (windows, channels, time), both alike"
        )
    if masked.shape != (x.shape[0], x.shape[2]) or masked.dtype != torch.bool:
        raise ValueError(
            f"masked has shape {tuple(masked.shape)} and type {masked.dtype}; expected bool "
            f"{(x.shape[0], x.shape[2])}, true for the hidden steps of each window"
        )
    dtype = torch.promote_types(result_type(rebuilt), result_type(x))
    errors = (rebuilt.to(dtype) - x.to(dtype)).masked_fill(~masked[:, None], 0.0)
    return errors.square().sum() / (masked.sum() * x.shape[1]).clamp_min(1)
