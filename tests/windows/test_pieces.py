"""Sums over long arrays a piece at a time are those of numpy over the whole."""

from __future__ import annotations

import numpy as np
import pytest

from otolith.windows import pieces


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "AT_ONCE", 64)
    monkeypatch.setattr(pieces, "BINS", 8)


def times(kind: str, n: int) -> np.ndarray:
    rng = np.random.default_rng(n)
    steps = {
        "even": np.full(n, 0.01),
        "jitter": np.abs(rng.normal(0.01, 0.002, n)) + 1e-5,
        "gaps": np.where(rng.random(n) < 0.01, 3600.0, 0.01),
        "two": rng.choice([0.01, 0.02], n),
        "zero": np.zeros(n),
    }[kind]
    return np.cumsum(steps)


@pytest.mark.parametrize("n", [2, 65, 256, 257, 1000, 1001, 4097])
@pytest.mark.parametrize("kind", ["even", "jitter", "gaps", "two", "zero"])
@pytest.mark.parametrize("span", [1, 10])
def test_the_median_step_is_that_of_numpy(kind: str, n: int, span: int) -> None:
    if n <= span:
        return
    t = times(kind, n)
    assert pieces.median_step(t, span) == np.median(t[span:] - t[:-span])


@pytest.mark.parametrize("n", [0, 1, 2, 64, 65, 66, 200])
def test_steps_across_the_ends_of_pieces_are_found(n: int) -> None:
    t = np.arange(n, dtype=np.float64)
    t[65:] += 5
    found = pieces.where_step(t, lambda steps: steps > 2)
    np.testing.assert_array_equal(found, np.flatnonzero(np.diff(t) > 2))


def test_slices_cover_all() -> None:
    assert [(s.start, s.stop) for s in pieces.slices(130)] == [(0, 64), (64, 128), (128, 130)]


@pytest.mark.parametrize("n", [0, 1, 63, 64, 65, 200, 1000])
def test_thinned_steps_and_places_are_those_of_the_whole(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(n).standard_normal((3, n))
    np.testing.assert_array_equal(pieces.thinned(values), values[:, :: max(1, n // 64)])
    monkeypatch.setattr(pieces, "MARKS_AT_ONCE", 16)
    times, marks = np.sort(values[0]), np.sort(values[1])
    np.testing.assert_array_equal(pieces.places_in(times, marks), np.searchsorted(times, marks))
    steps = [np.empty(0), *pieces.steps_of(values[0])]
    np.testing.assert_array_equal(np.concatenate(steps), np.diff(values[0]))
