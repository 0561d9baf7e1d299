"""The loss of transformation prediction: against plain loops, and who is what."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from otolith.losses.transformations import transformation_bce
from tests.helpers.paper_equations import randn


def by_loops(originals: Tensor, transformed: Tensor) -> float:
    """-y log(p) - (1 - y) log(1 - p) of every window and task, y = 1 where the transformation was applied."""
    total = 0.0
    for task in range(len(originals)):
        losses = []
        for y, logits in ((0, originals[task].tolist()), (1, transformed[task].tolist())):
            for logit in logits:
                p = 1 / (1 + math.exp(-logit))
                losses.append(-y * math.log(p) - (1 - y) * math.log(1 - p))
        total += math.fsum(losses) / len(losses)
    return total


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (8, 1), (8, 6)])
@pytest.mark.parametrize("scale", [0.01, 1.0, 5.0])
def test_it_is_binary_cross_entropy(shape: tuple[int, int], scale: float) -> None:
    originals, transformed = scale * randn(*shape, seed=1), scale * randn(*shape, seed=2)
    expected = by_loops(originals, transformed)
    assert transformation_bce(originals, transformed).item() == pytest.approx(expected, rel=1e-10)


def test_by_hand() -> None:
    """One task: an original taken for one at odds of 3 to 1, a transformed window at odds of 1 to 1."""
    loss = transformation_bce(-torch.tensor([[3.0]]).double().log(), torch.zeros(1, 1).double())
    assert loss.item() == pytest.approx((-math.log(3 / 4) - math.log(1 / 2)) / 2, abs=1e-15)


def test_who_knows_nothing_pays_log_2_for_each_task() -> None:
    assert transformation_bce(torch.zeros(8, 5), torch.zeros(8, 5)).item() == pytest.approx(8 * math.log(2))


def test_tasks_add_up() -> None:
    originals, transformed = randn(8, 6, seed=3), randn(8, 6, seed=4)
    apart = [transformation_bce(originals[i : i + 1], transformed[i : i + 1]).item() for i in range(8)]
    assert transformation_bce(originals, transformed).item() == pytest.approx(sum(apart), rel=1e-12)


def test_originals_want_low_logits_and_transformed_windows_high_ones() -> None:
    low, high = torch.full((2, 3), -100.0), torch.full((2, 3), 100.0)
    assert transformation_bce(low, high).item() == pytest.approx(0.0, abs=1e-30)
    assert transformation_bce(high, low).item() == pytest.approx(200.0)
    assert transformation_bce(low, low).item() == pytest.approx(100.0)


def test_gradients_agree_with_differences() -> None:
    given = (randn(3, 4, seed=5).requires_grad_(), randn(3, 4, seed=6).requires_grad_())
    assert torch.autograd.gradcheck(transformation_bce, given)


def test_types() -> None:
    originals, transformed = randn(3, 4, seed=7), randn(3, 4, seed=8)
    expected = transformation_bce(originals, transformed)
    assert expected.dtype == torch.float64
    for dtype, tolerance in ((torch.float32, 1e-6), (torch.bfloat16, 0.02), (torch.float16, 2e-3)):
        got = transformation_bce(originals.to(dtype), transformed.to(dtype))
        assert got.dtype == torch.float32
        assert got.item() == pytest.approx(expected.item(), rel=tolerance)


@pytest.mark.parametrize(
    ("originals", "transformed", "message"),
    [
        (torch.ones(3), torch.ones(3), r"originals has shape \(3,\)"),
        (torch.ones(3, 2), torch.ones(3, 2).bool(), r"transformed .* torch.bool"),
        (torch.ones(3, 0), torch.ones(3, 0), "at least one"),
        (torch.ones(3, 2), torch.ones(3, 4), r"\(3, 2\) and transformed \(3, 4\)"),
    ],
)
def test_what_it_cannot_use_is_refused(originals: Tensor, transformed: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        transformation_bce(originals, transformed)
