"""Standardisation: exact statistics, dead channels, numpy and torch alike, JSON without loss."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from otolith.errors import DataError
from otolith.preprocessing.scaler import Scaler


def windows(n: int = 50, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, 3, 20)) * [[1.0], [5.0], [0.01]] + [[9.8], [-2.0], [0.0]]).astype(np.float32)


def test_statistics_are_those_of_the_chosen_windows() -> None:
    x = windows(10_000)  # more than two chunks
    rows = np.arange(0, 10_000, 3)
    scaler = Scaler.fit(x, rows)
    chosen = x[rows].astype(np.float64)
    np.testing.assert_allclose(scaler.mean, chosen.mean((0, 2)), rtol=1e-12)
    np.testing.assert_allclose(scaler.std, chosen.std((0, 2)), rtol=1e-12)
    mask = np.zeros(10_000, bool)
    mask[rows] = True
    assert Scaler.fit(x, mask).to_dict() == scaler.to_dict()


def test_large_means_do_not_cancel() -> None:
    x = np.random.default_rng(0).normal(1e6, 1.0, (9000, 1, 10))
    np.testing.assert_allclose(Scaler.fit(x).std, x.std(), rtol=1e-9)


@pytest.mark.parametrize("value", [0.0, 9.80665, -1e-3, 1e8])
def test_a_dead_channel_becomes_zero_not_nan(value: float) -> None:
    x = windows()
    x[:, 1] = value
    scaler = Scaler.fit(x)
    assert scaler.std[1] == 1.0
    z = scaler.transform(x)
    assert np.isfinite(z).all()
    assert np.abs(z[:, 1]).max() < 1e-6 * max(1, abs(value))


def test_transformed_training_windows_have_mean_0_and_deviation_1() -> None:
    x = windows(500)
    z = Scaler.fit(x).transform(x)
    assert z.dtype == np.float32
    np.testing.assert_allclose(z.mean((0, 2), dtype=np.float64), 0, atol=1e-4)
    np.testing.assert_allclose(z.std((0, 2), dtype=np.float64), 1, atol=1e-4)


def test_inverse_undoes_transform_and_leaves_its_input_alone() -> None:
    x = windows()
    before = x.copy()
    scaler = Scaler.fit(x)
    np.testing.assert_allclose(scaler.inverse(scaler.transform(x)), x, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(x, before)


def test_torch_and_numpy_agree_to_the_last_bit() -> None:
    x = windows()
    scaler = Scaler.fit(x)
    tensor = torch.tensor(x)
    for name in ("transform", "inverse"):
        ours = getattr(scaler, name)(tensor)
        assert isinstance(ours, torch.Tensor)
        assert ours.dtype == torch.float32
        np.testing.assert_array_equal(ours.numpy(), getattr(scaler, name)(x))


@pytest.mark.parametrize(
    ("given_type", "expected"),
    [
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.int32, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_torch_types(given_type: torch.dtype, expected: torch.dtype) -> None:
    scaler = Scaler.fit(windows())
    assert scaler.transform(torch.ones(2, 3, 4, dtype=given_type)).dtype == expected
    assert scaler.inverse(torch.ones(3, 4, dtype=given_type)).dtype == expected


def test_the_gradient_flows_through() -> None:
    scaler = Scaler.fit(windows())
    x = torch.ones(2, 3, 4, requires_grad=True)
    scaler.transform(x).sum().backward()
    assert x.grad is not None
    np.testing.assert_allclose(x.grad[0, :, 0].numpy(), 1 / scaler.std, rtol=1e-6)


@settings(max_examples=100, deadline=None)
@given(
    mean=st.lists(st.floats(-1e30, 1e30), min_size=1, max_size=6),
    data=st.data(),
)
def test_json_keeps_every_bit(mean: list[float], data: st.DataObject) -> None:
    std = data.draw(st.lists(st.floats(1e-12, 1e30), min_size=len(mean), max_size=len(mean)))
    scaler = Scaler(np.array(mean), np.array(std))
    back = Scaler.from_dict(json.loads(json.dumps(scaler.to_dict())))
    assert back.mean.tobytes() == scaler.mean.tobytes()
    assert back.std.tobytes() == scaler.std.tobytes()


def test_one_that_is_not_applied_describes_windows_and_leaves_them_as_they_are() -> None:
    x = windows().astype(np.float32)
    scaler = Scaler.fit(x)
    plain = replace(scaler, applied=False)
    assert plain.mean.tolist() == scaler.mean.tolist()
    for signals in (x, torch.from_numpy(x)):
        assert (plain.transform(signals) == signals).all()
        assert (plain.inverse(signals) == signals).all()
    assert "applied" not in scaler.to_dict()
    back = Scaler.from_dict(json.loads(json.dumps(plain.to_dict())))
    assert not back.applied
    assert Scaler.from_dict(scaler.to_dict()).applied
    with pytest.raises(DataError, match="true or false, not 0"):
        Scaler.from_dict(scaler.to_dict() | {"applied": 0})


def spoilt(value: float) -> np.ndarray:
    x = windows()
    x[3, 1, 4] = value
    return x


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_fit_names_a_channel_that_is_not_finite(value: float) -> None:
    with pytest.raises(DataError, match="Channel 1 holds samples that are not finite"):
        Scaler.fit(spoilt(value))
    Scaler.fit(spoilt(value), [0, 1, 2])


def test_fit_refuses_shapes_and_emptiness() -> None:
    with pytest.raises(DataError, match=r"shape \(3, 20\)"):
        Scaler.fit(windows()[0])
    with pytest.raises(DataError, match="on 0 windows"):
        Scaler.fit(windows(), np.array([], int))


@pytest.mark.parametrize("make", [np.zeros, torch.zeros])
def test_transform_refuses_other_channels(make: object) -> None:
    scaler = Scaler.fit(windows())
    with pytest.raises(DataError, match=r"shape \(5, 4, 20\), expected \(..., 3, time\)"):
        scaler.transform(make((5, 4, 20)))  # type: ignore[operator]
    with pytest.raises(DataError, match="expected"):
        scaler.inverse(make(3))  # type: ignore[operator]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"mean": [0.0]}, "keys mean and std, not mean"),
        ({}, "not none"),
        ({"mean": [0.0], "std": [1.0], "more": 1}, "not mean, more, std"),
        ({"mean": ["a"], "std": [1.0]}, "rows of numbers"),
        ({"mean": None, "std": None}, "expected"),
        ({"mean": [0.0, 1.0], "std": [1.0]}, r"shape \(2,\), its std \(1,\)"),
        ({"mean": [], "std": []}, "expected"),
        ({"mean": [0.0], "std": [0.0]}, "between 1e-12 and"),
        ({"mean": [0.0], "std": [-1.0]}, "between 1e-12 and"),
        ({"mean": [0.0], "std": [1e-60]}, "deviations between 1e-12 and"),
        ({"mean": [-1e40], "std": [1.0]}, "at most 1e\\+30"),
        ({"mean": [float("nan")], "std": [1.0]}, "finite"),
        ({"mean": [0.0], "std": [float("nan")]}, "between 1e-12 and"),
        ({"mean": [0.0], "std": [float("inf")]}, "between 1e-12 and"),
    ],
)
def test_from_dict_refuses(values: dict[str, object], words: str) -> None:
    with pytest.raises(DataError, match=words):
        Scaler.from_dict(values)
