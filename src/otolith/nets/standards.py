"""Mean and deviation of features, by which they are standardised."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

ROUNDING = 1e-5
"""Deviation below which a feature is nothing but rounding, such as the mean of acc_x where gravity lies along +z: some
1e-6 m/s². Divided by that, it would be noise as large as any other feature, and another one in an exported file."""


@torch.no_grad()
def mean_and_deviation(parts: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Return mean and deviation of each column over all rows of (n, m) parts: (m,) and (m,), float64.

    A column that does not vary but for rounding has a deviation of 1.

    >>> [each.tolist() for each in mean_and_deviation([torch.tensor([[1.0, 7.0]]), torch.tensor([[3.0, 7.0]])])]
    [[2.0, 7.0], [1.0, 1.0]]
    """
    n = sum(len(part) for part in parts)
    rows = [rows for part in parts for rows in part.split(4096)]
    mean = torch.stack([each.double().sum(0) for each in rows]).sum(0) / n
    std = (torch.stack([(each.double() - mean).square().sum(0) for each in rows]).sum(0) / n).sqrt()
    varies = std > 1e-5 * mean.abs() + ROUNDING
    return mean, torch.where(varies, std, torch.ones_like(std))
