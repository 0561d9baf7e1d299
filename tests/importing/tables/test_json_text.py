"""Tables in JSON, in the forms that apps and programs write."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from otolith.errors import DataError
from otolith.importing import ImportOptions, read_recordings
from otolith.importing.tables import json_text
from otolith.importing.tables.json_text import json_columns, read_json
from tests.helpers.exports import START_NS, signal

S = signal(12)
YES = ImportOptions(accept_guess=True, gyro_unit="rad/s")
ROWS = [
    {"time_s": t, "acc_x": x, "acc_y": y, "acc_z": z, "gyro_x": a, "gyro_y": b, "gyro_z": c}
    for t, (x, y, z), (a, b, c) in zip(S.acc_times.tolist(), S.acc.T.tolist(), S.gyro.T.tolist(), strict=True)
]


def nested(row: dict[str, float]) -> dict[str, Any]:
    at = {name: {axis: row[f"{name}_{axis}"] for axis in "xyz"} for name in ("acc", "gyro")}
    return {"time_s": row["time_s"], "acc": at["acc"], "gyro": list(at["gyro"].values())}


FORMS: dict[str, Callable[[list[dict[str, float]]], str]] = {
    "array": json.dumps,
    "indented": lambda rows: json.dumps(rows, indent=1),
    "texts": lambda rows: json.dumps([{name: str(value) for name, value in row.items()} for row in rows]),
    "lines": lambda rows: "\n".join(map(json.dumps, rows)) + "\n",
    "nested": lambda rows: json.dumps([nested(row) for row in rows]),
    "columns": lambda rows: json.dumps({name: [row[name] for row in rows] for name in rows[0]}),
    "frame": lambda rows: json.dumps({name: {str(i): row[name] for i, row in enumerate(rows)} for name in rows[0]}),
    "within": lambda rows: json.dumps({"device": {"name": "x"}, "data": {"samples": rows}}),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["walk.json", "walk.txt", "walk"])
def test_every_form(tmp_path: Path, form: str, name: str) -> None:
    (tmp_path / name).write_text(FORMS[form](ROWS), encoding="utf-8")
    found = read_recordings(tmp_path / name, YES)
    (recording,) = found.recordings
    assert found.rate_hz == 50
    assert np.allclose(recording.streams[0].values[:6], np.concatenate([S.acc, S.gyro]), atol=1e-5)


def test_cells_keep_all_digits_and_missing_ones_are_missing() -> None:
    table = read_json("t", f'[{{"t": {START_NS + 1}, "x": null}}, {{"t": "{START_NS + 2}", "y": NaN}}]'.encode())
    whole = table.integers("t")
    assert whole is not None
    assert whole.tolist() == [START_NS + 1, START_NS + 2]
    assert table.columns == ("t", "x", "y")
    assert np.isnan(table.numbers("y")).all()


def test_several_arrays_are_told_apart_by_a_column() -> None:
    table = read_json("t", b'{"acc": [{"x": 1}, {"x": 2}], "gyro": [{"x": 3}]}')
    assert table.texts("sensor") == ["acc", "acc", "gyro"]
    assert table.numbers("x").tolist() == [1, 2, 3]


def test_columns_of_a_beginning() -> None:
    head = json.dumps(ROWS).encode()[:2000]
    assert json_columns(head) == tuple(ROWS[0])
    assert json_columns(FORMS["columns"](ROWS).encode()[:2000]) == ()


@pytest.mark.parametrize("form", ["array", "lines"])
def test_an_end_that_breaks_off_is_dropped_and_told(form: str) -> None:
    content = FORMS[form](ROWS).encode()
    table = read_json("t", content[:-30])
    assert table.height == len(ROWS) - 1
    assert table.repairs == [(f"object {len(ROWS)}, the last, breaks off and was dropped", 1)]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b'[{"x": 1}, {"x": }]', "line 1, character 18: is no JSON"),
        (b'[{"x": 1}, {"x": ' + b'{"x": 1}, ' * 9999, "is no JSON"),
        (b'{"x": 1}\n{"x": 2\n{"x": 3}\n', "line 3, character 1: is no JSON"),
        (b"[[1, 2], [3, 4]]", "where an object was expected"),
        (b"3", "neither an array nor an object"),
        (b'{"name": "walk"}', "no array of objects"),
        (b"[]", "no object with a value"),
        (b'[{"x": ' + b"[" * 100_000, "(is no JSON|cannot be read as JSON)"),
        (b'[{"x": "\xff"}]', "is not UTF-8"),
        (b'[{"\\ud800": "\\ud800"}, {"x": ' + b"9" * 5000 + b"}]", ""),
    ],
)
def test_damage(content: bytes, why: str) -> None:
    try:
        read_json("t", content)
    except DataError as error:
        assert str(error).startswith("t")  # noqa: PT017
        assert re.search(why, str(error))  # noqa: PT017
    else:
        assert not why


def test_names_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_text, "MAX_COLUMNS", 5)
    with pytest.raises(DataError, match="over the limit of 5 names"):
        read_json("t", json.dumps([{f"c{i}": 1} for i in range(9)]).encode())


def sensor_logger(*sensors: str) -> str:
    """Sensor Logger's JSON: rows of all sensors, and all numbers as text."""
    rows: list[dict[str, str]] = [{"sensor": "Metadata", "platform": "ios", "standardisation": "false", "version": "3"}]
    values = {"TotalAcceleration": S.acc, "Accelerometer": S.acc - S.gravity, "Gravity": S.gravity, "Gyroscope": S.gyro}
    for sensor in sensors:
        for t, (x, y, z) in zip(S.acc_times, values[sensor].T, strict=True):
            at = {"time": str(START_NS + round(t * 1e9)), "seconds_elapsed": f"{t:.6f}"}
            rows.append({"sensor": sensor, **at, "z": f"{z:.7f}", "y": f"{y:.7f}", "x": f"{x:.7f}"})
    rows += [{"sensor": "Battery", "time": str(START_NS), "seconds_elapsed": "0", "level": "0.9"}]
    rows += [{"sensor": "Annotation", "time": str(START_NS + 5 * 10**9), "seconds_elapsed": "5", "text": "walk"}]
    return json.dumps(rows)


@pytest.mark.parametrize("sensors", [("TotalAcceleration", "Gyroscope"), ("Accelerometer", "Gravity", "Gyroscope")])
def test_json_of_sensor_logger(tmp_path: Path, sensors: tuple[str, ...]) -> None:
    (tmp_path / "2026-03-01.json").write_text(sensor_logger(*sensors))
    found = read_recordings(tmp_path)
    (recording,), (told,) = found.recordings, found.findings.values()
    assert (recording.name, told.format, found.gravity) == ("2026-03-01", "sensor_logger", "included")
    assert len(told.sources) == 1
    assert [(segment.activity, round(segment.start_s)) for segment in recording.segments] == [("walk", 5)]
    assert np.allclose(recording.streams[0].values[:3], -S.acc, atol=1e-5)  # iOS turns the signs round
    assert told.started == f"2026-03-01T09:00:00.{round(S.acc_times[0] * 1e6):06d}Z"


@pytest.mark.parametrize("form", ["objects", "lists"])
@pytest.mark.parametrize("nested", [False, True])
def test_packets_of_several_samples_become_rows(tmp_path: Path, form: str, nested: bool) -> None:
    """As a sensor sends them by radio: eight samples of each, and the time of the packet."""

    def triples(values: np.ndarray) -> list[Any]:
        return [dict(zip("xyz", each, strict=True)) if form == "objects" else each for each in values.T.tolist()]

    packets: list[Any] = []
    for at in range(0, 592, 8):
        of = slice(at, at + 8)
        packet = {"ArrayAcc": triples(S.acc[:, of]), "ArrayGyro": triples(S.gyro[:, of]), "Timestamp": 5000 + 20 * at}
        packets.append({"imu": {"body": packet}, "uri": "7"} if nested else packet)
    text = json.dumps(packets if nested else {"Meas": {"IMU": packets}})
    (tmp_path / "walk.json").write_text(text)
    found = read_recordings(tmp_path, YES)
    (stream,) = found.recordings[0].streams
    assert (found.rate_hz, stream.n_samples) == (50, 592)
    np.testing.assert_allclose(stream.values[:, ::8][:, :70], np.r_[S.acc, S.gyro][:, :592:8][:, :70], atol=0.35)


def test_lists_that_are_no_samples_stay_in_their_row() -> None:
    table = read_json(
        "t", json.dumps([{"t": n, "x": 1, "satellites": [{"id": 1}, {"id": 2}]} for n in range(3)]).encode()
    )
    assert table.height == 3


def test_rows_from_long_before_a_recording_are_left_out(tmp_path: Path) -> None:
    """Android gives the last value that it had first, however old it is."""
    rows = json.loads(sensor_logger("TotalAcceleration"))
    stale = dict(rows[1], time=str(START_NS - 4 * 86_400 * 10**9), seconds_elapsed="-345600.5")
    (tmp_path / "walk.json").write_text(json.dumps([rows[0], stale, *rows[1:]]))
    told = read_recordings(tmp_path).findings["walk"]
    assert str(told.started).startswith("2026-03-01T09:00:00")
    assert [each.what for each in told.repairs] == ["1 row(s) from before the recording were left out"]
    assert not told.gaps


@pytest.mark.parametrize("units", [("m/s2", "rad/s"), ("N/A", "N/A")])
def test_names_and_rows_that_stand_apart(tmp_path: Path, units: tuple[str, str]) -> None:
    """As Edge Impulse keeps a sample."""
    names = [(f"{what}{axis}", unit) for what, unit in zip(("acc", "gyr"), units, strict=True) for axis in "XYZ"]
    payload = {
        "device_name": "7",
        "interval_ms": 20,
        "sensors": [{"name": name, "units": unit} for name, unit in names],
        "values": np.r_[S.acc, S.gyro].T.tolist(),
    }
    (tmp_path / "walk.1.json").write_text(
        json.dumps({"protected": {"ver": "v1"}, "signature": "0", "payload": payload})
    )
    found = read_recordings(tmp_path, YES)
    assert found.rate_hz == 50
    np.testing.assert_allclose(found.recordings[0].streams[0].values, np.r_[S.acc, S.gyro], atol=1e-12)
    assert json_columns((tmp_path / "walk.1.json").read_bytes())[0] == "time (ms)"
    del payload["interval_ms"]
    (tmp_path / "walk.1.json").write_text(json.dumps(payload))
    with pytest.raises(DataError, match="cannot tell which columns are the time"):
        read_recordings(tmp_path, YES)


def test_json_without_motion_is_passed_over_or_named(tmp_path: Path) -> None:
    (tmp_path / "walk.json").write_text(json.dumps(ROWS))
    for name, content in {"a.json": "{}", "b.json": '{"a": [1, 2]}', "c.json": "[", "d.json": '[{"bpm": 60}]'}.items():
        (tmp_path / name).write_text(content)
    found = read_recordings(tmp_path, YES)
    assert [Path(where).name for where in found.passed_over] == ["a.json", "b.json", "c.json", "d.json"]
    (tmp_path / "e.json").write_text(sensor_logger("Gyroscope"))
    with pytest.raises(DataError, match=r"e\.json: holds no accelerometer, only Annotation, Battery, Gyroscope"):
        read_recordings(tmp_path / "e.json")
