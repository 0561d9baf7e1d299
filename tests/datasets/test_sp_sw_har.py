"""The reader of SP-SW-HAR on files in the publisher's format, and on the real recordings."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from otolith.datasets import load
from otolith.datasets.sp_sw_har import ACTIVITIES, read_execution
from otolith.errors import DataError
from otolith.recording import CHANNELS, Segment

HEADER = "x_acc,y_acc,z_acc,x_gyro,y_gyro,z_gyro,timestamp,label"
STAMPS = (0, 10, 10, 21, 30, 41, 50)
LABELS = ("SEATED", "SEATED", "SEATED", "STANDING_UP", "STANDING_UP", "WALKING", "WALKING")


def write(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        f"{i},9.5,-0.25,0.5,{i}.5,-1,{1657533977813 + t},{a}"
        for i, (t, a) in enumerate(zip(STAMPS, LABELS, strict=True))
    ]
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("s01/s01_01_sp", "s01/s01_01_sw", "s02/s02_07_sp", "s02/s02_07_sw"):
        write(tmp_path / "sp-sw-har" / "DATA" / f"{name}.csv")
    return tmp_path


def test_a_file_becomes_a_recording_with_its_runs_of_activities(tmp_path: Path) -> None:
    recording = read_execution(write(tmp_path / "s07_03_sp.csv"))
    (stream,) = recording.streams
    assert (recording.name, recording.subject, stream.channels) == ("s07_03_sp", 7, CHANNELS)
    assert recording.segments == (
        Segment(0.0, 0.021, "sitting"),
        Segment(0.021, 0.041, "standing up"),
        Segment(0.041, None, "walking"),
    )
    assert stream.times is not None
    np.testing.assert_allclose(stream.times, [0, 0.010, 0.021, 0.030, 0.041, 0.050], atol=1e-12)
    np.testing.assert_array_equal(
        stream.values[:, 2], [3, 9.5, -0.25, 0.5, 3.5, -1]
    )  # the row that shares a time is out
    (told,) = recording.repairs
    assert "line 4: 1 row of the accelerometer and gyroscope shares a time" in told


def test_both_devices_or_one(root: Path) -> None:
    names = {
        name: [each.name for each in load(name, root).recordings()]
        for name in ("sp-sw-har", "sp-sw-har-phone", "sp-sw-har-watch")
    }
    assert names["sp-sw-har"] == ["s01_01_sp", "s01_01_sw", "s02_07_sp", "s02_07_sw"]
    assert names["sp-sw-har-phone"] == ["s01_01_sp", "s02_07_sp"]
    assert names["sp-sw-har-watch"] == ["s01_01_sw", "s02_07_sw"]


def test_what_is_absent_is_told_and_no_obstacle(root: Path) -> None:
    (problem,) = load("sp-sw-har-watch", root).check()
    assert not problem.serious
    assert "has 2 of 223 recordings, of 2 of 23 subjects" in str(problem)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("z_gyro", "w_gyro", "line 1: no column z_gyro"),
        ("SEATED\n", "RUNNING\n", "line 2: activity 'RUNNING', expected one of SEATED"),
        ("9.5", "x", "line 2: y_acc is 'x', expected a finite number"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = write(tmp_path / "s07_03_sp.csv")
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(DataError, match=re.escape(f"{path}, {message}")):
        read_execution(path)


@pytest.mark.realdata
def test_real_counts(real_root: Path) -> None:
    data = load("sp-sw-har", real_root)
    assert data.check() == []
    recordings = list(data.recordings())
    assert len(recordings) == data.info.n_recordings == 446
    assert {each.subject for each in recordings} == set(range(1, 24))
    runs = Counter(segment.activity for each in recordings for segment in each.segments)
    assert runs.keys() == set(ACTIVITIES.values())
    assert runs["standing up"] == runs["sitting down"] == 446
    for each in recordings:
        times = each.streams[0].times
        assert times is not None
        assert 1 / np.diff(times).mean() == pytest.approx(102, rel=0.12), each.name
        level = np.median(np.linalg.norm(each.streams[0].values[:3], axis=0))
        assert level == pytest.approx(9.81, rel=0.2), each.name
