"""Workbooks of spreadsheets: worksheets are read as tables, alone or as files beside each other."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from otolith.errors import DataError
from otolith.importing import ImportOptions, read_recordings
from otolith.importing.containers import workbooks
from tests.helpers.exports import physics_toolbox, signal
from tests.helpers.workbooks import workbook

pytest.importorskip("fastexcel", reason="the extra `xlsx` is not installed")

S = signal(12)
YES = ImportOptions(accept_guess=True, gyro_unit="rad/s")
START = datetime(2026, 3, 1, 9)


def rows(values: np.ndarray, names: tuple[str, ...], moments: bool = False) -> list[list[object]]:
    times = S.acc_times.tolist()
    first = [START + timedelta(seconds=t) for t in times] if moments else times
    return [
        ["time" if moments else "time_s", *names],
        *([t, *v] for t, v in zip(first, values.T.tolist(), strict=True)),
    ]


ACC = rows(S.acc, ("acc_x", "acc_y", "acc_z"))
BOTH = rows(np.concatenate([S.acc, S.gyro]), tuple(f"{s}_{a}" for s in ("acc", "gyro") for a in "xyz"), moments=True)


def test_a_table_below_lines_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "walk.xlsx").write_bytes(workbook({"Sheet1": [["Logger 7"], [], *BOTH]}))
    for source in (tmp_path / "walk.xlsx", tmp_path):
        found = read_recordings(source, YES)
        (recording,), (told,) = found.recordings, found.findings.values()
        assert (recording.name, found.rate_hz) == ("walk", 50)
        assert np.allclose(recording.streams[0].values, np.concatenate([S.acc, S.gyro]))
        assert told.started == "2026-03-01T09:00:00.010000"


def test_worksheets_are_files_beside_each_other(tmp_path: Path) -> None:
    sheets = {"acc": ACC, "gyro": rows(S.gyro, ("gyro_x", "gyro_y", "gyro_z")), "notes": [["He walked."]], "x/../y": []}
    (tmp_path / "walk.xlsx").write_bytes(workbook(sheets))
    found = read_recordings(tmp_path / "walk.xlsx", YES)
    assert len(found.recordings) == 1
    assert len(found.channels) == 6
    assert [where.split(": ")[1] for where in found.passed_over] == ["notes", "x_.._y"]


def test_in_an_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("ada/walk.xlsx", workbook({"a": ACC}))
    assert read_recordings(tmp_path / "all.zip", YES).recordings[0].name == "walk"


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", bytes(30 << 20))
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "cannot be read as a workbook"),
        (workbook({"a": ACC})[:-100], "cannot be read as a workbook"),
        (workbook({"a": ACC}).replace(b"xl/workbook.xml", b"xl/warkbook.xml"), "cannot be read as a workbook"),
        (bomb(), "claim to expand to 31,457,280"),
    ],
)
def test_damaged_and_hostile_workbooks(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "w.xlsx").write_bytes(content)
    with pytest.raises(DataError, match=rf"w\.xlsx: .*{why}"):
        read_recordings(tmp_path / "w.xlsx")


def test_too_many_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "MAX_CELLS", 100)
    (tmp_path / "w.xlsx").write_bytes(workbook({"a": ACC}))
    with pytest.raises(DataError, match="601 rows of 4 cells, over the limit of 100"):
        read_recordings(tmp_path / "w.xlsx")


def test_without_what_reads_it_the_cure_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And beside recordings a workbook is no reason to stop."""
    monkeypatch.setattr(workbooks.importlib.util, "find_spec", lambda name: None)
    (tmp_path / "w.xlsx").write_bytes(workbook({"a": ACC}))
    with pytest.raises(DataError, match=r"w\.xlsx: .*pip install \"otolith\[xlsx\]\""):
        read_recordings(tmp_path / "w.xlsx")
    physics_toolbox(tmp_path / "walk.csv", S)
    found = read_recordings(tmp_path)
    assert "otolith[xlsx]" in found.passed_over[0]
