"""MACL, DySTreSS, debiased, hard and clustered negatives at the edges: number types, hostile values, wrong input."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from otolith.losses import cluster_nt_xent, debiased_nt_xent, dystress_nt_xent, hard_negative_nt_xent, macl_nt_xent
from otolith.losses.dystress import pair_temperature
from otolith.losses.macl import alignment_temperature
from tests.helpers.paper_equations import BATCHES, randn

quick = settings(max_examples=15, deadline=None, derandomize=True)

LOSSES: dict[str, Callable[[Tensor, float], Tensor]] = {
    "macl": lambda z, tau: macl_nt_xent(z, tau),
    "macl, large alpha": lambda z, tau: macl_nt_xent(z, tau, 2.0, 0.8),
    "macl, no weights": lambda z, tau: macl_nt_xent(z, tau, reweight=False),
    "dystress": lambda z, tau: dystress_nt_xent(z, tau, 3 * tau),
    "debiased": lambda z, tau: debiased_nt_xent(z, tau),
    "debiased, nearly all": lambda z, tau: debiased_nt_xent(z, tau, 0.999),
    "hard": lambda z, tau: hard_negative_nt_xent(z, tau),
    "hard, beta 10": lambda z, tau: hard_negative_nt_xent(z, tau, 0.1, 10.0),
    "clusters": lambda z, tau: cluster_nt_xent(z, tau, 3),
    "one cluster": lambda z, tau: cluster_nt_xent(z, tau, 1),
}
every_loss = pytest.mark.parametrize("name", LOSSES)


def value_and_slope(name: str, z: Tensor, tau: float = 0.3) -> tuple[Tensor, Tensor]:
    rows = z.detach().clone().requires_grad_()
    loss = LOSSES[name](rows, tau)
    return loss.detach(), torch.autograd.grad(loss, rows)[0]


@every_loss
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("case", BATCHES)
def test_losses_and_gradients_are_finite(name: str, case: str, dtype: torch.dtype) -> None:
    for tau in (0.5, 0.1, 0.001):
        loss, slope = value_and_slope(name, BATCHES[case][0].to(dtype), tau)
        assert loss.shape == ()
        assert loss >= 0
        assert loss.isfinite()
        assert slope.isfinite().all()


@every_loss
def test_single_precision_is_close(name: str) -> None:
    tolerance = 1e-3 if name == "debiased, nearly all" else 1e-5  # it divides a difference by 1 - tau_plus
    for case, (z, _) in BATCHES.items():
        if case != "lengths":  # the shortest rows' gradients are of another size
            exact, exact_slope = value_and_slope(name, z.float().double())
            single, slope = value_and_slope(name, z.float())
            assert single.item() == pytest.approx(exact.item(), rel=tolerance, abs=tolerance)
            assert (slope - exact_slope).norm() <= 10 * tolerance * exact_slope.norm() + 1e-6


@pytest.mark.parametrize(
    ("z", "clusters"), [(randn(10, 4, seed=51), 1), (randn(1, 4, seed=52).repeat(10, 1), 3), (torch.zeros(10, 4), 3)]
)
def test_a_batch_that_is_one_cluster_has_loss_0_and_no_gradient(z: Tensor, clusters: int) -> None:
    rows = z.clone().requires_grad_()
    loss = cluster_nt_xent(rows, 0.1, clusters)
    (slope,) = torch.autograd.grad(loss, rows)
    assert loss.item() == 0
    assert not slope.any()


@every_loss
@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_and_returned_in_single(name: str, half: torch.dtype) -> None:
    z = randn(8, 4, seed=53).to(half)
    loss, slope = value_and_slope(name, z)
    single, _ = value_and_slope(name, z.float())
    assert loss.dtype == torch.float32
    assert loss == single
    assert slope.dtype == half
    assert slope.isfinite().all()


@every_loss
def test_autocast_changes_nothing(name: str) -> None:
    z = randn(8, 64, seed=54).float()
    expected, expected_slope = value_and_slope(name, z)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, slope = value_and_slope(name, z)
    assert loss == expected
    assert torch.equal(slope, expected_slope)


@quick
@given(st.integers(0, 10_000), st.integers(2, 6), st.floats(1e-6, 1e6))
def test_order_and_length_do_not_matter(seed: int, n: int, length: float) -> None:
    z = randn(2 * n, 3, seed=seed)
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    lengths = torch.linspace(1, length, 2 * n, dtype=torch.float64)[:, None]
    for loss in LOSSES.values():
        expected = loss(z, 0.3).item()
        for other in (torch.cat([z[:n][order], z[n:][order]]), torch.cat([z[n:], z[:n]]), z * lengths):
            assert loss(other, 0.3).item() == pytest.approx(expected, rel=1e-11, abs=1e-12)


HOSTILE = st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e30, -1e30, 1e-30, 1e-13, 2.5, 3e38])


@quick
@given(st.data(), st.integers(2, 4), st.sampled_from([torch.float32, torch.float64]), st.floats(1e-3, 10.0))
def test_hostile_values_give_finite_losses_and_gradients(
    data: st.DataObject, n: int, dtype: torch.dtype, tau: float
) -> None:
    entries = st.lists(HOSTILE, min_size=2, max_size=2)
    z = torch.tensor(data.draw(st.lists(entries, min_size=2 * n, max_size=2 * n)), dtype=dtype)
    for name in LOSSES:
        loss, slope = value_and_slope(name, z, tau)
        assert loss.isfinite(), name
        assert slope.isfinite().all(), name


@every_loss
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_finite_stays_visible(name: str, bad: float) -> None:
    z = randn(6, 3, seed=55)
    z[1, 1] = bad
    assert LOSSES[name](z, 0.3).isnan()


@every_loss
@pytest.mark.parametrize(
    ("z", "message"),
    [
        (randn(2, 4), r"z has 2 rows, 1 instance\(s\), so no negatives"),
        (randn(0, 4), r"z has 0 rows, 0 instance\(s\)"),
        (randn(5, 4), "z has 5 rows; expected an even number"),
        (randn(4), r"z has shape \(4,\)"),
        (randn(6, 0), r"z has shape \(6, 0\)"),
        (randn(6, 4).long(), "z has type torch.int64"),
    ],
)
def test_wrong_views(name: str, z: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LOSSES[name](z, 0.3)


Z = randn(6, 4, seed=56)


@pytest.mark.parametrize("wrong", [0.0, -0.1, math.nan, math.inf, "0.1", None])
def test_wrong_temperatures(wrong: float) -> None:
    for call in (
        lambda: macl_nt_xent(Z, wrong),
        lambda: debiased_nt_xent(Z, wrong),
        lambda: hard_negative_nt_xent(Z, wrong),
        lambda: cluster_nt_xent(Z, wrong),
        lambda: dystress_nt_xent(Z, wrong, 1.0),
        lambda: dystress_nt_xent(Z, 0.1, wrong),
    ):
        with pytest.raises(ValueError, match=r"temperature(_min|_max)? is .*; expected a finite number above 0"):
            call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: macl_nt_xent(Z, alpha=-0.1), "alpha is -0.1; expected a finite number of at least 0"),
        (lambda: macl_nt_xent(Z, alpha=math.inf), "alpha is inf"),
        (
            lambda: alignment_temperature(Z @ Z.T, 0.1, 0.5, 1.5),
            "threshold is 1.5; expected a finite number of at least -1 and of at most 1",
        ),
        (lambda: debiased_nt_xent(Z, 0.5, 1.0), "tau_plus is 1.0; expected a finite number of at least 0 and below 1"),
        (lambda: debiased_nt_xent(Z, 0.5, -0.1), "tau_plus is -0.1"),
        (lambda: hard_negative_nt_xent(Z, 0.5, math.nan), "tau_plus is nan"),
        (lambda: hard_negative_nt_xent(Z, 0.5, 0.1, -1.0), "beta is -1.0; expected a finite number of at least 0"),
        (lambda: hard_negative_nt_xent(Z, 0.5, 0.1, "1"), "beta is '1'"),
        (lambda: cluster_nt_xent(Z, 0.5, 0), "clusters is 0; expected a whole number of 1 or more"),
        (lambda: pair_temperature(Z, 0.3, 0.2), "temperature_min 0.3 is above temperature_max 0.2"),
    ],
)
def test_other_wrong_numbers(call: Callable[[], Tensor], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
