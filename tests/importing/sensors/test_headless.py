"""Tables without names: what their numbers decide, and what they leave open."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from otolith.errors import DataError
from otolith.importing import ImportOptions, read_recordings
from otolith.importing.sensors.headless import guess_by_values
from tests.helpers.exports import G, signal


def rows(*columns: np.ndarray | list[str]) -> list[list[str]]:
    cells = [[each if isinstance(each, str) else f"{each:.5f}" for each in column] for column in columns]
    return [list(row) for row in zip(*cells, strict=True)]


S = signal(12)
TIMES = S.acc_times
DATES = [f"2019-05-02 16:10:{each:06.3f}" for each in TIMES]
ACTIVITY = ["walk"] * 300 + ["rest"] * 300


@pytest.mark.parametrize("unit", [1.0, 1 / G, 1000 / G])
@pytest.mark.parametrize("clock", [TIMES, DATES], ids=["numbers", "dates"])
def test_a_clock_and_two_triads(unit: float, clock: np.ndarray | list[str]) -> None:
    found = guess_by_values(rows(clock, *(S.acc * unit), *S.gyro))
    acc, gyro = ("column 2", "column 3", "column 4"), ("column 5", "column 6", "column 7")
    assert found.columns == {"time": ("column 1",), "acc": acc, "gyro": gyro}
    assert found.guessed == frozenset(found.columns)


def test_words_are_labels_and_other_columns_are_left() -> None:
    temperature = np.full(len(TIMES), 21.5)
    found = guess_by_values(rows(np.full(len(TIMES), 33.0), ACTIVITY, TIMES, *S.acc, temperature))
    assert found.columns == {"time": ("column 3",), "acc": ("column 4", "column 5", "column 6"), "label": ("column 2",)}


@pytest.mark.parametrize(
    "columns",
    [
        [*S.acc, *S.gyro, *S.acc],  # two accelerometers
        [*(3 * S.acc)],  # as long as nothing known
        [*(S.acc - S.gravity)],  # gravity removed
        [np.ones(len(TIMES)) * G, np.zeros(len(TIMES)), np.zeros(len(TIMES))],  # does not move
    ],
)
def test_what_numbers_do_not_decide_is_not_guessed(columns: list[np.ndarray]) -> None:
    assert "acc" not in guess_by_values(rows(TIMES, *columns)).columns


TEMPERATURE = np.full(len(TIMES), 25.0)
FIELD = 20 * S.acc[[1, 2, 0]] + 400


@pytest.mark.parametrize(
    ("columns", "acc", "gyro"),
    [
        ([*S.gyro, *S.acc], 5, 2),
        ([*S.acc, TEMPERATURE, *S.gyro], 2, 6),
        ([*S.gyro, *S.acc, *FIELD], 5, 2),
        ([*(S.acc - S.gravity), *S.acc, *S.gyro], 5, 8),
        ([*S.acc, *(S.acc - S.gravity), *S.gyro], 2, 8),
        ([*S.acc, *FIELD], 2, 0),
    ],
)
def test_a_gyroscope_is_found_wherever_it_stands(columns: list[np.ndarray], acc: int, gyro: int) -> None:
    found = guess_by_values(rows(TIMES, *columns))
    for what, first in (("acc", acc), ("gyro", gyro)):
        assert found.columns.get(what, ()) == tuple(f"column {first + i}" for i in range(3) if first)


def test_of_two_clocks_the_one_that_tells_rows_apart() -> None:
    """Rows that a phone wrote as they arrived, six at a time, beside the sensor's own time."""
    arrived = TIMES[np.arange(len(TIMES)) // 6 * 6] + 0.05
    assert guess_by_values(rows(arrived, TIMES, *S.acc)).columns["time"] == ("column 2",)
    assert guess_by_values(rows(TIMES, TIMES + 5, *S.acc)).columns["time"] == ("column 1",)


@pytest.mark.parametrize(
    ("hint", "what"), [("acc", "acc"), ("linear", "acc"), ("gyro", "gyro"), ("other", ""), (None, "")]
)
def test_a_files_name_says_what_three_columns_are(hint: str | None, what: str) -> None:
    found = guess_by_values(rows(*(S.acc - S.gravity), TIMES), hint).columns
    assert found == {"time": ("column 4",)} | ({what: ("column 1", "column 2", "column 3")} if what else {})


def test_few_rows_decide_nothing() -> None:
    assert guess_by_values(rows(TIMES, *S.acc)[:10]).columns == {}


def test_a_file_without_names_is_read_from_its_first_row_on(tmp_path: Path) -> None:
    cells = rows(DATES, *(S.acc / G))
    (tmp_path / "CWA.csv").write_text("\n".join(",".join(row) for row in cells))
    with pytest.raises(DataError, match=r"acc from column 2,column 3,column 4.*--yes"):
        read_recordings(tmp_path / "CWA.csv")
    found = read_recordings(tmp_path / "CWA.csv", ImportOptions(accept_guess=True))
    stream = found.recordings[0].streams[0]
    np.testing.assert_allclose(stream.values, S.acc, atol=1e-3)
    assert (found.findings["CWA"].started or "").startswith("2019-05-02T16:10:00.01")


@pytest.mark.parametrize("clock", [DATES, [str(each) for each in TIMES]])
def test_a_column_of_words_beside_the_times_is_the_label(clock: list[str]) -> None:
    words = ["walk"] * len(clock)
    found = guess_by_values([[*row, word] for row, word in zip(rows(clock, *S.acc), words, strict=True)])
    assert found.column("label") == "column 5"
    seconds = [f"10:00:{each:09.6f}" for each in TIMES]
    found = guess_by_values([[*row, word] for row, word in zip(rows(clock, *S.acc), seconds, strict=True)])
    assert found.column("label") is None


@pytest.mark.parametrize("shift", [0, 1])
def test_a_quaternion_is_no_accelerometer(shift: int) -> None:
    turn = TIMES / 6
    four = np.stack([np.cos(turn), 0.8 * np.sin(turn), 0.6 * np.sin(turn), np.zeros(len(turn))])
    assert guess_by_values(rows(TIMES, *np.roll(four, shift, axis=0))).column("acc") is None


def test_several_accelerometers_without_names_are_asked_about(tmp_path: Path) -> None:
    cells = rows(TIMES, *S.acc, *S.gyro, *S.acc)
    (tmp_path / "s1.dat.txt").write_text("\n".join("\t".join(row) for row in cells))
    with pytest.raises(DataError, match="--acc X,Y,Z"):
        read_recordings(tmp_path / "s1.dat.txt", ImportOptions(accept_guess=True))


def test_a_count_of_rows_is_no_clock_where_there_is_another(tmp_path: Path) -> None:
    s = signal(20)
    columns = [np.arange(s.acc.shape[1]), 1_405_434_630_972 + np.arange(s.acc.shape[1]) * 20, *s.acc.round(4)]
    np.savetxt(tmp_path / "walk.dat", np.stack(columns, 1), fmt=["%d", "%d", "%.4f", "%.4f", "%.4f"])
    found = read_recordings(tmp_path / "walk.dat", ImportOptions(accept_guess=True, subject="ada"))
    assert found.findings["walk"].started_s == pytest.approx(1_405_434_630.972)


def test_a_column_of_codes_does_not_hide_the_files_gyroscope(tmp_path: Path) -> None:
    s = signal(20)
    for name, times, values in (("Accelerometer", s.acc_times, s.acc), ("Gyroscope", s.gyro_times, s.gyro)):
        codes = np.full(len(times), 2)
        columns = [np.round(times * 1e9), *values.round(6), codes]
        np.savetxt(tmp_path / f"{name}.txt", np.stack(columns, 1), "%.6f", ",")
    found = read_recordings(tmp_path, ImportOptions(accept_guess=True, subject="ada", gyro_unit="rad/s"))
    assert {channel for stream in found.recordings[0].streams for channel in stream.channels} >= {"acc_x", "gyro_z"}
    assert found.passed_over == ()
