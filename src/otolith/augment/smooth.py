"""Smooth random curves for the warps: cubic splines through a few random knots."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor


@lru_cache(maxsize=16)
def spline_matrix(knots: int, time: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Return the matrix (knots, time) from values at evenly spaced knots to a natural cubic spline through them.

    The first and last knot lie on the first and last step. A spline is linear in its values, so a whole
    batch of curves is one matrix product.
    """
    from scipy.interpolate import CubicSpline  # here, so that recipes without a warp do not wait for scipy

    spline = CubicSpline(np.linspace(0.0, 1.0, knots), np.eye(knots), axis=0, bc_type="natural")
    basis = spline(np.linspace(0.0, 1.0, time))  # (time, knots)
    return torch.as_tensor(np.ascontiguousarray(basis.T), dtype=dtype, device=device)
