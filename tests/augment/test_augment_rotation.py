"""Rotation: proper, uniform, physical, one for the whole device."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from otolith.augment import SignalSpec, build, build_all
from otolith.errors import RecipeError
from otolith.recording import STANDARD_GRAVITY

Seeded = Callable[[int], torch.Generator]


def physical(z: torch.Tensor, signal: SignalSpec) -> torch.Tensor:
    mean, std = torch.tensor(signal.mean, dtype=z.dtype), torch.tensor(signal.std, dtype=z.dtype)
    return z * std[:, None] + mean[:, None]


def scaled(v: torch.Tensor, signal: SignalSpec) -> torch.Tensor:
    mean, std = torch.tensor(signal.mean, dtype=v.dtype), torch.tensor(signal.std, dtype=v.dtype)
    return (v - mean[:, None]) / std[:, None]


def test_matrices_are_proper_rotations(signal: SignalSpec, generator: Seeded) -> None:
    x = torch.zeros(2000, 6, 8, dtype=torch.float64)
    matrix = build("rotation", signal).sample(x, generator(0))["matrix"]
    identity = torch.eye(3, dtype=torch.float64).expand_as(matrix)
    torch.testing.assert_close(matrix @ matrix.mT, identity, atol=1e-12, rtol=0)
    torch.testing.assert_close(torch.linalg.det(matrix), torch.ones(2000, dtype=torch.float64))


def test_rotations_are_uniform(signal: SignalSpec, generator: Seeded) -> None:
    """Haar measure on SO(3): columns are uniform on the sphere, the angle has density (1 - cos a) / pi."""
    n = 20_000
    matrix = build("rotation", signal).sample(torch.zeros(n, 6, 8), generator(0))["matrix"].double()
    for entry in matrix.reshape(n, 9).T:  # a coordinate of a uniform point on the sphere is uniform on [-1, 1]
        assert stats.kstest(entry.numpy(), "uniform", args=(-1.0, 2.0)).pvalue > 1e-3
    angle = torch.acos(((matrix.diagonal(dim1=1, dim2=2).sum(1) - 1) / 2).clamp(-1.0, 1.0))
    assert stats.kstest(angle.numpy(), lambda a: (a - torch.sin(torch.as_tensor(a)).numpy()) / torch.pi).pvalue > 1e-3
    moments = torch.einsum("nij,nkl->ijkl", matrix, matrix) / n
    eye = torch.eye(3, dtype=torch.float64)
    expected = torch.einsum("ik,jl->ijkl", eye, eye) / 3
    torch.testing.assert_close(moments, expected, atol=0.02, rtol=0)


def test_both_sensors_turn_by_the_same_matrix_in_physical_units(signal: SignalSpec, generator: Seeded) -> None:
    x = torch.randn(50, 6, 30, generator=generator(1), dtype=torch.float64)
    rotation = build("rotation", signal)
    params = rotation.sample(x, generator(0))
    v, turned = physical(x, signal), physical(rotation.apply(x, params), signal)
    torch.testing.assert_close(turned[:, :3], params["matrix"] @ v[:, :3])
    torch.testing.assert_close(turned[:, 3:], params["matrix"] @ v[:, 3:])


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    direction=st.tuples(*[st.floats(-1.0, 1.0)] * 3).filter(lambda d: sum(v * v for v in d) > 1e-3),
)
def test_gravity_keeps_its_magnitude(
    signal: SignalSpec, generator: Seeded, seed: int, direction: tuple[float, float, float]
) -> None:
    gravity = torch.tensor(direction)
    gravity = gravity / gravity.norm() * STANDARD_GRAVITY
    v = torch.cat([gravity, torch.zeros(3)])[None, :, None].expand(3, 6, 8)
    turned = physical(build("rotation", signal)(scaled(v, signal), generator(seed)), signal)
    torch.testing.assert_close(turned[:, :3].norm(dim=1), torch.full((3, 8), STANDARD_GRAVITY), rtol=1e-5, atol=0)
    torch.testing.assert_close(turned[:, 3:], torch.zeros(3, 3, 8), atol=1e-5, rtol=0)
    assert (turned == turned[:, :, :1]).all(), "one rotation for the whole window"


def test_triads_are_found_in_any_order_and_other_channels_stay(generator: Seeded) -> None:
    shuffled = SignalSpec(
        ("gyro_y", "acc_z", "pressure", "acc_x", "acc_y", "gyro_x"),
        (1.0,) * 6,
        (1.0, 2.0, 3.0, 4.0, 5.0, 6.0),
        30.0,
    )
    x = torch.randn(9, 6, 8, generator=generator(2), dtype=torch.float64)
    rotation = build("rotation", shuffled)
    params = rotation.sample(x, generator(0))
    out = rotation.apply(x, params)
    assert torch.equal(out[:, [0, 2, 5]], x[:, [0, 2, 5]]), "pressure and the gyroscope without z stay"
    acc = [3, 4, 1]
    expected = params["matrix"] @ physical(x, shuffled)[:, acc]
    torch.testing.assert_close(physical(out, shuffled)[:, acc], expected)


def test_no_triad_at_all_is_refused(generator: Seeded) -> None:
    flat = SignalSpec(("acc_x", "acc_y"), (0.0, 0.0), (1.0, 1.0), 30.0)
    with pytest.raises(RecipeError, match=r"acc_x, acc_y hold none; leave it out"):
        build("rotation", flat)
    assert build("rotation", flat, kind="sign")(torch.ones(1, 2, 8), generator(0)).shape == (1, 2, 8)
    with pytest.raises(RecipeError, match=r"augmentation 1: .* hold none"):
        build_all([{"name": "rotation"}], flat)
    left = build_all([{"name": "rotation"}, {"name": "jitter"}], flat, where_it_acts=True)
    assert [change.name for change, _ in left.items] == ["jitter"]
    assert left.left_out == ("augmentation 'rotation' has nothing to change in acc_x, acc_y",)


def test_the_predecessors_signs(signal: SignalSpec, generator: Seeded) -> None:
    x = torch.randn(400, 6, 30, generator=generator(3))
    out = build("rotation", signal, kind="sign")(x, generator(0))
    assert torch.equal(out.abs(), x.abs())
    flipped = (out != x).double()
    assert flipped.mean().item() == pytest.approx(0.5, abs=5 * 0.5 / x.numel() ** 0.5)
    assert 0.0 < flipped[0].mean() < 1.0, "each sample has a sign of its own"


def test_a_tilt_turns_by_a_normal_angle_about_any_axis(signal: SignalSpec, generator: Seeded) -> None:
    x = torch.zeros(20_000, 6, 8, dtype=torch.float64)
    matrix = build("rotation", signal, kind="tilt", degrees=12.0).sample(x, generator(0))["matrix"]
    torch.testing.assert_close(
        matrix @ matrix.mT, torch.eye(3, dtype=torch.float64).expand_as(matrix), atol=1e-12, rtol=0
    )
    trace = matrix.diagonal(dim1=1, dim2=2).sum(1)
    angle = torch.rad2deg(((trace - 1) / 2).clamp(-1, 1).arccos())  # never negative: the axis points either way
    assert stats.kstest(angle.numpy(), stats.halfnorm(scale=12.0).cdf).pvalue > 0.01
    # R - R^T holds the axis times twice the sine
    axis = torch.stack([matrix[:, 2, 1] - matrix[:, 1, 2], matrix[:, 0, 2] - matrix[:, 2, 0]], 1)
    heading = torch.atan2(axis[:, 1], axis[:, 0])
    assert stats.kstest(heading.numpy(), stats.uniform(-torch.pi, 2 * torch.pi).cdf).pvalue > 0.01


def test_a_tilt_of_no_degrees_changes_nothing(signal: SignalSpec, generator: Seeded) -> None:
    x = torch.randn(4, 6, 8, dtype=torch.float64, generator=generator(1))
    torch.testing.assert_close(build("rotation", signal, kind="tilt", degrees=0.0)(x, generator(0)), x)


@pytest.mark.parametrize("degrees", [-1.0, 181.0, "ten"])
def test_a_tilt_beyond_half_a_turn_is_refused(signal: SignalSpec, degrees: object) -> None:
    with pytest.raises(RecipeError, match="degrees of augmentation 'rotation' must be a number"):
        build("rotation", signal, kind="tilt", degrees=degrees)
