"""InfoNCE against Eq 4 of van den Oord et al. in plain loops, and hand-made cases."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from otolith.losses.infonce import info_nce
from tests.helpers.paper_equations import minus_log_ratio, randn


def paper_info_nce(predicted: Tensor, target: Tensor) -> float:
    """Eqs 3 and 4, one prediction after the other: negatives are the other windows' latents of the same step."""
    c, z = predicted.tolist(), target.tolist()
    losses = []
    for k in range(len(c[0])):
        for i in range(len(c)):
            score = [math.fsum(a * b for a, b in zip(c[i][k], z[j][k], strict=True)) for j in range(len(z))]
            losses.append(minus_log_ratio(score[i], score[:i] + score[i + 1 :]))
    return math.fsum(losses) / len(losses)


@pytest.mark.parametrize("shape", [(2, 1, 1), (2, 3, 4), (5, 1, 3), (7, 4, 6)])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 10.0])
def test_it_is_the_paper_s_loss(shape: tuple[int, int, int], scale: float) -> None:
    predicted, target = scale * randn(*shape, seed=1), randn(*shape, seed=2)
    assert info_nce(predicted, target).item() == pytest.approx(paper_info_nce(predicted, target), rel=1e-12, abs=1e-12)


def test_by_hand() -> None:
    """Scores 1 and 2 of the first prediction (with its own target and the other), 3 and 6 of the second."""
    predicted, target = torch.tensor([[[1.0]], [[3.0]]]).double(), torch.tensor([[[1.0]], [[2.0]]]).double()
    expected = (math.log(1 + math.exp(2 - 1)) + math.log(1 + math.exp(3 - 6))) / 2
    assert info_nce(predicted, target).item() == pytest.approx(expected, abs=1e-15)
    over_predictions = (math.log(1 + math.exp(3 - 1)) + math.log(1 + math.exp(2 - 6))) / 2
    assert abs(expected - over_predictions) > 0.1  # the other way to normalise is another loss


@pytest.mark.parametrize("n", [2, 5, 64])
def test_who_knows_nothing_pays_the_log_of_the_batch(n: int) -> None:
    target = randn(n, 3, 4)
    assert info_nce(torch.zeros_like(target), target).item() == pytest.approx(math.log(n), abs=1e-12)
    assert info_nce(randn(n, 3, 4, seed=1), target[:1].expand(n, 3, 4)).item() == pytest.approx(math.log(n), abs=1e-12)


def test_a_perfect_prediction_costs_nothing_and_a_wrong_one_its_margin() -> None:
    target = torch.eye(4).double()[:, None]
    assert info_nce(100 * target, target).item() == pytest.approx(0.0, abs=1e-12)
    assert info_nce(-100 * target, target).item() == pytest.approx(100 + math.log(3), abs=1e-12)
    assert info_nce(1e4 * target.float(), target.float()).item() == 0.0


def test_windows_belong_to_their_own_target_and_step() -> None:
    predicted, target = randn(5, 3, 4, seed=3), randn(5, 3, 4, seed=4)
    loss, order = info_nce(predicted, target).item(), torch.tensor([3, 0, 4, 1, 2])
    assert info_nce(predicted[order], target[order]).item() == pytest.approx(loss, rel=1e-12)
    assert abs(info_nce(predicted, target[order]).item() - loss) > 1e-3
    steps = torch.tensor([2, 0, 1])
    assert info_nce(predicted[:, steps], target[:, steps]).item() == pytest.approx(loss, rel=1e-12)
    assert abs(info_nce(predicted, target[:, steps]).item() - loss) > 1e-3


def test_steps_are_averaged() -> None:
    predicted, target = randn(5, 3, 4, seed=5), randn(5, 3, 4, seed=6)
    apart = [info_nce(predicted[:, k : k + 1], target[:, k : k + 1]).item() for k in range(3)]
    assert info_nce(predicted, target).item() == pytest.approx(sum(apart) / 3, rel=1e-12)


def test_gradients_agree_with_differences_for_predictions_and_targets() -> None:
    given = (randn(4, 2, 3, seed=7).requires_grad_(), randn(4, 2, 3, seed=8).requires_grad_())
    assert torch.autograd.gradcheck(info_nce, given)


def test_types() -> None:
    predicted, target = randn(4, 2, 3, seed=9), randn(4, 2, 3, seed=10)
    expected = info_nce(predicted, target)
    assert expected.dtype == torch.float64
    assert info_nce(predicted.float(), target).dtype == torch.float64
    for dtype, tolerance in ((torch.float32, 1e-5), (torch.bfloat16, 0.1), (torch.float16, 1e-2)):
        got = info_nce(predicted.to(dtype), target.to(dtype))
        assert got.dtype == torch.float32
        assert got.item() == pytest.approx(expected.item(), rel=tolerance)


def test_autocast_does_not_narrow_the_products() -> None:
    predicted, target = randn(4, 2, 3, seed=11).float(), randn(4, 2, 3, seed=12).float()
    expected = info_nce(predicted, target)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(info_nce(predicted, target), expected)


@pytest.mark.parametrize(
    ("predicted", "target", "message"),
    [
        (torch.ones(3, 4), torch.ones(3, 4), r"predicted has shape \(3, 4\)"),
        (torch.ones(3, 1, 4), torch.ones(3, 1, 4).long(), r"target .* type torch.int64"),
        (torch.ones(3, 2, 4), torch.ones(3, 1, 4), r"\(3, 2, 4\) and target \(3, 1, 4\)"),
        (torch.ones(3, 0, 4), torch.ones(3, 0, 4), "at least one"),
        (torch.ones(1, 2, 4), torch.ones(1, 2, 4), "no negatives"),
    ],
)
def test_what_it_cannot_use_is_refused(predicted: Tensor, target: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        info_nce(predicted, target)
