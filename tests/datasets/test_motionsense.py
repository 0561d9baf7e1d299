"""The MotionSense reader on files in the publisher's format, and on the real recordings."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from otolith import splits
from otolith.datasets import load
from otolith.datasets.motionsense import N_SUBJECTS, TRIALS, MotionSense, read_trial
from otolith.errors import DataError
from otolith.recording import CHANNELS, Recording, Segment
from otolith.windows import WindowMeta, Windows, cut

KINDS = ("attitude", "gravity", "rotationRate", "userAcceleration")
HEADER = ",".join(
    ["", *(f"{kind}.{axis}" for kind in KINDS for axis in (("roll", "pitch", "yaw") if kind == "attitude" else "xyz"))]
)
FIRST = "0,1.528,-0.733896,0.696372,0.741895,0.669768,-0.031672,0.316738,0.77818,1.082764,0.294894,-0.184493,0.377542"
"""As the first row of a published file."""


def write(path: Path, rows: int = 3) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = FIRST.split(",", 1)[1]
    path.write_text("\n".join([HEADER, *(f"{i},{values}" for i in range(rows))]) + "\n")
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All 360 files, a row longer for each subject."""
    root = tmp_path_factory.mktemp("motion") / "motion-sense" / "A_DeviceMotion_data"
    for code, trials in TRIALS.items():
        for trial, subject in itertools.product(trials, range(1, N_SUBJECTS + 1)):
            write(root / f"{code}_{trial}" / f"sub_{subject}.csv", subject)
    return root


@pytest.fixture
def trial(tmp_path: Path) -> Path:
    return write(tmp_path / "wlk_7" / "sub_3.csv")


def test_every_trial_has_its_subject_and_activity(whole: Path) -> None:
    recordings = list(load("motionsense", whole.parent).recordings())
    assert len(recordings) == len({recording.name for recording in recordings}) == 360
    assert [recording.subject for recording in recordings] == [s for s in range(1, 25) for _ in range(15)]
    assert all(recording.streams[0].n_samples == recording.subject for recording in recordings)
    labels = {recording.name: recording.segments for recording in recordings}
    assert labels["dws_11/sub_24"] == (Segment(0.0, None, "walking downstairs"),)
    assert labels["ups_3/sub_1"] == (Segment(0.0, None, "walking upstairs"),)
    assert labels["std_6/sub_1"] == (Segment(0.0, None, "standing"),)


def test_root_is_the_folder_or_its_parents(whole: Path) -> None:
    for root in (whole, whole.parent, whole.parent.parent):
        assert load("motionsense", root).root == whole


def test_signals_in_si_units_with_the_signs_of_a_sensor(trial: Path) -> None:
    recording = read_trial(trial, 3, "walking")
    (stream,) = recording.streams
    assert (recording.name, recording.subject, stream.channels) == ("wlk_7/sub_3", 3, CHANNELS)
    assert (stream.rate_hz, stream.times) == (50.0, None)
    acc = [-(0.741895 + 0.294894), -(0.669768 - 0.184493), -(-0.031672 + 0.377542)]
    np.testing.assert_allclose(stream.values[:3, 0], np.multiply(acc, 9.80665), rtol=1e-12)
    np.testing.assert_array_equal(stream.values[3:, 2], [0.316738, 0.77818, 1.082764])


def test_a_phone_lying_on_its_back_reads_plus_g(trial: Path) -> None:
    """CoreMotion documents gravity (0, 0, -1) for it."""
    trial.write_text(HEADER + "\n0,0,0,0,0,0,-1.0,0,0,0,0,0,0\n")
    np.testing.assert_allclose(read_trial(trial, 3, "sitting").streams[0].values[:3, 0], [0, 0, 9.80665], atol=1e-12)


def test_columns_are_found_by_name(trial: Path) -> None:
    before = read_trial(trial, 3, "walking").streams[0].values
    rows = [line.split(",") for line in trial.read_text().splitlines()]
    trial.write_text("".join(",".join([row[0], *reversed(row[1:])]) + "\r\n" for row in rows))
    np.testing.assert_array_equal(read_trial(trial, 3, "walking").streams[0].values, before)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("gravity.y", "gravity.q", "line 1: no column gravity.y"),
        (",attitude.roll", "attitude.roll", "line 1: no column (unnamed)"),
        ("0.77818", "x", "line 2: rotationRate.y is 'x', expected a finite number"),
        ("0.77818", "inf", "line 2: rotationRate.y is 'inf', expected a finite number"),
        (",0.377542\n", "\n", "line 2: 12 values, expected 13"),
        ("\n1,", "\n2,", "line 3: row number 2, expected 1"),
        ("\n1,", "\n1.5,", "line 3: (unnamed) is '1.5', expected a whole number"),
    ],
)
def test_bad_files_are_named(trial: Path, old: str, new: str, message: str) -> None:
    trial.write_text(trial.read_text().replace(old, new, 1))
    with pytest.raises(DataError, match=re.escape(f"{trial}, {message}")):
        read_trial(trial, 3, "walking")


def test_no_rows(trial: Path) -> None:
    trial.write_text(HEADER + "\n")
    with pytest.raises(DataError, match=r"sub_3\.csv: .*no samples"):
        read_trial(trial, 3, "walking")


def test_missing_files_are_counted(trial: Path) -> None:
    dataset = MotionSense(trial.parent.parent)
    message = "359 of 360 files are missing, the first is wlk_7/sub_1.csv. Restore the missing files"
    with pytest.raises(DataError, match=re.escape(message)):
        next(dataset.recordings())
    for deep in (False, True):
        (problem,) = dataset.check(deep)
        assert problem.serious
        assert message in str(problem)


@pytest.fixture(scope="module")
def real(real_root: Path) -> list[Recording]:
    return list(load("motionsense", real_root).recordings())


@pytest.fixture(scope="module")
def windows(real: list[Recording]) -> Windows:
    return cut(real, WindowMeta.of(MotionSense.info))


@pytest.mark.realdata
def test_real_counts(real: list[Recording], windows: Windows) -> None:
    assert Counter(recording.subject for recording in real) == dict.fromkeys(range(1, 25), 15)
    assert sum(recording.streams[0].n_samples for recording in real) == 1_412_865
    assert np.bincount(windows.y).tolist() == [13666, 6186, 5165, 5296, 13481, 12188]
    assert windows.meta.n_short == 0


@pytest.mark.realdata
def test_real_gravity_and_user_acceleration_add_up(real: list[Recording]) -> None:
    """At rest a sensor shows 1 g; feet that land push upwards, so what it shows leans to that side."""
    lean = []
    for recording in real:
        acc = recording.streams[0].values[:3]
        gravity = acc.mean(1)
        if recording.segments[0].activity == "standing":
            assert np.linalg.norm(gravity) == pytest.approx(9.81, abs=0.25), recording.name
        if recording.segments[0].activity == "jogging":
            along = gravity @ acc / np.linalg.norm(gravity)
            lean.append(((along - along.mean()) ** 3).mean())
    assert np.mean(lean) > 0
    assert np.mean(np.sign(lean)) > 0.5


@pytest.mark.realdata
def test_real_splits(windows: Windows) -> None:
    split = splits.default(windows, MotionSense.info)
    people = [set(windows.subject[part].tolist()) for part in (split.train, split.val, split.test)]
    assert [len(each) for each in people] == [15, 4, 5]
    folds = splits.folds(windows, 5, 0)
    tested = [subject for fold in folds for subject in set(windows.subject[fold.test].tolist())]
    assert sorted(tested) == list(range(1, 25))
