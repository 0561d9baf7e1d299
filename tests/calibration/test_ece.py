"""Expected calibration error against a plain loop, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otolith.errors import DataError
from otolith.metrics import expected_calibration_error


def by_loop(p: np.ndarray, y: np.ndarray, bins: int) -> float:
    total = 0.0
    for b in range(bins):
        low, high = b / bins, (b + 1) / bins
        inside = [i for i in range(len(p)) if low < max(p[i]) <= high]
        if inside:
            accuracy = sum(int(np.argmax(p[i])) == y[i] for i in inside) / len(inside)
            confidence = sum(max(p[i]) for i in inside) / len(inside)
            total += len(inside) / len(p) * abs(accuracy - confidence)
    return total


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 60), classes=st.integers(2, 7), bins=st.sampled_from([1, 4, 10, 15]), seed=st.integers(0, 999))
def test_it_agrees_with_a_plain_loop(n: int, classes: int, bins: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(classes, 0.4), n)
    y = rng.integers(0, classes, n)
    assert expected_calibration_error(p, y, bins) == pytest.approx(by_loop(p, y, bins), abs=1e-9)


def test_by_hand() -> None:
    p = [[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.4, 0.6]]
    # 0.9: one of two right, off by 0.4; 0.6: both right, off by 0.4
    assert expected_calibration_error(p, [0, 1, 0, 1], 10) == pytest.approx(0.4)
    assert expected_calibration_error([[1.0, 0.0]], [0]) == 0
    assert expected_calibration_error([[1.0, 0.0]], [1]) == 1


@pytest.mark.parametrize(
    ("p", "y"),
    [
        ([], []),
        ([[0.5, 0.5]], [0, 1]),
        ([[0.5, 0.5]], [2]),
        ([[0.5, 0.5]], [-1]),
        ([[2.0, -1.0]], [0]),
        ([[3.0, 1.0]], [0]),
        ([[np.nan, 1.0]], [0]),
        ([[0.5, 0.5]], [0.0]),
    ],
)
def test_what_it_refuses(p: object, y: object) -> None:
    with pytest.raises(DataError):
        expected_calibration_error(np.asarray(p, np.float64), np.asarray(y))
