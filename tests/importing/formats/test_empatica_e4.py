"""A session of a wristband: start and rate in the first two lines, and signals beside it that are passed over."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from otolith.errors import DataError
from otolith.importing import read_recordings
from tests.helpers.exports import G, signal

S = signal(30, acc_hz=32)
COUNTS = np.round(64 * S.acc / G).astype(int).T
START = "1544027337.000000"


def session(folder: Path, start: str = START, name: str = "ACC") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    three = [", ".join([start] * 3), "32.000000, 32.000000, 32.000000"]
    (folder / f"{name}.csv").write_text("\n".join(three + [",".join(map(str, row)) for row in COUNTS]) + "\n")
    (folder / "HR.csv").write_text(f"{start}\n1.000000\n" + "70.0\n" * 20)
    (folder / "IBI.csv").write_text(f"{start}, IBI\n3.2,0.8\n")
    (folder / "tags.csv").write_bytes(b"")
    (folder / "info.txt").write_text("tags.csv event mark times\nACC.csv 3-axis\n\n.csv files are UTC\n")
    return folder


@pytest.mark.parametrize("start", [START, "2018-12-05 16:28:57"])
def test_a_session(tmp_path: Path, start: str) -> None:
    found = read_recordings(session(tmp_path / "s1", start))
    (recording,) = found.recordings
    assert recording.name == "s1"
    (stream,) = recording.streams
    assert (stream.rate_hz, stream.n_samples, found.gravity) == (32, len(COUNTS), "included")
    np.testing.assert_allclose(stream.values, COUNTS.T * G / 64, rtol=1e-12)
    assert found.findings["s1"].started == "2018-12-05T16:28:57.000000Z"
    assert sorted(Path(name).name for name in found.passed_over) == ["HR.csv", "IBI.csv", "info.txt", "tags.csv"]


def test_sessions_in_folders_and_a_file_of_another_name(tmp_path: Path) -> None:
    session(tmp_path / "in" / "ada")
    session(tmp_path / "in" / "bob", name="wrist acceleration")
    assert [each.name for each in read_recordings(tmp_path / "in").recordings] == ["ada", "bob"]


def test_a_session_without_its_accelerometer_is_none(tmp_path: Path) -> None:
    (session(tmp_path / "s") / "ACC.csv").unlink()
    with pytest.raises(DataError, match="accelerometer"):
        read_recordings(tmp_path / "s")


@pytest.mark.parametrize("damage", ["32.000000, 32.000000, 31.000000", "32.5, 32.5, 32.5", "0, 0, 0", "a, a, a"])
def test_other_second_lines_are_no_rate(tmp_path: Path, damage: str) -> None:
    path = session(tmp_path / "s") / "ACC.csv"
    path.write_text(path.read_text().replace("32.000000, 32.000000, 32.000000", damage))
    with pytest.raises(DataError):
        read_recordings(tmp_path / "s")
