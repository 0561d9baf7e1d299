"""Logs with the sensor's name in each row, in the forms in which programs write them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from otolith.errors import DataError
from otolith.importing import Imported, ImportOptions, read_recordings
from otolith.recording import CHANNELS
from tests.helpers.exports import signal

S = signal(12, acc_hz=50, gyro_hz=104)
OPTIONS = ImportOptions()
Row = tuple[float, str, np.ndarray]


def rows(*sensors: tuple[str, np.ndarray, np.ndarray]) -> list[Row]:
    """All rows of (name, times, values), by time."""
    all_rows = [
        (float(t), name, row) for name, times, values in sensors for t, row in zip(times, values.T, strict=True)
    ]
    return sorted(all_rows, key=lambda row: row[0])


BOTH = rows(
    ("Accelerometer", S.acc_times, S.acc), ("Gyroscope", S.gyro_times, S.gyro), ("Light", S.acc_times, 0 * S.acc)
)
NAMES = {"Accelerometer": "android.sensor.accelerometer", "Gyroscope": "TYPE_GYROSCOPE", "Light": "light"}
NUMBERS = {"Accelerometer": "1", "Gyroscope": "4", "Light": "5"}


def read(path: Path, lines: list[str], options: ImportOptions = OPTIONS) -> Imported:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return read_recordings(path.parent, options)


def three(values: np.ndarray, between: str = ",") -> str:
    return between.join(f"{v:.6f}" for v in values)


FORMS: dict[str, tuple[list[str], Callable[[float, str, np.ndarray], str]]] = {
    "names": (["timestamp,sensor,x,y,z"], lambda t, s, v: f"{1e3 * t + 1.7e12:.0f},{s},{three(v)}"),
    "values": (
        ["time_ns;sensorName;accuracy;values[0];values[1];values[2]"],
        lambda t, s, v: f"{1e9 * t:.0f};{NAMES[s]};3;{three(v, ';')}",
    ),
    "types": (["Timestamp\tSensor Type\tV0\tV1\tV2"], lambda t, s, v: f"{t:.6f}\t{NUMBERS[s]}\t{three(v, chr(9))}"),
    "no names": ([], lambda t, s, v: f"{1e9 * t:.0f},{s},3,{three(v)}"),
    "sensor first": (["% a log", "%"], lambda t, s, v: f"{s[:4].upper()};{t:.3f};{t + 81:.4f};{three(v, ';')};3"),
    "one cell": (["time,sensor,values"], lambda t, s, v: f'{1e3 * t + 1.7e12:.0f},{s},"[{three(v, ", ")}]"'),
    "blanks": ([], lambda t, s, v: f"{1e9 * t:.0f} {s} {three(v, ' ')}"),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_forms(tmp_path: Path, form: str) -> None:
    head, line = FORMS[form]
    body = [line(*row) for row in BOTH]
    if form == "sensor first":  # rows of other sensors have other numbers of cells
        body = [row if not row.startswith("LIGH") else ";".join(row.split(";")[:3]) for row in body]
    found = read(tmp_path / "log.txt", head + body)
    (recording,) = found.recordings
    assert recording.name == "log"
    assert recording.channels == CHANNELS
    assert [stream.rate_hz for stream in recording.streams] == [50, 104]
    np.testing.assert_allclose(recording.streams[0].values, S.acc, atol=1e-6)
    np.testing.assert_allclose(recording.streams[1].values, S.gyro, atol=1e-6)
    assert any("each row names its sensor" in d.why for d in found.findings["log"].decisions)


def objects(kind: str) -> str:
    flat = [
        {"time": round(1e3 * t) + 1_700_000_000_000, "type": s, **dict(zip("xyz", v, strict=True))} for t, s, v in BOTH
    ]
    if kind == "flat":
        return json.dumps(flat)
    if kind == "lines":
        return "\n".join(map(json.dumps, flat))
    if kind == "arrays":
        return json.dumps({s: [each for each in flat if each["type"] == s] for s in ("Accelerometer", "Gyroscope")})
    nested = [
        {"name": s.lower(), "time": round(1e3 * t), "values": dict(zip("xyz", v, strict=True))} for t, s, v in BOTH
    ]
    return json.dumps({"deviceId": "a", "payload": nested})


@pytest.mark.parametrize("kind", ["flat", "lines", "arrays", "nested"])
def test_objects_of_json_that_name_their_sensor(tmp_path: Path, kind: str) -> None:
    (recording,) = read(tmp_path / "log.json", [objects(kind)]).recordings
    assert recording.channels == CHANNELS
    np.testing.assert_allclose(recording.streams[0].values, S.acc, atol=1e-6)
    np.testing.assert_allclose(recording.streams[1].values, S.gyro, atol=1e-6)


def test_parquet_that_names_sensors(tmp_path: Path) -> None:
    cells = {"ns": [round(1e9 * t) for t, _, _ in BOTH], "sensor": [s for _, s, _ in BOTH]}
    values = {axis: [float(v[at]) for _, _, v in BOTH] for at, axis in enumerate("xyz")}
    pl.DataFrame(cells | values).write_parquet(tmp_path / "log.parquet")
    (recording,) = read_recordings(tmp_path, OPTIONS).recordings
    np.testing.assert_allclose(recording.streams[0].values, S.acc, atol=1e-6)
    assert [stream.rate_hz for stream in recording.streams] == [50, 104]


def test_gravity_and_linear_acceleration_are_summed(tmp_path: Path) -> None:
    apart = rows(("LINEAR_ACCELERATION", S.acc_times, S.acc - S.gravity), ("GRAVITY", S.acc_times, S.gravity))
    lines = ["time,sensor,x,y,z", *(f"{t:.4f},{s},{three(v)}" for t, s, v in apart)]
    found = read(tmp_path / "log.csv", lines)
    assert found.gravity == "included"
    np.testing.assert_allclose(found.recordings[0].streams[0].values, S.acc, atol=1e-5)
    found = read(
        tmp_path / "log.csv", [line for line in lines if "GRAVITY" not in line], replace(OPTIONS, acc_unit="m/s^2")
    )
    assert found.gravity == "removed"


def test_the_accelerometer_is_preferred_to_the_sum_and_to_uncalibrated_values(tmp_path: Path) -> None:
    several = rows(
        ("accelerometer uncalibrated", S.acc_times, 2 * S.acc),
        ("gravity", S.acc_times, 3 * S.acc),
        ("accelerometer", S.acc_times, S.acc),
    )
    found = read(tmp_path / "log.csv", ["time,sensor,x,y,z", *(f"{t:.4f},{s},{three(v)}" for t, s, v in several)])
    np.testing.assert_allclose(found.recordings[0].streams[0].values, S.acc, atol=1e-5)


def test_places_in_names_or_in_a_column_are_chosen(tmp_path: Path) -> None:
    several = rows(("watch acc", S.acc_times, S.acc), ("phone acc", S.acc_times, 0.99 * S.acc))
    named = ["time,sensor,x,y,z", *(f"{t:.4f},{s},{three(v)}" for t, s, v in several)]
    beside = ["time,device,sensor,x,y,z", *(f"{t:.4f},{s.replace(' ', ',')},{three(v)}" for t, s, v in several)]
    for lines in (named, beside):
        with pytest.raises(DataError, match=r"places: (phone, watch|watch, phone).*--place (watch|phone)"):
            read(tmp_path / "log.csv", lines)
        found = read(tmp_path / "log.csv", lines, replace(OPTIONS, place="watch"))
        np.testing.assert_allclose(found.recordings[0].streams[0].values, S.acc, atol=1e-5)
        assert len(read(tmp_path / "log.csv", lines, replace(OPTIONS, place="all")).recordings) == 2


def test_subjects_labels_and_broken_rows(tmp_path: Path) -> None:
    lines = ["user,activity,time,sensor,x,y,z"]
    lines += [f"{'ab'[t > 6]},{['sit', 'walk'][t > 3]},{t:.4f},{s},{three(v)}" for t, s, v in BOTH]
    lines.insert(40, "a,sit,0.5,Accelerometer,0.1")
    found = read(tmp_path / "log.csv", lines)
    assert [(each.name, each.subject) for each in found.recordings] == [("log a", "a"), ("log b", "b")]
    assert found.activities == ("sit", "walk")
    assert "1 row(s) with too few cells were left out, from line 41 on" in [
        r.what for r in found.findings["log a"].repairs
    ]


@pytest.mark.parametrize("second", ["walking", "light", "gyroscope"])
def test_a_table_whose_words_name_no_accelerometer_is_none(tmp_path: Path, second: str) -> None:
    with pytest.raises(DataError):
        read(tmp_path / "log.csv", [f"{t:.4f},{second},{three(v)}" for t, _, v in BOTH])


def test_names_that_say_no_sensor_are_asked_for(tmp_path: Path) -> None:
    lines = ["time,sensor,x,y,z", *(f"{t:.4f},{s[0]},{three(v)}" for t, s, v in BOTH if s != "Light")]
    with pytest.raises(DataError, match=r"It has sensors at 2 places: A, G.*--place A"):
        read(tmp_path / "log.csv", lines, ImportOptions(accept_guess=True))
    found = read(tmp_path / "log.csv", lines, ImportOptions(accept_guess=True, place="A"))
    np.testing.assert_allclose(found.recordings[0].streams[0].values, S.acc, atol=1e-6)


def test_places_in_a_column_without_a_name_are_asked_about(tmp_path: Path) -> None:
    rows = [f"{n * 20},{place},ACC,0.1,{n % 7},9.8" for n in range(200) for place in ("waist", "left ankle")]
    (tmp_path / "log.csv").write_text("\n".join(rows) + "\n")
    with pytest.raises(DataError, match=r"2 places: waist, left ankle"):
        read_recordings(tmp_path / "log.csv", ImportOptions(accept_guess=True))
