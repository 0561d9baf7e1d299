"""Mean and deviation of features, by which they are standardised."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


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
    varies = std > 1e-5 * mean.abs() + 1e-12
    return mean, torch.where(varies, std, torch.ones_like(std))
