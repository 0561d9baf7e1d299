"""VICReg's terms against plain loops written from Eqs 1-6."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from otolith.losses.vicreg import covariance_term, variance_term, vicreg
from tests.helpers.paper_equations import randn

Rows = list[list[float]]


def mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)


def paper_s(a: Rows, b: Rows) -> float:  # Eq 5 by Algorithm 1
    squares = [math.fsum((x - y) ** 2 for x, y in zip(r, t, strict=True)) for r, t in zip(a, b, strict=True)]
    return mean(squares) / len(a[0])


def paper_covariance(z: Rows, i: int, j: int) -> float:  # Eq 3
    mean_i, mean_j = mean([row[i] for row in z]), mean([row[j] for row in z])
    return math.fsum((row[i] - mean_i) * (row[j] - mean_j) for row in z) / (len(z) - 1)


def paper_v(z: Rows) -> float:  # Eqs 1 and 2
    d = len(z[0])
    return math.fsum(max(0.0, 1 - math.sqrt(paper_covariance(z, j, j) + 1e-4)) for j in range(d)) / d


def paper_c(z: Rows) -> float:  # Eq 4
    d = len(z[0])
    return math.fsum(paper_covariance(z, i, j) ** 2 for i in range(d) for j in range(d) if i != j) / d


def embeddings(n: int, d: int, seed: int) -> Tensor:
    """Dimensions on both sides of the hinge, correlated, with means of their own."""
    mixed = randn(n, d, seed=seed) @ randn(d, d, seed=seed + 100)
    return mixed * torch.linspace(0.1, 1.5, d, dtype=torch.float64) + 3 * randn(1, d, seed=seed + 200)


@pytest.mark.parametrize(("n", "d"), [(2, 1), (2, 5), (3, 2), (9, 4), (4, 12)])
def test_it_is_equation_6(n: int, d: int) -> None:
    a, b = embeddings(n, d, 1), embeddings(n, d, 2)
    rows_a, rows_b = a.tolist(), b.tolist()
    expected = {
        "invariance": paper_s(rows_a, rows_b),
        "variance": paper_v(rows_a) + paper_v(rows_b),
        "covariance": paper_c(rows_a) + paper_c(rows_b),
    }
    found = vicreg(a, b)
    assert {name: value.dtype for name, value in found.items()} == dict.fromkeys(["loss", *expected], torch.float64)
    for name, value in expected.items():
        assert found[name].item() == pytest.approx(value, rel=1e-11, abs=1e-13), name
    total = 25 * expected["invariance"] + 25 * expected["variance"] + expected["covariance"]
    assert found["loss"].item() == pytest.approx(total, rel=1e-11)
    weights = {"invariance": 2.0, "variance": 0.3, "covariance": 5.0}
    total = math.fsum(weights[name] * value for name, value in expected.items())
    assert vicreg(a, b, **weights)["loss"].item() == pytest.approx(total, rel=1e-11)


def test_gradcheck() -> None:
    a, b = embeddings(5, 4, 4).requires_grad_(), embeddings(5, 4, 5).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, y: vicreg(x, y)["loss"], (a, b))
    for name in ("invariance", "variance", "covariance"):
        assert torch.autograd.gradcheck(lambda x, y, n=name: vicreg(x, y)[n], (a, b))


def test_both_views_are_trained_alike() -> None:
    a, b = embeddings(5, 4, 6).requires_grad_(), embeddings(5, 4, 7).requires_grad_()
    one, other = vicreg(a, b)["loss"], vicreg(b, a)["loss"]
    assert one.item() == pytest.approx(other.item(), rel=1e-14)
    for mine, theirs in zip(torch.autograd.grad(one, (a, b)), torch.autograd.grad(other, (a, b)), strict=True):
        assert mine.any()
        torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_collapsed_embeddings_have_the_full_variance_term_and_a_finite_gradient(dtype: torch.dtype) -> None:
    a = randn(1, 6, seed=8).to(dtype).repeat(5, 1).requires_grad_()
    found = vicreg(a, a.detach().clone())
    assert found["variance"].item() == pytest.approx(2 * (1 - 0.01), rel=1e-6)
    assert found["invariance"].item() == found["covariance"].item() == 0
    found["loss"].backward()
    assert a.grad is not None
    assert a.grad.isfinite().all()


def test_the_variance_term_pushes_a_nearly_constant_dimension_apart() -> None:
    z = (1e-3 * randn(8, 1, seed=9)).requires_grad_()
    variance_term(z).backward()
    assert z.grad is not None
    centred = z.detach() - z.detach().mean()
    assert (centred * -z.grad).sum() > 0  # a step against the gradient widens it
    assert z.grad.abs().max() > 1e-3


def test_dimensions_that_vary_enough_cost_nothing() -> None:
    z = torch.tensor([[3.0, -3.0], [-3.0, -3.0], [3.0, 3.0], [-3.0, 3.0]], dtype=torch.float64)
    assert variance_term(z).item() == 0
    assert covariance_term(z).item() == 0


def test_a_width_beyond_the_batch_leaves_covariance() -> None:
    """The bound of the docstring, d / (n - 1) - 1 with unit variances, is met by a flat spectrum and never passed."""
    n, d = 5, 12
    basis, _ = torch.linalg.qr(torch.cat([torch.ones(n, 1, dtype=torch.float64), randn(n, n - 1, seed=10)], dim=1))
    flat, _ = torch.linalg.qr(randn(d, d, seed=11))
    even = basis[:, 1:] @ flat[: n - 1] * math.sqrt(d)  # covariance with n - 1 equal eigenvalues and trace d
    trace = float(even.var(dim=0).square().sum()) / d
    assert covariance_term(even).item() + trace == pytest.approx(d / (n - 1), rel=1e-9)
    for seed in range(5):
        z = randn(n, d, seed=seed)
        z = z / z.std(dim=0)
        assert covariance_term(z).item() >= d / (n - 1) - 1 - 1e-12


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_and_returned_in_single(half: torch.dtype) -> None:
    a, b = embeddings(6, 4, 12).to(half).requires_grad_(), embeddings(6, 4, 13).to(half)
    found, single = vicreg(a, b), vicreg(a.float(), b.float())
    for name, value in found.items():
        assert value.dtype == torch.float32
        assert value.item() == single[name].item()
    (gradient,) = torch.autograd.grad(found["loss"], a)
    assert gradient.dtype == half
    assert gradient.isfinite().all()


def test_autocast_changes_nothing() -> None:
    a, b = embeddings(32, 64, 14).float().requires_grad_(), embeddings(32, 64, 15).float()
    outside = vicreg(a, b)
    (slope,) = torch.autograd.grad(outside["loss"], a)
    with torch.autocast("cpu", torch.bfloat16):
        inside = vicreg(a, b)
    for name, value in outside.items():
        assert torch.equal(inside[name], value), name
    assert torch.equal(torch.autograd.grad(inside["loss"], a)[0], slope)


def test_wrong_input_is_named() -> None:
    good = torch.ones(3, 2)
    for a, b, message in (
        (torch.ones(3), good, r"a has shape \(3,\)"),
        (good, torch.ones(3, 2, 1), r"b has shape \(3, 2, 1\)"),
        (good, torch.ones(4, 2), r"a has shape \(3, 2\) and b \(4, 2\)"),
        (good[:1], good[:1], r"a has 1 row\(s\); expected 2 or more"),
        (good.long(), good, "a has type torch.int64"),
    ):
        with pytest.raises(ValueError, match=message):
            vicreg(a, b)
    for term in (variance_term, covariance_term):
        with pytest.raises(ValueError, match=r"z has 1 row\(s\)"):
            term(good[:1])
    for name in ("invariance", "variance", "covariance"):
        for weight in (-1.0, math.nan):
            with pytest.raises(ValueError, match=f"the weight of {name} is {weight}; expected 0 or more"):
                vicreg(good, good, **{name: weight})
