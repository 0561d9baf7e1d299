"""Hand-made features against their definitions in numpy, and what must hold of every window, rate and length."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from otolith.export.graph import quiet
from otolith.nets import HandmadeFeatures, Unscaled
from otolith.nets.standards import mean_and_deviation
from otolith.preprocessing.gravity import turned_triads
from otolith.preprocessing.scaler import Scaler
from otolith.recording import CHANNELS


def windows(n: int = 40, steps: int = 30, seed: int = 0, rate: float = 30.0) -> np.ndarray:
    """Windows (n, 6, steps) of walkers: gravity in some direction, two harmonics and noise."""
    rng = np.random.default_rng([seed, steps])
    time = np.arange(steps) / rate
    gravity = rng.standard_normal((n, 3, 1))
    gravity *= 9.81 / np.linalg.norm(gravity, axis=1, keepdims=True)
    x = np.concatenate([gravity, np.zeros((n, 3, 1))], 1) + 0.3 * rng.standard_normal((n, 6, steps))
    for harmonic in (1, 2):
        swing = rng.standard_normal((n, 6, 1)) * 3
        turns = harmonic * rng.uniform(0.8, 3, (n, 1, 1)) * time + rng.uniform(size=(n, 6, 1))
        x += swing * np.sin(2 * np.pi * turns)
    return x.astype(np.float32)


def features(x: np.ndarray, channels: tuple[str, ...] = CHANNELS, rate: float = 30.0) -> dict[str, np.ndarray]:
    network = HandmadeFeatures(channels, x.shape[2], rate)
    with torch.no_grad():
        found = network(torch.from_numpy(x)).double().numpy()
    assert found.shape == (len(x), network.n_features) == (len(x), len(network.names))
    return dict(zip(network.names, found.T, strict=True))


def signals(x: np.ndarray) -> dict[str, np.ndarray]:
    """Each signal (n, steps) of six channels, in float64, from its definition."""
    x = x.astype(np.float64)
    found = {channel: x[:, i] for i, channel in enumerate(CHANNELS)}
    found["acc_mag"], found["gyro_mag"] = np.linalg.norm(x[:, :3], axis=1), np.linalg.norm(x[:, 3:], axis=1)
    mean = x[:, :3].mean(2)
    up = mean / np.linalg.norm(mean, axis=1, keepdims=True)
    for name, part in (("acc", x[:, :3]), ("gyro", x[:, 3:])):
        found[f"{name}_vertical"] = np.einsum("nct,nc->nt", part, up)
        found[f"{name}_horizontal"] = np.linalg.norm(np.cross(part, up[:, :, None], axis=1), axis=1)
    return found


def reference(s: np.ndarray, rate: float) -> dict[str, np.ndarray]:
    """The features of one signal (n, steps) from their definitions."""
    n_steps = s.shape[1]
    d = s - s.mean(1, keepdims=True)
    var = s.var(1)
    change = np.abs(np.diff(s, axis=1)) * rate
    found = {
        "mean": s.mean(1),
        "std": s.std(1),
        "skewness": (d**3).mean(1) / (var + 1e-4) ** 1.5,
        "slope": np.polyfit(np.arange(n_steps) / rate, s.T, 1)[0],
        "diff_mean": change.mean(1),
        "diff_max": change.max(1),
        "crossings": np.array([_crossings(each, rate) for each in d]),
    }
    found |= {f"q{q}": np.percentile(s, q, axis=1) for q in (0, 25, 50, 75, 100)}
    found |= _spectrum(d, rate)
    seen = {0}
    for lag in (0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0):
        steps = round(lag * rate)
        if steps <= n_steps // 2 and steps not in seen:
            seen.add(steps)
            products = [[one[i] * one[i + steps] for i in range(n_steps - steps)] for one in d]
            found[f"autocorr_{lag:g}s"] = np.mean(products, 1) / (var + 1e-4)
    return found


def _crossings(d: np.ndarray, rate: float) -> float:
    """Half the way of deviations that are cut at 0.05: 1 for one that leads from 0.05 below the mean to 0.05 above."""
    cut = [min(max(each / 0.05, -1.0), 1.0) for each in d]
    return sum(abs(b - a) for a, b in pairwise(cut)) / 2 * rate / (len(d) - 1)


def _spectrum(d: np.ndarray, rate: float) -> dict[str, np.ndarray]:
    n_steps = d.shape[1]
    top = min(20.0, rate / 2)
    n = int(np.ceil(top / min(0.5, rate / n_steps)))
    f = (np.arange(n) + 0.5) * top / n
    hann = np.sin(np.pi * (np.arange(n_steps) + 0.5) / n_steps) ** 2
    waves = np.exp(-2j * np.pi * f[:, None] * np.arange(n_steps) / rate)
    power = 2 * np.abs((d * hann) @ waves.T) ** 2 / (rate * (hann**2).sum())
    found = {}
    for low, high in ((0.3, 1), (1, 2), (2, 3), (3, 5), (5, 8), (8, 12), (12, 20)):
        if low < rate / 2:
            part = np.clip(np.minimum(f + top / n / 2, high) - np.maximum(f - top / n / 2, low), 0, None)
            found[f"power_{low:g}_{high:g}hz"] = np.log(power @ part + 1e-4)
    share = power / (power.sum(1, keepdims=True) + 1e-4)
    sharp = (power / (power.max(1, keepdims=True) + 1e-4)) ** 4
    found["peak_hz"] = sharp @ f / (sharp.sum(1) + 1e-4)
    found["entropy"] = -(share * np.log(np.maximum(share, 1e-30))).sum(1) / np.log(n)
    return found


def correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
    return (a * b).mean(1) / np.sqrt((a.var(1) + 1e-4) * (b.var(1) + 1e-4))


def joint_reference(x: np.ndarray, rate: float) -> dict[str, np.ndarray]:
    s, found = signals(x), {}
    for sensor in ("acc", "gyro"):
        axes = {axis: s[f"{sensor}_{axis}"] for axis in "xyz"}
        for a, b in ("xy", "xz", "yz"):
            found[f"{sensor}_corr_{a}{b}"] = correlation(axes[a], axes[b])
        found[f"{sensor}_sma"] = sum(np.abs(each - each.mean(1, keepdims=True)).mean(1) for each in axes.values())
        jerk = np.sqrt(sum(np.diff(each, axis=1) ** 2 for each in axes.values())) * rate
        found |= {f"{sensor}_jerk_mean": jerk.mean(1), f"{sensor}_jerk_std": jerk.std(1)}
    acc = x[:, :3].astype(np.float64)
    half = acc.shape[2] // 2
    for i, axis in enumerate("xyz"):
        found[f"acc_gravity_{axis}"] = acc[:, i].mean(1) / np.linalg.norm(acc.mean(2), axis=1)
        found[f"acc_gyro_corr_{axis}"] = correlation(s[f"acc_{axis}"], s[f"gyro_{axis}"])
    found["acc_turned"] = np.linalg.norm(acc[:, :, :half].mean(2) - acc[:, :, -half:].mean(2), axis=1) / 9.80665
    found["acc_enmo"] = np.maximum(s["acc_mag"] / 9.80665 - 1, 0).mean(1)
    found["acc_gyro_corr_mag"] = correlation(s["acc_mag"], s["gyro_mag"])
    return found


@pytest.mark.parametrize(("steps", "rate"), [(30, 30.0), (128, 50.0), (8, 4.0), (12, 12.0), (25, 100.0)])
def test_every_feature_is_its_definition(steps: int, rate: float) -> None:
    x = windows(steps=steps, rate=rate)
    found = features(x, rate=rate)
    expected = joint_reference(x, rate)
    for name, signal in signals(x).items():
        expected |= {f"{name}_{each}": value for each, value in reference(signal, rate).items()}
    assert set(found) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=2e-4, atol=2e-4, err_msg=name)


def test_number_of_features_of_the_papers_windows_is_fixed() -> None:
    assert HandmadeFeatures(CHANNELS, 30, 30.0).n_features == 333


def test_graph_in_onnx_agrees_for_any_batch(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    network = HandmadeFeatures(CHANNELS, 30, 30.0).eval()
    shapes = {"x": {0: torch.export.Dim("batch", min=1, max=4096)}}
    given = torch.from_numpy(windows(3))
    with quiet("torch.onnx"):
        made = torch.onnx.export(
            network, (given,), input_names=["x"], dynamo=True, dynamic_shapes=shapes, verbose=False
        )
    assert made is not None
    made.save(tmp_path / "features.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "features.onnx", providers=["CPUExecutionProvider"])
    still = np.tile(np.array([0, 0, 9.81, 0, 0, 0], np.float32)[None, :, None], (1, 1, 30))
    for x in (windows(1, seed=1), windows(200, seed=2), np.concatenate([still, np.zeros((1, 6, 30), np.float32)])):
        (found,) = session.run(None, {"x": x})
        np.testing.assert_allclose(found, network(torch.from_numpy(x)).numpy(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("steps", "rate"), [(8, 0.5), (9, 1.0), (30, 30.0), (500, 100.0), (16, 1000.0)])
@pytest.mark.parametrize("channels", [CHANNELS, CHANNELS[:3], CHANNELS[3:], ("acc_x", "gyro_y"), ("acc_z",)])
def test_features_are_finite_and_bounded_whatever_the_window(
    channels: tuple[str, ...], steps: int, rate: float
) -> None:
    n = len(channels)
    jump = np.zeros((n, steps), np.float32)
    jump[:, steps // 2 :] = 150
    spike = np.zeros((n, steps), np.float32)
    spike[:, 3] = -300
    given = [np.zeros_like(jump), np.full_like(jump, 9.81), jump, spike, np.full_like(jump, 1e-6)]
    found = features(np.stack(given), channels, rate)
    for name, value in found.items():
        assert np.isfinite(value).all(), name
        if re.search("corr|gravity|entropy", name):
            assert (np.abs(value) <= 1.3).all(), name  # an autocorrelation's mean is over fewer steps than its variance


def test_window_at_rest_has_no_shape_rhythm_or_spectrum() -> None:
    rest = np.tile(np.array([3.0, -4.0, 8.0, 0.1, 0.0, -0.2], np.float32)[None, :, None], (1, 1, 30))
    found = features(rest)
    for name, (value,) in found.items():
        if re.search("std|skew|slope|diff|crossings|peak|entropy|corr|sma|jerk|turned", name):
            assert abs(value) < 1e-3, name
        if "power" in name:
            assert value == pytest.approx(np.log(1e-4), abs=1e-2), name


def turned(x: np.ndarray, seed: int = 0) -> np.ndarray:
    """The same windows from a device that was worn another way: both sensors under one rotation."""
    q, r = np.linalg.qr(np.random.default_rng(seed).standard_normal((3, 3)))
    rotation = q * np.sign(np.diag(r))
    rotation *= np.linalg.det(rotation)
    return np.concatenate([rotation @ x[:, :3], rotation @ x[:, 3:]], 1).astype(np.float32)


def close(found: np.ndarray, expected: np.ndarray, name: str, tolerance: float = 2e-3) -> None:
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance, err_msg=name)


def test_device_worn_another_way_has_the_same_magnitudes_vertical_and_intensity() -> None:
    x = windows()
    first, second = features(x), features(turned(x))
    for name, value in first.items():
        if re.search("mag|vertical|jerk|turned|enmo", name):
            close(second[name], value, name)
    assert np.abs(second["acc_x_mean"] - first["acc_x_mean"]).max() > 1


def test_axis_that_points_the_other_way_changes_the_sign_of_odd_features_alone() -> None:
    x = windows()
    first = features(x)
    x[:, 3] *= -1
    second = features(x)
    for name in ("mean", "skewness", "slope", "corr_xy"):
        part = "gyro_corr_xy" if name == "corr_xy" else f"gyro_x_{name}"
        close(second[part], -first[part], part)
    close(second["gyro_x_q0"], -first["gyro_x_q100"], "q0")
    close(second["gyro_corr_yz"], first["gyro_corr_yz"], "corr_yz")
    for name, value in first.items():
        if re.fullmatch("gyro_x_(std|diff.*|crossings|power.*|peak.*|entropy|autocorr.*)|gyro_mag.*|acc_[xyz].*", name):
            close(second[name], value, name)


def test_window_that_runs_backwards_differs_in_its_trend_alone() -> None:
    x = windows()
    first, second = features(x), features(np.ascontiguousarray(x[:, :, ::-1]))
    for name, value in first.items():
        close(second[name], -value if name.endswith("slope") else value, name)


def test_movement_of_twice_the_size_has_twice_the_deviation_and_four_times_the_power() -> None:
    x = windows()
    rest = x.mean(2, keepdims=True)
    first, second = features(x), features((rest + 2 * (x - rest)).astype(np.float32))
    for axis in ("acc_x", "gyro_z"):
        for name in ("std", "slope", "diff_mean", "diff_max"):
            close(second[f"{axis}_{name}"], 2 * first[f"{axis}_{name}"], name)
        for name in ("skewness", "peak_hz", "entropy", "autocorr_0.2s"):
            close(second[f"{axis}_{name}"], first[f"{axis}_{name}"], name, 2e-2)
        close(second[f"{axis}_power_1_2hz"], first[f"{axis}_power_1_2hz"] + np.log(4), "power", 2e-2)


def test_same_movement_at_another_rate_has_nearly_the_same_features() -> None:
    """Four seconds of two harmonics, sampled at 30 and at 100 Hz."""
    rng = np.random.default_rng(0)
    swing, phase, step = (
        rng.normal(0, 3, (2, 20, 6, 1)),
        rng.uniform(0, 6, (2, 20, 6, 1)),
        rng.uniform(1, 2, (20, 1, 1)),
    )
    rest = rng.normal(0, 6, (20, 6, 1))

    def sampled(rate: float) -> np.ndarray:
        time = (np.arange(4 * rate) + 0.5) / rate
        waves = [s * np.sin(2 * np.pi * k * step * time + p) for k, s, p in zip((1, 2), swing, phase, strict=True)]
        return (rest + waves[0] + waves[1]).astype(np.float32)

    slow, fast = features(sampled(30.0)), features(sampled(100.0), rate=100.0)
    for name in (
        "mean",
        "std",
        "slope",
        "q25",
        "q75",
        "diff_mean",
        "crossings",
        "power_1_2hz",
        "power_2_3hz",
        "peak_hz",
    ):
        for axis in ("acc_x", "acc_mag", "acc_vertical", "gyro_y"):
            found, expected = fast[f"{axis}_{name}"], slow[f"{axis}_{name}"]
            alike = np.abs(found - expected) < 0.05 + 0.1 * np.abs(expected)
            assert alike.mean() > 0.8, f"{axis}_{name}"  # one that only touches the mean may cross it or not
    assert set(slow) == set(fast)


def test_rhythm_of_steps_is_found() -> None:
    time = np.arange(120) / 30
    x = np.zeros((1, 6, 120), np.float32)
    x[0, 2] = 9.81 + 2 * np.sin(2 * np.pi * 2 * time)  # two steps a second
    found = features(x)
    assert found["acc_vertical_peak_hz"][0] == pytest.approx(2, abs=0.1)
    assert found["acc_vertical_autocorr_0.5s"][0] == pytest.approx(1, abs=0.05)
    assert found["acc_vertical_autocorr_0.3s"][0] < -0.5
    assert found["acc_vertical_crossings"][0] == pytest.approx(4, abs=0.5)
    assert found["acc_gravity_z"][0] == pytest.approx(1, abs=1e-3)
    powers = {name: value[0] for name, value in found.items() if name.startswith("acc_vertical_power")}
    assert max(powers, key=lambda name: powers[name]) in ("acc_vertical_power_1_2hz", "acc_vertical_power_2_3hz")


@pytest.mark.parametrize(
    ("steps", "rate", "message"), [(7, 30.0, "too short"), (20_000, 30.0, "too long"), (30, 0.0, "positive")]
)
def test_windows_that_have_no_features_are_refused(steps: int, rate: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        HandmadeFeatures(CHANNELS, steps, rate)


def test_nothing_is_kept_in_a_folder() -> None:
    network = HandmadeFeatures(CHANNELS, 30, 30.0)
    assert not list(network.parameters())
    assert not network.state_dict()


def test_half_precision_around_it_changes_nothing() -> None:
    network, x = HandmadeFeatures(CHANNELS, 30, 30.0), torch.from_numpy(windows(8))
    with torch.autocast("cpu", torch.bfloat16):
        found = network(x)
    torch.testing.assert_close(found, network(x), rtol=0, atol=0)


def test_what_gravity_alignment_leaves_of_level_axes_is_not_standardised() -> None:
    channels = ("acc_x", "acc_y", "acc_z")
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(200, 3, 30)) + 10 * rng.normal(size=(200, 3, 1))).astype(np.float32)
    scaler = Scaler.fit(x, turned=turned_triads(channels))
    features = HandmadeFeatures(channels, 30, 30.0)
    h = Unscaled(features, scaler.shift, scaler.factor)(torch.from_numpy(scaler.transform(x)))
    mean, std = mean_and_deviation([h])
    z = (h - mean) / std
    for name in ("acc_x_mean", "acc_y_mean", "acc_gravity_x", "acc_gravity_y"):
        assert z[:, features.names.index(name)].abs().max() < 1e-4, name
    assert z[:, features.names.index("acc_z_mean")].std() > 0.9
