"""Jittering, scaling and magnitude warp: what they draw, and that it acts as they say."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from scipy import stats

from otolith.augment import SignalSpec, build
from otolith.augment.smooth import spline_matrix

Seeded = Callable[[int], torch.Generator]


def assert_normal(values: torch.Tensor, mean: float, std: float) -> None:
    """The values pass for independent N(mean, std²); with fixed seeds the test is deterministic."""
    flat = values.double().flatten().numpy()
    assert stats.kstest(flat, "norm", args=(mean, std)).pvalue > 1e-3
    assert flat.mean() == pytest.approx(mean, abs=5 * std / math.sqrt(flat.size))
    assert flat.std() == pytest.approx(std, rel=5 / math.sqrt(2 * flat.size))


@pytest.mark.parametrize("sigma", [0.5, 0.05])
def test_jitter_adds_independent_noise(signal: SignalSpec, generator: Seeded, sigma: float) -> None:
    x = torch.full((400, 6, 30), 3.0)
    noise = build("jitter", signal, sigma=sigma)(x, generator(0)) - x
    assert_normal(noise, 0.0, sigma)
    flat = noise.reshape(400, -1)
    for neighbour in (
        flat[:, :-1] * flat[:, 1:],
        flat[:-1] * flat[1:],
    ):  # along time and channels, along windows
        assert abs(neighbour.mean() / sigma**2) < 5 / math.sqrt(neighbour.numel())


@pytest.mark.parametrize(("per", "shared_over"), [("channel", (2,)), ("window", (1, 2)), ("element", ())], ids=str)
def test_scaling_factors(signal: SignalSpec, generator: Seeded, per: str, shared_over: tuple[int, ...]) -> None:
    x = torch.full((1000, 6, 30), 2.0)
    factor = build("scaling", signal, sigma=0.5, per=per)(x, generator(0)) / x
    one_each = factor
    for axis in shared_over:
        one_each = one_each.narrow(axis, 0, 1)
    assert torch.equal(factor, one_each.expand_as(factor))
    assert_normal(one_each, 1.0, 0.5)
    apart = (one_each - 1.0).flatten()
    neighbours = (apart[:-1] * apart[1:]).mean() / 0.5**2
    assert abs(neighbours) < 5 / math.sqrt(len(apart)), "channels, steps and windows draw independently"


def test_magnitude_warp_is_a_smooth_curve_through_normal_knots(signal: SignalSpec, generator: Seeded) -> None:
    x = torch.ones(500, 6, 31, dtype=torch.float64)
    curve = build("magnitude_warp", signal, sigma=0.2, knots=6)(x, generator(0))
    assert_normal(curve[:, :, ::6], 1.0, 0.2)  # the six knots lie on every sixth step
    roughness = curve.diff(n=2, dim=2).abs().mean()
    assert roughness < 0.15 * x.mul(0.2).normal_(0.0, 0.2, generator=generator(1)).diff(n=2, dim=2).abs().mean()


@pytest.mark.parametrize(("knots", "time"), [(2, 8), (4, 30), (6, 5), (5, 1)])
def test_the_spline_keeps_straight_lines_and_meets_its_knots(knots: int, time: int) -> None:
    basis = spline_matrix(knots, time, torch.device("cpu"), torch.float64)
    assert basis.shape == (knots, time)
    line = torch.linspace(-1.0, 2.0, knots, dtype=torch.float64) @ basis
    expected = torch.linspace(-1.0, 2.0, time, dtype=torch.float64)
    torch.testing.assert_close(line, expected, atol=1e-12, rtol=0)
    assert basis[0, 0] == pytest.approx(1.0)


def test_the_spline_is_natural() -> None:
    """No curvature at the ends, where the draws beyond are not known."""
    basis = spline_matrix(5, 2001, torch.device("cpu"), torch.float64)
    curvature = basis.diff(n=2, dim=1).abs()
    assert curvature[:, [0, -1]].max() < 0.01 * curvature.max()
