"""Raw CSV files as ActiLife writes them: ten lines, with or without times, day or month first."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from otolith.errors import DataError
from otolith.importing import ImportOptions, read_recordings
from tests.helpers.exports import G, signal

S = signal(12, acc_hz=30)


def write(path: Path, dates: str = "M/d/yyyy", rate: str = " at 30 Hz ", times: list[str] | None = None) -> Path:
    start = "12/3/2024" if dates.startswith("M") else "03/12/2024"
    lines = [
        f"------------ Data File Created By ActiGraph GT3X+ ActiLife v6 date format {dates}{rate} Filter Normal --",
        "Serial Number: MOS2X00000000",
        "Start Time 10:15:00",
        f"Start Date {start}",
        "Epoch Period (hh:mm:ss) 00:00:00",
        "Download Time 11:02:10",
        f"Download Date {start}",
        "Current Memory Address: 0",
        "Current Battery Voltage: 3.85     Mode = 12",
        "-" * 50,
        ("Timestamp," if times else "") + "Accelerometer X,Accelerometer Y,Accelerometer Z",
    ]
    cells = [",".join(f"{each:.3f}" for each in row) for row in (S.acc / G).T]
    rows = cells if times is None else [f"{time},{row}" for time, row in zip(times, cells, strict=True)]
    path.write_text("\n".join([*lines, *rows, ""]))
    return path


@pytest.mark.parametrize(("dates", "day"), [("M/d/yyyy", "3"), ("dd/MM/yyyy", "03")])
@pytest.mark.parametrize("timed", [False, True])
def test_rate_start_and_unit_stand_above_the_table(tmp_path: Path, dates: str, day: str, timed: bool) -> None:
    date = f"12/{day}/2024" if dates.startswith("M") else f"{day}/12/2024"
    times = [f"{date} 10:15:{each:06.3f}" for each in np.arange(len(S.acc_times)) / 30] if timed else None
    found = read_recordings(write(tmp_path / "a (2024-12-03)RAW.csv", dates, times=times))
    (recording,) = found.recordings
    findings = found.findings[recording.name]
    assert (findings.format, findings.started) == ("actigraph_csv", "2024-12-03T10:15:00.000000")
    assert recording.streams[0].rate_hz == pytest.approx(30, rel=2e-3)
    np.testing.assert_allclose(recording.streams[0].values, S.acc, atol=0.01)
    assert any(each.what == "read as" and "ActiGraph" in each.value for each in findings.decisions)


@pytest.mark.parametrize("rate", [" ", " at 0 Hz "])
def test_a_file_without_times_and_rate_asks_for_the_rate(tmp_path: Path, rate: str) -> None:
    path = write(tmp_path / "a.csv", rate=rate)
    with pytest.raises(DataError, match="--rate"):
        read_recordings(path)
    assert read_recordings(path, ImportOptions(rate_hz=30)).rate_hz == 30


def test_lines_that_a_spreadsheet_filled_up_with_separators(tmp_path: Path) -> None:
    plain, saved = (write(tmp_path / name) for name in ("plain.csv", "saved.csv"))
    lines = saved.read_text().split("\n")
    saved.write_text("\n".join([*(f"{line},," for line in lines[:10]), *lines[10:]]))
    started = [
        read_recordings(path, ImportOptions(subject="ada")).findings[path.stem].started_s for path in (plain, saved)
    ]
    assert started[0] is not None
    assert started[0] == started[1]
