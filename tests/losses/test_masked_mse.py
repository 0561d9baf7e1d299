"""The reconstruction error of hidden steps: against plain loops, and blind to everything else."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from otolith.losses.masked import masked_mse
from tests.helpers.paper_equations import randn


def masks(n: int, time: int, seed: int = 0) -> Tensor:
    return torch.rand(n, time, generator=torch.Generator().manual_seed(seed)) < 0.3


def by_loops(rebuilt: Tensor, x: Tensor, masked: Tensor) -> float:
    errors = [
        (rebuilt[i, c, t].item() - x[i, c, t].item()) ** 2
        for i in range(x.shape[0])
        for c in range(x.shape[1])
        for t in range(x.shape[2])
        if masked[i, t]
    ]
    return math.fsum(errors) / len(errors)


@pytest.mark.parametrize("shape", [(1, 1, 8), (3, 2, 9), (5, 6, 30)])
def test_it_is_the_mean_over_hidden_steps(shape: tuple[int, int, int]) -> None:
    rebuilt, x, masked = randn(*shape, seed=1), randn(*shape, seed=2), masks(shape[0], shape[2])
    masked[0, 0] = True
    assert masked_mse(rebuilt, x, masked).item() == pytest.approx(by_loops(rebuilt, x, masked), rel=1e-12)


def test_by_hand() -> None:
    """Two hidden steps of the first window (errors 1 and 4), one of the second (9): steps weigh alike, not windows."""
    x = torch.zeros(2, 1, 3)
    rebuilt = torch.tensor([[[1.0, 2.0, 50.0]], [[60.0, 70.0, 3.0]]])
    masked = torch.tensor([[True, True, False], [False, False, True]])
    assert masked_mse(rebuilt, x, masked).item() == pytest.approx((1 + 4 + 9) / 3)


@pytest.mark.parametrize("elsewhere", [1e6, math.inf, math.nan])
def test_what_was_not_hidden_counts_nothing(elsewhere: float) -> None:
    rebuilt, x, masked = randn(4, 3, 10, seed=3), randn(4, 3, 10, seed=4), masks(4, 10)
    expected = masked_mse(rebuilt, x, masked)
    wrong = rebuilt.masked_fill(~masked[:, None], elsewhere).requires_grad_()
    loss = masked_mse(wrong, x, masked)
    loss.backward()
    assert loss.item() == expected.item()
    assert wrong.grad is not None
    hidden = masked[:, None].expand_as(x)
    assert not wrong.grad[~hidden].any()
    assert wrong.grad[hidden].all()
    assert wrong.grad.isfinite().all()


def test_a_window_s_mask_is_its_own() -> None:
    rebuilt, x, masked = randn(4, 3, 10, seed=5), randn(4, 3, 10, seed=6), masks(4, 10)
    assert not torch.equal(masked, masked.roll(1, 0))
    assert abs(masked_mse(rebuilt, x, masked).item() - masked_mse(rebuilt, x, masked.roll(1, 0)).item()) > 1e-3


def test_nothing_hidden_costs_nothing() -> None:
    rebuilt = randn(2, 3, 8, seed=7).requires_grad_()
    loss = masked_mse(rebuilt, randn(2, 3, 8, seed=8), torch.zeros(2, 8, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0.0
    assert rebuilt.grad is not None
    assert not rebuilt.grad.any()


def test_gradients_agree_with_differences() -> None:
    x, masked = randn(2, 2, 8, seed=9), masks(2, 8)
    assert torch.autograd.gradcheck(lambda r: masked_mse(r, x, masked), (randn(2, 2, 8, seed=10).requires_grad_(),))


def test_types() -> None:
    rebuilt, x, masked = randn(4, 3, 10, seed=11), randn(4, 3, 10, seed=12), masks(4, 10)
    expected = masked_mse(rebuilt, x, masked)
    assert expected.dtype == torch.float64
    for dtype, tolerance in ((torch.float32, 1e-6), (torch.bfloat16, 0.02), (torch.float16, 2e-3)):
        got = masked_mse(rebuilt.to(dtype), x.float(), masked)
        assert got.dtype == torch.float32
        assert got.item() == pytest.approx(expected.item(), rel=tolerance)


MASK = torch.ones(2, 8, dtype=torch.bool)


@pytest.mark.parametrize(
    ("rebuilt", "x", "masked", "message"),
    [
        (torch.ones(2, 3, 8), torch.ones(2, 4, 8), MASK, r"\(2, 3, 8\) .* \(2, 4, 8\)"),
        (torch.ones(2, 8), torch.ones(2, 8), MASK, "expected floating-point"),
        (torch.ones(2, 3, 8).long(), torch.ones(2, 3, 8).long(), MASK, "torch.int64"),
        (torch.ones(2, 3, 8), torch.ones(2, 3, 8), MASK[:, None], r"\(2, 1, 8\) .* bool \(2, 8\)"),
        (torch.ones(2, 3, 8), torch.ones(2, 3, 8), MASK.float(), "type torch.float32"),
    ],
)
def test_what_it_cannot_use_is_refused(rebuilt: Tensor, x: Tensor, masked: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        masked_mse(rebuilt, x, masked)
