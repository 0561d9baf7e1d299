"""Vote of several heads, each on its own columns of the features."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

LEAST = 1e-6
"""Mean probability below which the logarithm is bounded."""


class VoteHead(nn.Module):
    """Mean of the probabilities of several heads: (batch, n_features) -> logits (batch, n_classes).

    The logits are the logarithms of the mean, so that their softmax is the mean itself ("sum rule", Kittler et al.
    1998). Each head sees a range of columns, such as the learned or the hand-made part of joined features.

    Args:
        heads: modules (batch, width of its columns) -> logits (batch, n_classes).
        columns: first column of each head, and the one after its last.

    Raises:
        ValueError: no heads, another number of ranges than of heads, or an empty range.

    >>> vote = VoteHead([nn.Linear(2, 3), nn.Linear(4, 3)], columns=[(0, 2), (2, 6)])
    >>> vote(torch.zeros(5, 6)).exp().sum(1).detach().round(decimals=5)
    tensor([1., 1., 1., 1., 1.])
    """

    def __init__(self, heads: Sequence[nn.Module], columns: Sequence[tuple[int, int]]) -> None:
        super().__init__()
        if not heads or len(heads) != len(columns) or any(not 0 <= first < last for first, last in columns):
            raise ValueError(f"expected a range of columns for each of one or more heads; got {list(columns)}")
        self.heads = nn.ModuleList(heads)
        self.columns = tuple((int(first), int(last)) for first, last in columns)

    def forward(self, x: Tensor) -> Tensor:
        answers = [
            torch.softmax(head(x[:, first:last]), dim=1)
            for head, (first, last) in zip(self.heads, self.columns, strict=True)
        ]
        return torch.stack(answers).mean(dim=0).clamp_min(LEAST).log()
