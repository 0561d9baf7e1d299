"""Tables with one value a row, in the shapes in which data bases give them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from otolith.errors import DataError
from otolith.importing import ImportOptions, read_recordings
from otolith.importing.formats.long_rows import long_of
from otolith.recording import CHANNELS
from tests.helpers.exports import signal

S = signal(12)
YES = ImportOptions(accept_guess=True)
ROWS = [
    (f"{time:.3f}", sensor, axis, f"{value:.5f}")
    for at, time in enumerate(S.acc_times)
    for sensor, values in (("accelerometer", S.acc), ("gyroscope", S.gyro))
    for axis, value in zip("xyz", values[:, at], strict=True)
]
BLOCKS = sorted(ROWS, key=lambda row: (row[1], row[2]))


def text(header: str, rows: list[tuple[str, ...]], between: str = ",") -> str:
    return "\n".join([header, *(between.join(row) for row in rows)]) + "\n"


SHAPES = {
    "a.csv": text("time,sensor,axis,value", ROWS),
    "blocks.csv": text("time,sensor,axis,value", BLOCKS),
    "signal.csv": text("t;variable;wert", [(t, f"{s[:3]}_{a}", v.replace(".", ",")) for t, s, a, v in ROWS], ";"),
    "more.tsv": text("time\tunit\tname\tvalue\tquality", [(t, "SI", f"{s} {a}", v, "1") for t, s, a, v in ROWS], "\t"),
    "a.json": json.dumps([{"time": float(t), "sensor": s, "axis": a, "value": float(v)} for t, s, a, v in ROWS]),
}


@pytest.mark.parametrize("name", SHAPES)
def test_rows_are_put_side_by_side(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(SHAPES[name])
    found = read_recordings(tmp_path / name, YES)
    (stream,) = found.recordings[0].streams
    assert stream.channels == CHANNELS
    np.testing.assert_allclose(stream.values, np.concatenate([S.acc, S.gyro]), atol=1e-4)


def test_people_and_labels_stay_with_their_rows(tmp_path: Path) -> None:
    rows = [(user, *row, "walk" if float(row[0]) < 6 else "NA") for user in ("ada", "bob") for row in ROWS]
    (tmp_path / "a.csv").write_text(text("user,time,sensor,axis,value,activity", rows))
    found = read_recordings(tmp_path / "a.csv", YES)
    assert [each.subject for each in found.recordings] == ["ada", "bob"]
    assert [round(each.segments[0].stop_s or 0) for each in found.recordings] == [6, 6]


def test_sensors_with_times_of_their_own(tmp_path: Path) -> None:
    rows = [(f"{float(t) + 0.005 * (s == 'gyroscope'):.3f}", s, a, v) for t, s, a, v in BLOCKS]
    (tmp_path / "a.csv").write_text(text("time,sensor,axis,value", rows))
    acc, gyro = read_recordings(tmp_path / "a.csv", YES).recordings[0].streams
    np.testing.assert_allclose(acc.values, S.acc, atol=1e-4)
    np.testing.assert_allclose(gyro.values, S.gyro, atol=1e-4)


def test_the_axis_alone_is_of_the_sensor_that_the_file_names(tmp_path: Path) -> None:
    for name, sensor in (("walk_acc.csv", "accelerometer"), ("walk_gyro.csv", "gyroscope")):
        rows = [(t, a.upper(), v) for t, s, a, v in ROWS if s == sensor]
        (tmp_path / name).write_text(text("time,axis,value", rows))
    found = read_recordings(tmp_path, YES)
    assert found.channels == CHANNELS


@pytest.mark.parametrize(
    ("columns", "row"),
    [
        (["time", "sensor", "x", "y", "z"], ["0", "acc", "1", "2", "3"]),
        (["time", "sensor", "value"], ["0", "acc", "1"]),
        (["time", "place", "value"], ["0", "x", "1"]),
    ],
)
def test_other_tables_are_not_long(columns: list[str], row: list[str]) -> None:
    assert long_of(columns, [[str(n), *row[1:]] for n in range(60)]) is None


def test_no_accelerometer_among_the_signals(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(text("time,sensor,axis,value", [row for row in ROWS if row[1] == "gyroscope"]))
    with pytest.raises(DataError, match="gyroscope, but no file beside it the accelerometer"):
        read_recordings(tmp_path / "a.csv", YES)
