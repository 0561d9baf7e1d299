"""Whatever bytes come, a reader returns recordings or a DataError that names the file. It never crashes or hangs."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from otolith.errors import DataError
from otolith.importing import ImportOptions, read_recordings
from otolith.importing.labels.intervals import read_intervals
from otolith.importing.tables.parquet_worker import read_parquet
from otolith.importing.tables.text import header_of, read_table
from otolith.windows.clock import check_streams
from tests.helpers.exports import phyphox, physics_toolbox, sensor_logger, signal

S = signal(1.0)
YES = ImportOptions(accept_guess=True, acc_unit="g", gyro_unit="rad/s", gravity="included", time_unit="s")
FEW = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

CELLS = st.sampled_from(
    ["", "0", "1", "-1", "0.02", "1e3", "1e308", "-1e400", "nan", "NaN", "inf", "−∞", "x", '"', '"a"', ",", "1,5", "\0",
     "9223372036854775808", "1772355600000000000", "2026-03-01T10:00:00Z", "2026-03-01 10:00", "99:99:99", "00:00:01.5",
     "°", "9" * 400, "=1+1", "#", "\r", " "]
)  # fmt: skip
HEADERS = st.sampled_from(
    [
        "time,seconds_elapsed,z,y,x",
        '"Time (s)","Acceleration x (m/s^2)","Acceleration y (m/s^2)","Acceleration z (m/s^2)"',
        "time,gFx,gFy,gFz,wx,wy,wz",
        "time;gFx;gFy;gFz",
        "time,acc_x,acc_y,acc_z,gyro_x,gyro_y,gyro_z,activity",
        "timestamp\tax\tay\taz\tsession\tsubject",
    ]
)


def checked(source: Path) -> None:
    """Read, and hold what comes back to the rules of recordings."""
    try:
        found = read_recordings(source, YES)
    except DataError as error:
        assert str(error)  # noqa: PT017
        return
    for recording in found.recordings:
        check_streams(recording)
        assert all(stream.n_samples for stream in recording.streams)


@FEW
@given(st.binary(max_size=300))
def test_any_bytes_as_text_and_parquet(content: bytes) -> None:
    for read in (read_table, read_parquet):
        try:
            table = read("t", content)
        except DataError as error:
            assert str(error).startswith("t")  # noqa: PT017
            continue
        assert table.height > 0
        assert header_of(content) or table.columns[0].startswith("column") or read is read_parquet


@FEW
@given(HEADERS, st.lists(st.lists(CELLS, min_size=1, max_size=9), max_size=12), st.sampled_from(["Accelerometer", "t"]))
def test_any_cells_under_known_headers(tmp_path: Path, header: str, rows: list[list[str]], stem: str) -> None:
    separator = next(s for s in "\t;," if s in header)
    path = tmp_path / f"{stem}.csv"
    path.write_bytes("\n".join([header, *(separator.join(row) for row in rows)]).encode("utf-8", "surrogatepass"))
    checked(path)


@FEW
@given(
    HEADERS,
    st.lists(st.floats(width=32), min_size=2, max_size=25),
    st.lists(st.floats(-1e300, 1e300), min_size=2, max_size=25),
)
@example(header="time,seconds_elapsed,z,y,x", times=[0.0, 0.0], values=[0.0, 2.2e-313])  # a rate beyond all numbers
def test_any_numbers_under_known_headers(tmp_path: Path, header: str, times: list[float], values: list[float]) -> None:
    separator = next(s for s in "\t;," if s in header)
    width = header.count(separator)
    rows = [[repr(t), *[repr(values[(i + k) % len(values)]) for k in range(width)]] for i, t in enumerate(times)]
    path = tmp_path / "Accelerometer.csv"
    path.write_text("\n".join([header, *(separator.join(row) for row in rows)]))
    checked(path)


@pytest.mark.parametrize("writer", [sensor_logger, phyphox, physics_toolbox])
@FEW
@given(data=st.data())
def test_damaged_exports(tmp_path: Path, writer: Callable[..., Path], data: st.DataObject) -> None:
    """Bytes of a sound export changed, dropped or repeated."""
    whole = writer(tmp_path / ("walk.csv" if writer is physics_toolbox else "walk.zip"), S)
    content = bytearray(whole.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        length = data.draw(st.integers(1, 40))
        what = data.draw(st.sampled_from(["drop", "change", "repeat"]))
        if what == "drop":
            del content[at : at + length]
        elif what == "change":
            content[at : at + length] = data.draw(st.binary(min_size=1, max_size=length))
        else:
            content[at:at] = content[at : at + length]
        if not content:
            return
    whole.write_bytes(bytes(content))
    checked(whole)


@FEW
@given(st.data())
def test_damaged_parquet(data: st.DataObject) -> None:
    buffer = io.BytesIO()
    pl.DataFrame({"time": S.acc_times, "x": S.acc[0], "s": ["a"] * len(S.acc_times)}).write_parquet(buffer)
    content = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        table = read_parquet("t", bytes(content))
        for column in table.columns:
            table.numbers(column)
    except DataError as error:
        assert str(error).startswith("t")  # noqa: PT017


@FEW
@given(st.lists(st.tuples(st.text(min_size=1, max_size=12), st.binary(max_size=60)), max_size=4))
def test_any_archive(tmp_path: Path, entries: list[tuple[str, bytes]]) -> None:
    path = tmp_path / "walk.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number, (name, content) in enumerate(entries):
            archive.writestr(f"{number}{name}.csv".encode("utf-8", "replace").decode(), content)
    checked(path)
    assert [each.name for each in tmp_path.iterdir()] == ["walk.zip"]


@FEW
@given(st.lists(st.lists(CELLS, min_size=3, max_size=4), min_size=1, max_size=6))
def test_any_file_of_intervals(tmp_path: Path, rows: list[list[str]]) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("\n".join(["recording,start,end,activity", *(",".join(row) for row in rows)]), encoding="utf-8")
    try:
        intervals = read_intervals(path)
    except DataError as error:
        assert str(error).startswith(str(path))  # noqa: PT017
        return
    assert all(np.isfinite(each.start) and each.start < each.end for each in intervals)
    assert all(np.isfinite(each.end) or each.until_next for each in intervals)
