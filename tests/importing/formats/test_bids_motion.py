"""Motion in BIDS: names of columns in a table beside, the rate in JSON, people by the names of files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from otolith.errors import DataError
from otolith.importing import ImportOptions, read_recordings
from otolith.importing.questions import Undecided
from otolith.recording import CHANNELS
from tests.helpers.exports import G, signal

S = signal(12)
PLAIN = ImportOptions(leave_out=True)


def bids(root: Path, person: str, points: tuple[str, ...] = ("hip",), rate: bool = True, latency: bool = False) -> Path:
    folder = root / f"sub-{person}" / "motion"
    folder.mkdir(parents=True)
    stem = f"sub-{person}_task-walk_tracksys-imu"
    columns, lines = [], ["name\tcomponent\ttype\ttracked_point\tunits"]
    for number, point in enumerate(points):
        for kind, unit, values in (("GYRO", "deg/s", np.degrees(S.gyro)), ("ACCEL", "g", S.acc / G)):
            for axis in (2, 1, 0):
                lines.append(f"{point}_{kind}_{'xyz'[axis]}\t{'xyz'[axis]}\t{kind}\t{point}\t{unit}")
                columns.append(values[axis] * (1 - 0.01 * number))
        lines.append(f"{point}_MAGN_x\tx\tMAGN\t{point}\tT")
        columns.append(0 * S.acc_times)
    if latency:
        lines.append("latency\tn/a\tLATENCY\tn/a\ts")
        columns.append(S.acc_times)
    rows = ("\t".join(f"{v:.7f}" for v in row) for row in np.stack(columns).T)
    (folder / f"{stem}_motion.tsv").write_text("\n".join(rows) + "\n")
    (folder / f"{stem}_channels.tsv").write_text("\n".join(lines) + "\n")
    about = {"TaskName": "walk"} | ({"SamplingFrequency": 50} if rate else {})
    (folder / f"{stem}_motion.json").write_text(json.dumps(about))
    (root / "participants.tsv").write_text("participant_id\tage\nsub-01\t22\nsub-02\t33\n")
    (root / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.9.0"}')
    return root


@pytest.mark.parametrize("latency", [False, True])
def test_a_study_comes_in_without_any_option(tmp_path: Path, latency: bool) -> None:
    for person in ("01", "ada"):
        bids(tmp_path, person, rate=not latency, latency=latency)
    found = read_recordings(tmp_path, PLAIN)
    assert [each.subject for each in found.recordings] == ["sub-01", "sub-ada"]
    assert (found.channels, found.gravity, found.left_out) == (CHANNELS, "included", ())
    assert found.rate_hz == pytest.approx(50)
    for each in found.recordings:
        np.testing.assert_allclose(each.streams[0].values, np.concatenate([S.acc, S.gyro]), atol=1e-4)


def test_tracked_points_are_places(tmp_path: Path) -> None:
    bids(tmp_path, "01", ("hip", "left_wrist"))
    with pytest.raises(Undecided, match=r"2 places: hip, left_wrist.*--place all"):
        read_recordings(tmp_path, PLAIN)
    (one,) = read_recordings(tmp_path, replace(PLAIN, place="wrist")).recordings
    np.testing.assert_allclose(one.streams[0].values[:3], 0.99 * S.acc, atol=1e-4)
    assert len(read_recordings(tmp_path, replace(PLAIN, place="all")).recordings) == 2
    bids(tmp_path / "other", "02")
    with pytest.raises(DataError, match="none of its places"):
        read_recordings(tmp_path / "other", replace(PLAIN, place="wrist"))


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    bids(tmp_path, "01", rate=False)
    with pytest.raises(Undecided, match=r"SamplingFrequency.*\*_motion\.json there, or give --rate HZ"):
        read_recordings(tmp_path, PLAIN)
    assert read_recordings(tmp_path, replace(PLAIN, rate_hz=50)).rate_hz == 50
    table = next(tmp_path.rglob("*_channels.tsv"))
    table.write_text("\n".join(table.read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(DataError, match=r"has 7 columns, and .*_channels\.tsv names 6"):
        read_recordings(tmp_path, replace(PLAIN, rate_hz=50, leave_out=False))
