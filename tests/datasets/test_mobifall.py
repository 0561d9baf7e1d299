"""The MobiFall reader on files in the publisher's format, and on the real recordings."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from otolith.datasets import load
from otolith.datasets.mobifall import MobiFall, read_trial
from otolith.errors import DataError
from otolith.recording import Segment
from otolith.windows.cache import windows_for
from tests.helpers.progress import Told

HEADER = "#Acceleration force.\r\n#timestamp(ns),x,y,z(m/s^2)\r\n#Activity: 2 - WAL\r\n\r\n@DATA\r\n"


def write(root: Path, name: str, stamps_ms: list[float], header: str = HEADER) -> Path:
    code, _, subject, _ = name.split("_")
    path = root / f"sub{subject}" / "ADL" / code / f"{name}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{round(ms * 1e6)}, {0.5 * i}, 9.81, -3.0543262E-4\r\n" for i, ms in enumerate(stamps_ms)]
    path.write_bytes((header + "".join(lines)).encode())
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "MobiFall_Dataset_v2.0"
    for name in ("WAL_{}_10_1", "WAL_{}_2_1", "STD_{}_2_1", "WAL_{}_2_11", "WAL_{}_2_3"):
        write(root, name.format("acc"), [150_850.0, 150_860.5, 150_872.0, 150_881.0])
        write(root, name.format("gyro"), [150_700.0 + 5 * i for i in range(40)])
    return root


def test_two_streams_on_one_clock(folder: Path) -> None:
    recording = next(MobiFall(folder).recordings())
    acc, gyro = recording.streams
    assert (recording.name, recording.subject) == ("STD_2_1", 2)
    assert recording.segments == (Segment(0.0, None, "standing"),)
    np.testing.assert_allclose(gyro.times, np.arange(40) * 0.005, atol=1e-12)
    np.testing.assert_allclose(acc.times, [0.150, 0.1605, 0.172, 0.181], atol=1e-12)
    assert gyro.rate_hz == 200.0
    assert acc.rate_hz == pytest.approx(1000 / 10.5)
    assert acc.channels + gyro.channels == recording.channels
    np.testing.assert_array_equal(acc.values, [[0, 0.5, 1, 1.5], [9.81] * 4, [-3.0543262e-4] * 4])


def test_order_is_numerical(folder: Path) -> None:
    names = [recording.name for recording in load("mobifall", folder.parent).recordings()]
    assert names == ["STD_2_1", "WAL_2_1", "WAL_2_3", "WAL_2_11", "WAL_10_1"]


def test_unknown_files_are_ignored(folder: Path) -> None:
    (folder / ".whole").write_text("")
    (folder / "sub2" / "ADL" / "WAL" / "WAL_ori_2_1.txt").write_text("no sensor of ours")
    write(folder, "FOL_acc_2_1", [1.0, 2.0])
    assert len(list(MobiFall(folder).recordings())) == 5
    assert len(MobiFall(folder).files()) == 10


def test_trial_with_one_sensor_is_left_out_and_reported(folder: Path) -> None:
    (folder / "sub2" / "ADL" / "WAL" / "WAL_gyro_2_3.txt").unlink()
    dataset = MobiFall(folder)
    assert "WAL_2_3" not in [recording.name for recording in dataset.recordings()]
    (lonely, absent) = dataset.check()
    assert lonely.where.endswith("WAL_acc_2_3.txt")
    assert "no gyro file beside it" in lonely.what
    assert "absent are 3, 4, 5, 7, 8, 9, 11" in absent.what
    assert not lonely.serious
    assert not absent.serious


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("@DATA", "@DATUM", "comment lines and a line '@DATA'"),
        (", 9.81, ", ", x, ", "line 6: x is"),
        ("150850000000", "15085.5", "line 6: timestamp is '15085.5', expected a whole number"),
        ("150850000000", "9" * 40, "line 6: timestamp is '9999"),
        (", 9.81, ", ", nan, ", "line 6: y is 'nan'"),
        (", 9.81, ", ", ", "line 6: 3 values, expected 4"),
    ],
)
def test_bad_files_are_named(folder: Path, old: str, new: str, message: str) -> None:
    acc, gyro = (folder / "sub2" / "ADL" / "WAL" / f"WAL_{sensor}_2_1.txt" for sensor in ("acc", "gyro"))
    acc.write_bytes(acc.read_bytes().replace(old.encode(), new.encode(), 1))
    message = message.replace("x is", "y is 'x'")
    with pytest.raises(DataError, match=re.escape(message)):
        read_trial(acc, gyro)
    (problem,) = (problem for problem in MobiFall(folder).check(deep=True) if problem.serious)
    assert str(problem).startswith(str(acc))


def test_nothing_after_the_marker(folder: Path) -> None:
    path = write(folder, "JOG_acc_2_1", [])
    gyro = write(folder, "JOG_gyro_2_1", [1.0, 6.0])
    with pytest.raises(DataError, match=r"JOG_acc_2_1\.txt"):
        read_trial(path, gyro)


def test_empty_file_is_reported_by_the_quick_check(folder: Path) -> None:
    (folder / "sub10" / "ADL" / "WAL" / "WAL_gyro_10_1.txt").write_bytes(b"")
    serious = [problem for problem in MobiFall(folder).check() if problem.serious]
    assert len(serious) == 1


def test_folder_without_a_whole_trial(folder: Path) -> None:
    for path in folder.rglob("*_gyro_*"):
        path.unlink()
    with pytest.raises(DataError, match="no trial with both sensors"):
        next(MobiFall(folder).recordings())


def test_times_are_repaired_and_told(folder: Path) -> None:
    write(folder, "WAL_acc_2_1", [150_850.0, 150_860.5, 150_860.5, 150_881.0, 150_872.0, 150_891.0])
    dataset = load("mobifall", folder)
    (recording,) = (each for each in dataset.recordings() if each.name == "WAL_2_1")
    np.testing.assert_allclose(recording.streams[0].times, [0.150, 0.1605, 0.172, 0.181, 0.191], atol=1e-12)
    np.testing.assert_array_equal(recording.streams[0].values[0], [0, 0.5, 2, 1.5, 2.5])
    late, shared = recording.repairs
    assert late.endswith("WAL_acc_2_1.txt, line 10: 1 row of the accelerometer comes late and was sorted into place")
    assert shared.endswith("WAL_acc_2_1.txt, line 8: 1 row of the accelerometer shares a time with another value; "
                           "the first is kept")  # fmt: skip


def test_a_clock_that_jumps_back_is_refused(folder: Path) -> None:
    write(folder, "WAL_acc_2_1", [150_850.0, 150_860.5, 150_872.0, 120_000.0, 120_010.0])
    with pytest.raises(DataError, match=r"WAL_acc_2_1\.txt, line 9: the clock .* jumps back by 30\.9 s"):
        list(MobiFall(folder).recordings())


@pytest.mark.realdata
def test_real_counts(real_root: Path) -> None:
    dataset = load("mobifall", real_root)
    recordings = list(dataset.recordings())
    trials = Counter(recording.subject for recording in recordings)
    assert trials == dict.fromkeys((2, 3, 4, 5, 7, 8, 9, 10, 11), 38)
    for recording in recordings:
        acc, gyro = recording.streams
        assert 60 < acc.rate_hz < 110
        assert np.median(np.diff(gyro.times)) == pytest.approx(1 / 200, rel=0.05)
        assert min(acc.times[0], gyro.times[0]) == 0.0
        assert abs(acc.times[0] - gyro.times[0]) < 0.25


@pytest.mark.realdata
def test_the_one_repeated_stamp_is_told(real_root: Path, tmp_path: Path) -> None:
    dataset = load("mobifall", real_root)
    told = Told()
    w = windows_for(dataset, folder=tmp_path, progress=told)
    assert np.bincount(w.y).tolist() == [5382, 5382, 1566, 1566, 964, 971, 540, 539, 538]
    (line,) = told.said
    assert "STU_gyro_10_2.txt, line 1025: 1 row of the gyroscope repeats the row before and was dropped" in line
