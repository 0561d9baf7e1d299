"""The one repair of time stamps: increasing times, no sample lost without a word."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from otolith.errors import DataError
from otolith.recording import Recording, Stream
from otolith.windows import WindowMeta, cut
from otolith.windows.times import Samples, SourceFile, rate_of, repair, repair_whole
from tests.helpers.progress import Told

PLACE = SourceFile(Path("walk.txt"), first=3)
VALUES = np.arange(300.0).reshape(3, 100)


def samples(times: np.ndarray, values: np.ndarray = VALUES) -> Samples:
    return Samples(np.asarray(times, float), values[:, : len(times)], np.arange(len(times)))


TIMES = np.arange(100) / 50


def test_good_times_are_left_alone() -> None:
    given_ = samples(TIMES)
    found, told = repair_whole(given_, "accelerometer", PLACE)
    assert found is given_
    assert told == ()


def test_repeated_rows() -> None:
    index = np.sort(np.r_[np.arange(100), 7, 7, 50])
    found, told = repair_whole(samples(TIMES[index], VALUES[:, index]), "gyroscope", PLACE)
    np.testing.assert_array_equal(found.times, TIMES)
    np.testing.assert_array_equal(found.values, VALUES)
    assert told == ("walk.txt, line 11: 3 rows of the gyroscope repeat the row before and were dropped",)


def test_backward_rows() -> None:
    found, told = repair_whole(samples(TIMES[::-1], VALUES[:, ::-1]), "gyroscope", PLACE)
    np.testing.assert_array_equal(found.times, TIMES)
    np.testing.assert_array_equal(found.values, VALUES)
    assert told == ("walk.txt: its rows run backwards in time and were turned round",)


def test_bunched_rows() -> None:
    found, told = repair_whole(samples(np.floor(TIMES * 10) / 10), "gyroscope", PLACE)
    np.testing.assert_allclose(found.times, TIMES, atol=1e-12)
    assert told == (
        "walk.txt: the clock of the gyroscope ticks every 0.1 s; its 100 samples were spread evenly between its ticks",
    )


def test_rows_that_arrived_by_the_hundred_are_refused() -> None:
    times = np.where(np.arange(100) % 50 < 30, TIMES, TIMES[np.arange(100) // 50 * 50 + 49])
    with pytest.raises(DataError, match="40 of 100 samples of the gyroscope share their time with more than 10 times"):
        repair_whole(samples(times), "gyroscope", PLACE)


def test_two_recordings_in_one_file_are_refused() -> None:
    with pytest.raises(DataError, match=r"walk\.txt, line 63: the clock of the gyroscope jumps back by 1\.18 s"):
        repair_whole(samples(np.r_[TIMES[:60], TIMES[:40] + 0.005]), "gyroscope", PLACE)


def test_a_file_written_twice_is_one_recording() -> None:
    twice = np.r_[np.arange(100), np.arange(100)]
    found, told = repair_whole(samples(TIMES[twice], VALUES[:, twice]), "gyroscope", PLACE)
    np.testing.assert_array_equal(found.values, VALUES)
    assert told[-1] == "walk.txt, line 103: 100 rows of the gyroscope repeat earlier ones and were dropped"


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (np.zeros(100), "has 1 different values for 100 samples. A cure."),
        (np.tile([5.0, 0.0], 120), "has jumped back 100 times by here"),
        (np.zeros(2), "no two samples of the gyroscope follow each other"),
    ],
)
def test_times_beyond_repair(times: np.ndarray, message: str) -> None:
    values = np.random.default_rng(0).normal(size=(3, len(times))) if len(times) > 2 else np.zeros((3, 2))
    with pytest.raises(DataError, match=re.escape(message)):
        repair(samples(times, values), "gyroscope", PLACE, lambda where, what, count: None, "A cure.")


@given(st.lists(st.integers(0, 60), min_size=2, max_size=80))
@example([0, 6, 6, 7])
def test_parts_increase_and_every_loss_is_told(ticks: list[int]) -> None:
    told: list[int] = []
    values = np.stack([np.arange(len(ticks), dtype=float)] * 3)  # no row repeats another
    try:
        parts = repair(
            samples(np.array(ticks) / 50, values), "x", PLACE, lambda where, what, count: told.append(count), "A cure."
        )
    except DataError:
        return
    assert all((np.diff(part.times) > 0).all() for part in parts)
    rows = np.concatenate([part.rows for part in parts])
    assert len(set(rows.tolist())) == len(rows)
    assert len(rows) == len(ticks) or sum(told) >= len(ticks) - len(rows)
    for part in parts:
        np.testing.assert_array_equal(part.values[0], part.rows)


def test_rate() -> None:
    assert rate_of(np.arange(100) / 49.8) == 50.0
    with pytest.raises(ValueError, match="two samples"):
        rate_of(np.zeros(1))


def test_rate_of_a_recording_that_pauses_again_and_again() -> None:
    """What lies between pauses counts where steps are alike there: packets that arrive at once have their mean rate."""
    rng = np.random.default_rng(0)
    grid = np.arange(20_000) / 20
    times = grid[(np.arange(20_000) % 20) < 12] + rng.normal(0, 1e-3, 12_000)
    assert rate_of(times) == 20.0
    packets = np.repeat(np.arange(1000) * 0.4, 10) + np.tile(np.linspace(0, 0.03, 10), 1000)
    assert rate_of(packets) == pytest.approx(25, rel=0.02)
    assert rate_of(np.sort(packets + rng.exponential(2e-3, 10_000))) == pytest.approx(25, rel=0.02)
    assert rate_of(np.arange(100) * 0.5) == 2.0


def test_repairs_are_told_once_the_windows_are_cut() -> None:
    one = Recording("one", 1, (Stream(("acc_x",), np.zeros((1, 100)), 50.0),), repairs=("one.txt: a row was dropped",))
    told = Told()
    meta = WindowMeta("own", (), ("acc_x",))
    cut([one, replace(one, name="two")], meta, unlabelled=True, progress=told)
    assert told.said == [
        "own: time stamps were repaired: one.txt: a row was dropped "
        "(and 1 more, which `otolith data` lists with --check --deep)"
    ]
