"""The losses of SimSiam and BYOL against plain loops, and their stopped gradient."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from otolith.losses.siamese import negative_cosine, normalised_mse
from tests.helpers.paper_equations import randn

Rows = list[list[float]]
LOSSES = [negative_cosine, normalised_mse]


def unit(row: list[float]) -> list[float]:
    norm = math.sqrt(math.fsum(x * x for x in row))
    return [x / norm for x in row]


def paper_negative_cosine(p: Rows, z: Rows) -> float:  # Eq 1 of Chen and He 2021
    each = [-math.fsum(a * b for a, b in zip(unit(x), unit(y), strict=True)) for x, y in zip(p, z, strict=True)]
    return math.fsum(each) / len(each)


def paper_normalised_mse(p: Rows, z: Rows) -> float:  # Eq 2 of Grill et al. 2020
    each = [math.fsum((a - b) ** 2 for a, b in zip(unit(x), unit(y), strict=True)) for x, y in zip(p, z, strict=True)]
    return math.fsum(each) / len(each)


@pytest.mark.parametrize(
    ("loss", "paper"), [(negative_cosine, paper_negative_cosine), (normalised_mse, paper_normalised_mse)]
)
@pytest.mark.parametrize(("n", "d"), [(1, 1), (1, 5), (2, 3), (7, 4), (5, 40)])
def test_it_is_the_paper_s_equation(
    loss: Callable[[Tensor, Tensor], Tensor], paper: Callable[[Rows, Rows], float], n: int, d: int
) -> None:
    p, z = randn(n, d, seed=1) * 10.0 ** torch.arange(n)[:, None], randn(n, d, seed=2)
    found = loss(p, z)
    assert found.dtype == torch.float64
    assert found.item() == pytest.approx(paper(p.tolist(), z.tolist()), abs=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
def test_gradcheck(loss: Callable[[Tensor, Tensor], Tensor]) -> None:
    z = randn(4, 3, seed=3)
    assert torch.autograd.gradcheck(lambda p: loss(p, z), (randn(4, 3, seed=4).requires_grad_(),))
    near = (z + 1e-3 * randn(4, 3, seed=5)).requires_grad_()
    assert torch.autograd.gradcheck(lambda p: loss(p, z), (near,))


@pytest.mark.parametrize("loss", LOSSES)
def test_the_embedding_is_a_constant(loss: Callable[[Tensor, Tensor], Tensor]) -> None:
    p, z = randn(4, 3, seed=6).requires_grad_(), randn(4, 3, seed=7).requires_grad_()
    loss(p, z).backward()
    assert z.grad is None
    assert p.grad is not None
    assert p.grad.any()
    with pytest.raises(RuntimeError, match="does not require grad"):
        loss(p.detach(), z).backward()


def test_the_ends_of_the_scale() -> None:
    z = randn(5, 3, seed=8)
    for p, cosine, mse in ((3 * z, -1.0, 0.0), (-z, 1.0, 4.0)):
        assert negative_cosine(p, z).item() == pytest.approx(cosine, abs=1e-15)
        assert normalised_mse(p, z).item() == pytest.approx(mse, abs=1e-15)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_row_without_direction_counts_as_a_right_angle(dtype: torch.dtype) -> None:
    p, z = randn(3, 4, seed=9).to(dtype), randn(3, 4, seed=10).to(dtype)
    p[0], z[1] = 0, 0
    p.requires_grad_()
    loss = negative_cosine(p, z)
    assert loss.item() == pytest.approx(paper_negative_cosine(p[2:].tolist(), z[2:].tolist()) / 3, rel=1e-6)
    assert normalised_mse(p, z).item() == pytest.approx(2 + 2 * loss.item(), rel=1e-6)
    loss.backward()
    assert p.grad is not None
    assert p.grad.isfinite().all()
    assert not p.grad[:2].any()
    assert p.grad[2].any()


@pytest.mark.parametrize("loss", LOSSES)
def test_lengths_neither_overflow_nor_vanish(loss: Callable[[Tensor, Tensor], Tensor]) -> None:
    p, z = randn(4, 6, seed=11), randn(4, 6, seed=12)
    for factor in (1e30, 1e-8):
        assert loss((p * factor).float(), z.float()).item() == pytest.approx(loss(p, z).item(), rel=1e-5)


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_and_returned_in_single(half: torch.dtype) -> None:
    p, z = randn(4, 6, seed=13).to(half).requires_grad_(), randn(4, 6, seed=14).to(half)
    for loss in LOSSES:
        found = loss(p, z)
        assert found.dtype == torch.float32
        assert found.item() == loss(p.float(), z.float()).item()
        (gradient,) = torch.autograd.grad(found, p)
        assert gradient.dtype == half
        assert gradient.isfinite().all()


def test_autocast_changes_nothing() -> None:
    p, z = randn(4, 64, seed=15).float(), randn(4, 64, seed=16).float()
    outside = negative_cosine(p, z)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(negative_cosine(p, z), outside)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    ("p", "z", "message"),
    [
        (torch.ones(3), torch.ones(3), r"p has shape \(3,\)"),
        (torch.ones(3, 2), torch.ones(3, 2, 1), r"z has shape \(3, 2, 1\)"),
        (torch.ones(3, 2), torch.ones(4, 2), r"p has shape \(3, 2\) and z \(4, 2\); expected one row"),
        (torch.ones(3, 2), torch.ones(3, 1), r"p has shape \(3, 2\) and z \(3, 1\)"),
        (torch.ones(0, 2), torch.ones(0, 2), r"p has shape \(0, 2\)"),
        (torch.ones(3, 2, dtype=torch.int64), torch.ones(3, 2), "p has type torch.int64"),
    ],
)
def test_wrong_input_is_named(loss: Callable[[Tensor, Tensor], Tensor], p: Tensor, z: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        loss(p, z)
