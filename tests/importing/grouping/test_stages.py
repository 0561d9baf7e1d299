"""Recordings that lie in a study raw and processed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from otolith.importing import read_recordings
from otolith.importing.questions import Undecided
from tests.importing.grouping.test_files_of_one import S
from tests.importing.grouping.test_people import YES, put
from tests.importing.sensors.test_places import write


@pytest.mark.parametrize("names", ["raw/a processed/a", "ada/a_raw ada/a_filtered", "ada/a ada/a_resampled"])
def test_two_stages_of_a_recording_are_refused(tmp_path: Path, names: str) -> None:
    for number, name in enumerate(names.split()):
        put(tmp_path / f"{name}.csv", 10 + number)
    put(tmp_path / "b_raw.csv", 12)
    with pytest.raises(Undecided, match=r"seem to be one recording in two stages.*Name as source the folder"):
        read_recordings(tmp_path, replace(YES, leave_out=True))


def test_other_recordings_in_such_folders_come_in(tmp_path: Path) -> None:
    for number, name in enumerate(("raw/a", "processed/b", "raw/c")):
        put(tmp_path / f"{name}.csv", 10 + number)
    assert len(read_recordings(tmp_path, YES).recordings) == 3


def test_a_calibrated_sensor_is_taken_where_there_are_both(tmp_path: Path) -> None:
    for name, values in (("Accelerometer", S.acc), ("AccelerometerUncalibrated", S.acc + 0.3)):
        write(tmp_path / f"{name}.csv", {"time": S.acc_times, "*": values})
    for name, values in (("Gyroscope", S.gyro), ("GyroscopeUncalibrated", S.gyro + 0.1)):
        write(tmp_path / f"{name}.csv", {"time": S.acc_times, "*": values})
    found = read_recordings(tmp_path, YES)
    (recording,) = found.recordings
    assert abs(recording.streams[0].values[:3] - S.acc).max() < 1e-9
    assert abs(recording.streams[0].values[3:] - S.gyro).max() < 1e-9
    assert ["Uncalibrated" in where for where in found.passed_over] == [True, True]
