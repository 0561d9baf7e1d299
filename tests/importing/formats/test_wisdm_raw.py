"""Raw text whose lines are user, activity, time, x, y, z and a semicolon, some of them broken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from otolith.errors import DataError
from otolith.importing import ImportOptions, read_recordings
from otolith.recording import CHANNELS
from tests.helpers.exports import signal

S = signal(20, acc_hz=20, gyro_hz=20)


def lines(user: str, values: np.ndarray, first_ns: int = 49_105_962_326_000) -> list[str]:
    activity = ["Jogging", "Walking"]
    return [
        f"{user},{activity[n >= 200]},{first_ns + 50_000_000 * n},{','.join(f'{v:.6f}' for v in row)};"
        for n, row in enumerate(values.T)
    ]


def test_users_are_subjects_and_broken_lines_are_counted(tmp_path: Path) -> None:
    first, second = lines("33", S.acc), lines("7", S.acc[::-1])
    first[10:12] = [first[10] + first[11]]
    first.insert(20, first[20].rsplit(",", 1)[0] + ",;")
    first.insert(30, "")
    first[50] = first[50].replace(";", ",;")
    (tmp_path / "raw_v2.txt").write_text("\n".join([*first, "33,Jogging,0,0,0,3.2;", *second]) + "\n")
    found = read_recordings(tmp_path)
    assert [(each.name, each.subject) for each in found.recordings] == [("raw_v2 33", "33"), ("raw_v2 7", "7")]
    for recording, values in zip(found.recordings, (S.acc, S.acc[::-1]), strict=True):
        np.testing.assert_allclose(recording.streams[0].values, values, atol=1e-6)
        assert recording.streams[0].rate_hz == 20
        assert [(s.start_s, s.activity) for s in recording.segments] == [(0, "Jogging"), (pytest.approx(10), "Walking")]
    assert any("2 broken sample(s), the first in line 21" in r.what for r in found.findings["raw_v2 33"].repairs)


def test_a_gyroscope_in_a_file_beside_it(tmp_path: Path) -> None:
    (tmp_path / "data_9_accel_watch.txt").write_text("\n".join(lines("9", S.acc)) + "\n")
    (tmp_path / "data_9_gyro_watch.txt").write_text("\n".join(lines("9", S.gyro)) + "\n")
    (recording,) = read_recordings(tmp_path).recordings
    assert (recording.name, recording.channels) == ("data 9 watch", CHANNELS)
    (recording,) = read_recordings(tmp_path, ImportOptions(acc_only=True)).recordings
    assert recording.channels == CHANNELS[:3]


def test_lines_without_semicolons_are_another_layout(tmp_path: Path) -> None:
    (tmp_path / "raw.txt").write_text("\n".join(lines("9", S.acc)).replace(";", "") + "\n")
    with pytest.raises(DataError, match="--yes"):
        read_recordings(tmp_path)
