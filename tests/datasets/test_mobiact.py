"""The MobiAct reader on files written from its description; nobody here has a copy of the real ones."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from otolith.datasets import load
from otolith.datasets.mobiact import ACTIVITIES, SKIPPED_FOLDERS, SPLIT, MobiAct, read_trial
from otolith.errors import DataError
from otolith.recording import CHANNELS, Segment

Write = Callable[..., Path]


def test_regular_trial(write_mobiact: Write) -> None:
    recording = read_trial(write_mobiact("WAL_12_3", ["WAL"] * 50))
    (stream,) = recording.streams
    assert (recording.name, recording.subject) == ("WAL/WAL_12_3", 12)
    assert (stream.channels, stream.rate_hz, stream.times) == (CHANNELS, 200.0, None)
    np.testing.assert_allclose(stream.values[:, 3], [0.3, 9.8, -0.5, 0.03, 0.2, -0.3])
    assert recording.segments == (Segment(0.0, 50 / 200, "walking"),)


def test_runs_of_equal_labels_become_segments(write_mobiact: Write) -> None:
    labels = ["STD"] * 20 + ["SCH"] * 10 + ["SIT"] * 30 + ["STD"] * 5
    recording = read_trial(write_mobiact("SCH_1_1", labels))
    assert recording.segments == (
        Segment(0.0, 0.1, "standing"),
        Segment(0.1, 0.15, "sitting down"),
        Segment(0.15, 0.3, "sitting"),
        Segment(0.3, 65 / 200, "standing"),
    )
    spans = [(round(s.start_s * 200), round(s.stop_s * 200)) for s in recording.segments]
    assert spans == [(0, 20), (20, 30), (30, 60), (60, 65)]


def test_skipped_labels_stay_unlabelled(write_mobiact: Write) -> None:
    labels = ["STD"] * 4 + ["FOL"] * 4 + ["LYI"] * 4 + ["STD"] * 4
    recording = read_trial(write_mobiact("STD_1_1", labels))
    assert [(round(s.start_s * 200), round(s.stop_s * 200)) for s in recording.segments] == [(0, 4), (12, 16)]


def test_skipped_folders_are_not_read(write_mobiact: Write, tmp_path: Path) -> None:
    write_mobiact("WAL_1_1", ["WAL"] * 4)
    for code in SKIPPED_FOLDERS:
        write_mobiact(f"{code}_1_1", ["nonsense"] * 4)
    (tmp_path / "MobiAct_Dataset_v2.0" / "Annotated Data" / "WAL" / "notes.csv").write_text("not a trial\n")
    dataset = load("mobiact", tmp_path)
    assert [recording.name for recording in dataset.recordings()] == ["WAL/WAL_1_1"]


def test_trials_come_in_numerical_order(write_mobiact: Write, tmp_path: Path) -> None:
    for name in ("WAL_10_1", "WAL_2_1", "JOG_3_2", "WAL_2_11", "WAL_2_3"):
        write_mobiact(name, [name[:3]] * 4)
    names = [recording.name for recording in load("mobiact", tmp_path).recordings()]
    assert names == ["JOG/JOG_3_2", "WAL/WAL_2_1", "WAL/WAL_2_3", "WAL/WAL_2_11", "WAL/WAL_10_1"]


def test_gap_makes_the_stream_irregular(write_mobiact: Write) -> None:
    times = [0.0, 0.005, 0.010, 1.0, 1.005, 1.010]
    recording = read_trial(write_mobiact("WAL_1_1", ["WAL"] * 6, times))
    np.testing.assert_allclose(recording.streams[0].times, times)
    assert recording.segments == (Segment(0.0, 1.015, "walking"),)


def test_times_are_repaired_with_their_labels(write_mobiact: Write) -> None:
    times = [0.0, 0.005, 0.005, 0.010, 0.015, 0.020]
    path = write_mobiact("WAL_1_1", ["WAL"] * 3 + ["STD"] * 3, times)
    recording = read_trial(path)
    np.testing.assert_allclose(recording.streams[0].times, [0.0, 0.005, 0.010, 0.015, 0.020])
    np.testing.assert_allclose(recording.streams[0].values[0], [0.0, 0.1, 0.3, 0.4, 0.5])
    assert recording.segments == (Segment(0.0, 0.010, "walking"), Segment(0.010, 0.025, "standing"))
    (told,) = recording.repairs
    assert told == f"{path}, line 4: 1 row of the sensors shares a time with another value; the first is kept"


def test_unknown_label(write_mobiact: Write) -> None:
    with pytest.raises(DataError, match="line 6: label is 'XYZ', expected one of STD, WAL"):
        read_trial(write_mobiact("WAL_1_1", ["WAL"] * 4 + ["XYZ"] * 2))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("gyro_y", "gyro_q", "line 1: no column gyro_y"),
        (",9.8,", ",fast,", "line 2: acc_y is 'fast', expected a finite number"),
        (",9.8,", ",nan,", "line 2: acc_y is 'nan'"),
        (",9.8,", ",inf,", "line 2: acc_y is 'inf'"),
        (",9.8,", ",", "line 2: 11 values, expected 12"),
        (",9.8,", ",9.8,1,", "line 2: 13 values, expected 12"),
    ],
)
def test_bad_files_are_named(write_mobiact: Write, old: str, new: str, message: str) -> None:
    path = write_mobiact("WAL_1_1", ["WAL"] * 4)
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(DataError, match=re.escape("WAL_1_1_annotated.csv, " + message)):
        read_trial(path)


@pytest.mark.parametrize("content", ["", "timestamp\n"])
def test_file_without_table(write_mobiact: Write, content: str) -> None:
    path = write_mobiact("WAL_1_1", ["WAL"] * 4)
    path.write_text(content)
    with pytest.raises(DataError, match="no column rel_time"):
        read_trial(path)


def test_header_only(write_mobiact: Write) -> None:
    path = write_mobiact("WAL_1_1", ["WAL"] * 4)
    path.write_text(path.read_text().splitlines()[0] + "\n")
    with pytest.raises(DataError, match="holds no samples"):
        read_trial(path)


def test_check_reports_damage_and_absent_subjects(write_mobiact: Write, tmp_path: Path) -> None:
    write_mobiact("WAL_16_1", ["WAL"] * 4)
    bad = write_mobiact("WAL_5_1", ["???"] * 4)
    dataset = load("mobiact", tmp_path)
    (absent,) = dataset.check()
    assert "of the subjects 3, 6, 9, 21" in absent.what
    assert "16" not in re.findall(r"\d+", absent.what)
    assert [problem.where for problem in dataset.check(deep=True)] == [str(dataset.root), f"{bad}, line 2"]


def test_missing_set_tells_how_to_ask_for_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Ask its authors for MobiAct v2") as caught:
        load("mobiact", tmp_path)
    assert "--fetch" not in str(caught.value)


def test_the_authors_split_covers_each_subject_once() -> None:
    assert SPLIT.train is not None
    everybody = [*SPLIT.train, *SPLIT.val, *SPLIT.test]
    assert (len(SPLIT.train), len(SPLIT.val), len(SPLIT.test)) == (38, 10, 13)
    assert len(set(everybody)) == 61 == MobiAct.info.n_subjects
    assert len(ACTIVITIES) == 11
