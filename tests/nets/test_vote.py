"""Vote of heads: the mean of probabilities, written out, and the columns that each head sees."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from otolith.nets.vote import VoteHead


class Fixed(nn.Module):
    """Logits that are the features themselves."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


def test_logits_are_the_logarithm_of_the_mean_probability() -> None:
    x = torch.tensor([[math.log(3.0), 0.0, 0.0, math.log(9.0)]])  # 3/4, 1/4 and 1/10, 9/10
    logits = VoteHead([Fixed(), Fixed()], [(0, 2), (2, 4)])(x)
    assert logits[0].exp().tolist() == pytest.approx([(0.75 + 0.1) / 2, (0.25 + 0.9) / 2], abs=1e-6)


def test_the_softmax_of_the_vote_is_the_mean_itself() -> None:
    x = torch.randn(7, 6, generator=torch.Generator().manual_seed(0))
    vote = VoteHead([Fixed(), Fixed()], [(0, 3), (3, 6)])
    mean = (x[:, :3].softmax(1) + x[:, 3:].softmax(1)) / 2
    torch.testing.assert_close(vote(x).softmax(1), mean)


def test_a_head_sees_its_columns_alone() -> None:
    vote = VoteHead([Fixed(), Fixed()], [(1, 3), (3, 5)])
    x = torch.zeros(1, 6)
    other = x.clone()
    other[0, [0, 5]] = 100.0
    torch.testing.assert_close(vote(x), vote(other))


def test_certain_heads_leave_the_logits_finite() -> None:
    logits = VoteHead([Fixed()], [(0, 2)])(torch.tensor([[500.0, -500.0]]))
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("columns", [[], [(0, 2), (2, 4)], [(2, 2)], [(-1, 2)]])
def test_ranges_that_do_not_fit_are_refused(columns: list[tuple[int, int]]) -> None:
    with pytest.raises(ValueError, match="a range of columns for each"):
        VoteHead([Fixed()], columns)
