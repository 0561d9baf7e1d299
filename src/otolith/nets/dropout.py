"""Dropout, in the fast form where there is one."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from otolith import fast
from otolith.fast import masks


def dropout(x: Tensor, p: float, training: bool) -> Tensor:
    """Zero each element with probability `p` and scale the others by 1 / (1 - p); `x` itself when not training."""
    if not training or p == 0:
        return x
    if p < 1 and x.device.type == "cpu" and fast.is_on():
        return masks.dropout(x, p)
    return F.dropout(x, p)


class Dropout(nn.Dropout):
    """`dropout` as a module."""

    def forward(self, x: Tensor) -> Tensor:
        return dropout(x, self.p, self.training)
