"""Gravity alignment: a rotation that takes the mean acceleration to +z; how a device turns leaves but a heading."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from otolith.errors import DataError
from otolith.preprocessing.gravity import FACING_DOWN, LEAST, align, turned_triads
from otolith.preprocessing.scaler import Scaler
from otolith.recording import CHANNELS, triads

TURNED = turned_triads(CHANNELS)


def windows(seed: int, n: int = 8, noise: float = 2.0) -> np.ndarray:
    """Movement about a gravity of any direction, (n, 6, 25) in float64."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, noise, (n, 6, 25))
    x[:, :3] += 9.81 * Rotation.random(n, random_state=rng).as_matrix()[:, :, 2:]
    return x


def turn(x: np.ndarray, rotation: Rotation) -> np.ndarray:
    matrix = rotation.as_matrix()
    return np.concatenate([matrix @ x[..., 0:3, :], matrix @ x[..., 3:6, :]], axis=-2)


def plain(x: np.ndarray) -> np.ndarray:
    """(n,) bool: windows that face so far from straight down that their smallest rotation is well defined."""
    mean = x[:, :3].mean(2)
    mean /= np.linalg.norm(mean, axis=1, keepdims=True)
    flat: np.ndarray = (mean[:, 2] > 0) | ((mean[:, :2] ** 2).sum(1) > 2 * FACING_DOWN)
    return flat


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6))
def test_it_is_the_smallest_rotation_that_takes_the_mean_to_z(seed: int) -> None:
    x = windows(seed)
    x = x[plain(x)]
    for one, out in zip(x, align(x, TURNED), strict=True):
        mean = one[:3].mean(1)
        axis = np.cross(mean, [0, 0, 1])
        angle = np.arctan2(np.linalg.norm(axis), mean[2])
        expected = turn(one, Rotation.from_rotvec(axis / np.linalg.norm(axis) * angle))
        np.testing.assert_allclose(out, expected, atol=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_turned_device_changes_the_heading_alone(seed: int, by: int) -> None:
    """Aligned windows of a device and of the same one turned differ by one rotation about z, of all sensors alike."""
    x = windows(seed)
    other = turn(x, Rotation.random(random_state=by))
    both = plain(x) & plain(other)
    ours, theirs = align(x[both], TURNED), align(other[both], TURNED)
    # all that a heading does not change
    np.testing.assert_allclose(theirs[:, [2, 5]], ours[:, [2, 5]], atol=1e-8)
    for a, b in zip(ours, theirs, strict=True):
        h, g = a[0] + 1j * a[1], b[0] + 1j * b[1]
        heading = np.vdot(h, g) / np.vdot(h, h)
        assert abs(heading) == pytest.approx(1, abs=1e-8)
        np.testing.assert_allclose(g, heading * h, atol=1e-8)
        np.testing.assert_allclose(b[3] + 1j * b[4], heading * (a[3] + 1j * a[4]), atol=1e-8)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.floats(-np.pi, np.pi))
def test_a_turn_about_the_vertical_is_a_turn_about_z(seed: int, angle: float) -> None:
    """Of a device that lies level: its heading goes straight through."""
    x = windows(seed)
    x[:, :3] -= x[:, :3].mean(2, keepdims=True)
    x[:, 2] += 9.81
    about = Rotation.from_rotvec([0, 0, angle])
    np.testing.assert_allclose(align(turn(x, about), TURNED), turn(x, about), atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "mean",
    [(0, 0, 0), (0, 0, -9.81), (1e-12, 0, -9.81), (0.01, -0.02, -9.81), (0, 0, 9.81), (0, LEAST / 2, 0)],
    ids=str,
)
def test_windows_without_a_direction_are_finite_rotations(mean: tuple[float, ...], dtype: type) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1, 6, 25))
    x -= x.mean(2, keepdims=True)
    x[0, :3] += np.array(mean)[:, None]
    out = align(x.astype(dtype), TURNED)
    assert out.dtype == dtype
    assert np.isfinite(out).all()
    for part in (slice(0, 3), slice(3, 6)):  # what no rotation changes
        gram = np.einsum("nct,ncs->nts", out[:, part], out[:, part])
        np.testing.assert_allclose(gram, np.einsum("nct,ncs->nts", x[:, part], x[:, part]), atol=2e-4)
    if np.linalg.norm(mean) < LEAST:
        np.testing.assert_array_equal(out, x.astype(dtype))
    else:
        assert out[0, 2].mean() == pytest.approx(np.linalg.norm(mean), rel=1e-3)
    still = align(np.zeros((2, 6, 25), dtype), TURNED)
    assert not still.any()


def test_numpy_and_torch_agree_in_float32_near_every_direction() -> None:
    x = windows(3, 4000)
    down = x[:2000]  # half of them near straight down, where the axis is least certain
    down[:, :3] -= down[:, :3].mean(2, keepdims=True)
    down[:, :3] += np.random.default_rng(1).normal(0, 0.3, (2000, 3, 1)) - np.array([0, 0, 9.81])[:, None]
    exact = align(x, TURNED)
    ours = align(x.astype(np.float32), TURNED)
    theirs = align(torch.tensor(x, dtype=torch.float32), TURNED).numpy()
    assert np.abs(ours - exact).max() < 1e-3
    assert np.abs(theirs - exact).max() < 1e-3


def test_the_accelerometer_finds_gravity_wherever_it_stands() -> None:
    order = [3, 4, 5, 2, 0, 1]
    names = tuple(CHANNELS[i] for i in order)
    turned = turned_triads(names)
    assert turned[0] == (4, 5, 3)
    x = windows(0)
    np.testing.assert_array_equal(align(x[:, order], turned), align(x, TURNED)[:, order])


def test_triads_leave_out_sensors_that_lack_an_axis() -> None:
    assert triads(("gyro_x", "acc_x", "acc_y", "acc_z", "gyro_y")) == ((1, 2, 3),)


@pytest.mark.parametrize(
    ("channels", "message"),
    [
        (CHANNELS[3:], "finds gravity by acc_x, acc_y and acc_z; there are gyro_x"),
        (CHANNELS[1:], "finds gravity"),
        (CHANNELS[:5], "gyro_x, gyro_y cannot be turned"),
    ],
)
def test_what_cannot_be_aligned_is_refused(channels: tuple[str, ...], message: str) -> None:
    with pytest.raises(DataError, match=message):
        turned_triads(channels)


def test_a_scaler_aligns_before_it_standardises() -> None:
    x = windows(5, 6000, 1.0).astype(np.float32)
    scaler = Scaler.fit(x, turned=TURNED)
    z = scaler.transform(x)
    np.testing.assert_allclose(z.mean((0, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(z.std((0, 2)), 1, atol=1e-4)
    assert scaler.mean[2] == pytest.approx(np.linalg.norm(x[:, :3].mean(2), axis=1).mean(), rel=1e-3)
    np.testing.assert_allclose(scaler.inverse(z), align(x, TURNED), atol=1e-4)
    again = Scaler.from_dict(scaler.to_dict())
    assert again.turned == TURNED
    np.testing.assert_array_equal(again.transform(x), z)
    torch.testing.assert_close(again.transform(torch.tensor(x)), torch.tensor(z), atol=1e-3, rtol=0)


def test_signals_without_gravity_are_refused() -> None:
    x = np.random.default_rng(0).normal(0, 2, (50, 6, 25)).astype(np.float32)
    Scaler.fit(x)
    with pytest.raises(DataError, match=r"needs gravity.*take windows\.frame=device"):
        Scaler.fit(x, turned=TURNED)


@pytest.mark.parametrize(
    "values", [{"turned": [[0, 1]]}, {"turned": [[0, 1, 9]]}, {"may_miss": [7]}, {"may_miss": "x"}]
)
def test_a_damaged_scaler_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(DataError):
        Scaler.from_dict({"mean": [0.0] * 6, "std": [1.0] * 6} | values)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_parts_stay_the_same_however_the_device_is_turned(seed: int, by: int) -> None:
    x = windows(seed)
    turned = turn(x, Rotation.random(random_state=by))
    ours, theirs = (align(each, TURNED, parts=True) for each in (x, turned))
    exact = plain(x) & plain(turned)
    np.testing.assert_allclose(theirs[exact], ours[exact], atol=1e-7)
    # straight down, half a turn about x may leave a tilt of 1.8 degrees: that of the root of `FACING_DOWN`, doubled
    assert np.abs(theirs - ours).max() <= np.sqrt(2 * FACING_DOWN) * np.abs(x).max() * np.sqrt(3)


def test_parts_are_the_horizontal_length_the_length_and_the_vertical() -> None:
    x = windows(3)
    found, level = align(x, TURNED, parts=True), align(x, TURNED)
    for i in (0, 3):
        np.testing.assert_allclose(found[:, i], np.hypot(level[:, i], level[:, i + 1]))
        np.testing.assert_allclose(found[:, i + 1], np.linalg.norm(x[:, i : i + 3], axis=1))
        np.testing.assert_allclose(found[:, i + 2], level[:, i + 2])
    np.testing.assert_allclose(align(torch.from_numpy(x), TURNED, parts=True).numpy(), found, atol=1e-12)


def test_a_scaler_of_parts_comes_back_from_its_values() -> None:
    x = windows(1)
    scaler = Scaler.fit(x, turned=TURNED, parts=True)
    again = Scaler.from_dict(scaler.to_dict())
    np.testing.assert_array_equal(again.transform(x), scaler.transform(x))
    np.testing.assert_allclose(scaler.transform(x).std(axis=(0, 2)), 1.0)
    with pytest.raises(DataError, match="needs triads to turn"):
        Scaler(np.zeros(3), np.ones(3), parts=True)
