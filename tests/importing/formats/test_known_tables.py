"""Tables of two public data sets, which have no names: told by their numbers, asked for the place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from otolith.errors import DataError
from otolith.importing import ImportOptions, read_recordings
from otolith.recording import CHANNELS
from tests.helpers.exports import signal

S = signal(12, 100, 100)
N = len(S.acc_times)
YES = ImportOptions(accept_guess=True)
ZEROS = np.zeros((3, N))


def pamap2(path: Path, label: int = 4) -> Path:
    """Write 54 columns; the accelerometers at hand, chest and ankle have their axes in another order each."""
    sites = []
    for turn in range(3):
        acc, gyro = np.roll(S.acc, turn, axis=0), np.roll(S.gyro, turn, axis=0)
        sites += [np.full((1, N), 30.4), acc, acc + 0.02, gyro, ZEROS + 14.6, ZEROS, np.ones((1, N))]
    rows = np.concatenate([S.acc_times[None], np.full((1, N), label), np.full((1, N), np.nan), *sites])
    assert len(rows) == 54
    return written(path, rows, " ")


def mhealth(path: Path) -> Path:
    sites = [S.acc, np.full((2, N), 0.1), S.acc[::-1], S.gyro[::-1], ZEROS + 0.3, -S.acc, -S.gyro, ZEROS]
    return written(path, np.concatenate([*sites, np.full((1, N), 10)]), "\t")


def written(path: Path, rows: np.ndarray, between: str) -> Path:
    path.write_text("\n".join(between.join(f"{v:.6g}".replace("nan", "NaN") for v in row) for row in rows.T) + "\n")
    return path


@pytest.mark.parametrize(("place", "turn"), [("hand", 0), ("Chest", 1), ("ankle", 2)])
def test_pamap2(tmp_path: Path, place: str, turn: int) -> None:
    found = read_recordings(pamap2(tmp_path / "subject101.dat"), replace(YES, place=place))
    (recording,) = found.recordings
    assert (recording.name, recording.subject, recording.channels) == ("subject101", "subject101", CHANNELS)
    assert found.activities == ("walking",)
    np.testing.assert_allclose(recording.streams[0].values[:3], np.roll(S.acc, turn, axis=0), rtol=1e-4, atol=1e-3)
    assert any("54 columns" in d.why for d in found.findings["subject101"].decisions)


def test_mhealth(tmp_path: Path) -> None:
    path = mhealth(tmp_path / "mHealth_subject1.log")
    with pytest.raises(DataError, match=r"left ankle, right lower arm, chest.*--acc X,Y,Z.*--place 'left ankle'"):
        read_recordings(path, YES)
    found = read_recordings(path, replace(YES, place="ankle"))
    (recording,) = found.recordings
    assert (recording.streams[0].rate_hz, found.activities) == (50, ("jogging",))
    assert read_recordings(path, replace(YES, place="chest")).channels == CHANNELS[:3]
    named = replace(YES, acc=("column 15", "column 16", "column 17"), gyro=("none",))
    np.testing.assert_allclose(
        read_recordings(path, named).recordings[0].streams[0].values, -S.acc, rtol=1e-4, atol=1e-3
    )


def test_labels_that_the_data_set_has_not_are_another_table(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"--place 'columns 5-7' .*--place all"):
        read_recordings(pamap2(tmp_path / "other.dat", label=99), YES)


def test_a_wide_table_without_names_lists_what_may_be_accelerometers(tmp_path: Path) -> None:
    rows = np.concatenate([S.acc_times[None], S.acc, S.gyro, -S.acc, np.full((1, N), 3)])
    path = written(tmp_path / "wide.txt", rows, ",")
    with pytest.raises(DataError, match=r"columns 2-4, columns 8-10"):
        read_recordings(path, YES)
    found = read_recordings(path, replace(YES, place="columns 2-4"))
    assert found.channels == CHANNELS
    assert found.activities == ()
    assert any("column 11" in d.why and "--label" in d.why for d in found.findings["wide"].decisions)
    assert read_recordings(path, replace(YES, place="columns 2-4", label="column 11")).activities == ("3",)
