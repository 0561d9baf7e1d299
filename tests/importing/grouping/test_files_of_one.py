"""Files of one recording whose names, or folders, differ in the sensor: which of them make it up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from otolith.errors import DataError
from otolith.importing import ImportOptions, read_recordings
from otolith.importing.naming.files import sensor_of_file, without_sensor
from otolith.recording import CHANNELS
from tests.helpers.exports import G, signal
from tests.importing.sensors.test_places import write

S = signal(12)
YES = ImportOptions(accept_guess=True)
SIGNALS = {
    "Accelerometer": S.acc / G, "LinearAcceleration": (S.acc - S.gravity) / G, "Gravity": S.gravity / G,
    "Gyroscope": np.degrees(S.gyro), "Magnetometer": 0 * S.acc + 30,
}  # fmt: skip
UNITS = {"Gyroscope": "deg/s", "Magnetometer": "T"}


def fill(folder: Path, kinds: Sequence[str], name: str = "walk_{}.csv") -> Path:
    for kind in kinds:
        path = folder / name.format(kind)
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, {"elapsed (s)": S.acc_times, f"*-axis ({UNITS.get(kind, 'g')})": SIGNALS[kind]})
    return folder


@pytest.mark.parametrize("name", ["walk_{}.csv", "walk_{}_50.000Hz_1.4.csv", "{}/walk.csv", "S01{}.csv"])
@pytest.mark.parametrize(
    ("kinds", "passed"),
    [
        (["Accelerometer", "Gyroscope"], []),
        (["Accelerometer", "Gyroscope", "Magnetometer"], ["Magnetometer"]),
        (["Gravity", "Gyroscope", "LinearAcceleration"], []),
        (list(SIGNALS), ["Gravity", "LinearAcceleration", "Magnetometer"]),
    ],
)
def test_the_whole_acceleration_and_the_gyroscope(
    tmp_path: Path, name: str, kinds: list[str], passed: list[str]
) -> None:
    found = read_recordings(fill(tmp_path / "in", kinds, name), YES)
    (recording,) = found.recordings
    assert (recording.channels, found.gravity) == (CHANNELS, "included")
    np.testing.assert_allclose(recording.streams[0].values, np.concatenate([S.acc, S.gyro]), atol=1e-6)
    assert len(found.passed_over) == len(passed)
    for kind, where in zip(passed, sorted(found.passed_over), strict=True):
        assert kind in where


def test_linear_acceleration_alone_is_without_gravity(tmp_path: Path) -> None:
    found = read_recordings(fill(tmp_path, ["LinearAcceleration"]), YES)
    assert found.gravity == "removed"


def test_a_magnetometer_alone_is_no_accelerometer(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"looks like an accelerometer|which columns are"):
        read_recordings(fill(tmp_path, ["Magnetometer"]), YES)


@pytest.mark.parametrize("name", ["{}/walk.csv", "monday/{}/data.csv"])
@pytest.mark.parametrize("gyro", [[], ["Gyroscope"]])
def test_a_folder_may_say_that_no_accelerometer_is_in_it(tmp_path: Path, gyro: list[str], name: str) -> None:
    fill(tmp_path, ["Accelerometer", *gyro], name)
    path = tmp_path / name.format("Raw Magnetometer")
    path.parent.mkdir(parents=True)
    write(path, {"elapsed (s)": S.acc_times, "*": SIGNALS["Magnetometer"]})
    found = read_recordings(tmp_path, YES)
    assert (len(found.recordings), found.passed_over) == (1, (str(path),))


def test_places_in_names_hold_recordings_apart(tmp_path: Path) -> None:
    for side in ("left", "right"):
        fill(tmp_path, ["Accelerometer", "Gyroscope"], side + "_{}.csv")
    found = read_recordings(tmp_path, replace(YES, place="all"))
    assert [(each.name, each.channels) for each in found.recordings] == [("left", CHANNELS), ("right", CHANNELS)]


@pytest.mark.parametrize(
    ("stem", "kind", "rest"),
    [
        ("walk_Gyroscope_100.000Hz", "gyro", "walk"),
        ("walk linear acceleration", "linear", "walk"),
        ("AngularVelocity", "gyro", ""),
        ("walk_rotation_rate", "gyro", "walk"),
        ("ada velocidad angular", "gyro", "ada"),
        ("user1_acc", "acc", "user1"),
        ("Gravity", "gravity", ""),
        ("walk_mag", "other", "walk mag"),
        ("acc_gyro", None, ""),
        ("S01gyr", "gyro", "s01"),
        ("acc2", "acc", "2"),
        ("linacc1", "linear", "1"),
        ("magnet", "other", "magnet"),
        ("l3", None, "l3"),
    ],
)
def test_names_of_files(stem: str, kind: str | None, rest: str) -> None:
    assert (sensor_of_file(stem), without_sensor(stem)) == (kind, rest)


def test_gravity_beside_acceleration_is_added_where_the_data_lack_it(tmp_path: Path) -> None:
    for name, acc in (("without", S.acc - S.gravity), ("with", S.acc)):
        write(tmp_path / f"{name}.csv", {"time": S.acc_times, "acceleration_*": acc, "gravity_*": S.gravity})
    found = read_recordings(tmp_path, YES)
    assert found.gravity == "included"
    for recording in found.recordings:
        np.testing.assert_allclose(recording.streams[0].values, S.acc, atol=1e-9)
    (why,) = (d.why for d in found.findings["without"].decisions if d.what == "gravity")
    assert "gravity_x and the like were added" in why


@pytest.mark.parametrize("unit", [1.0, G])
def test_computed_gravity_is_added_to_a_swimmers_acceleration(tmp_path: Path, unit: float) -> None:
    """An arm that turns and moves so hard that neither gravity nor the sum is as long as 1 g over two seconds."""
    times = np.arange(0, 20, 0.02)
    gravity = np.stack([np.sin(6 * times), np.cos(6 * times), 0 * times])
    left = np.stack([1.5 * np.sin(17 * times), 2 * np.sin(13 * times), np.cos(11 * times)])
    turns = np.stack([0 * times, 0 * times, 6 + np.sin(times)])
    columns = {"gravity*": gravity * G / unit, "acceleration*": left * G / unit, "rotationRate*": turns}
    write(tmp_path / "swim.csv", {"time": times} | {name.replace("*", "_*"): each for name, each in columns.items()})
    found = read_recordings(tmp_path, YES)
    assert found.gravity == "included"
    np.testing.assert_allclose(found.recordings[0].streams[0].values, G * np.r_[gravity + left, turns / G], rtol=1e-6)
    reasons = {decision.what: decision.why for decision in found.findings["swim"].decisions}
    assert "CoreMotion documents" in reasons["gyroscope unit"]
    write(tmp_path / "swim.csv", {"time": times, "gravity_*": gravity, "acceleration_*": gravity + left})
    with pytest.raises(DataError, match="In which unit is the accelerometer"):
        read_recordings(tmp_path, YES)


@pytest.mark.parametrize(("late", "told"), [(0.0, False), (3.0, False), (9.0, True)])
def test_sensors_that_share_little_of_the_time_are_told(tmp_path: Path, late: float, told: bool) -> None:
    write(tmp_path / "walk_acc.csv", {"time": S.acc_times, "acc_* (m/s^2)": S.acc})
    write(tmp_path / "walk_gyro.csv", {"time": S.acc_times + late, "gyro_* (rad/s)": S.gyro})
    notes = read_recordings(tmp_path, YES).notes
    assert any("'walk' share less than half of the time" in note for note in notes) is told


def test_files_of_an_axis_each_are_told_what_to_do(tmp_path: Path) -> None:
    for axis, values in zip("XYZ", S.acc, strict=True):
        (tmp_path / f"acc_{axis}_S1.txt").write_text("\n".join(f"{value:.5f}" for value in values))
    with pytest.raises(DataError, match="acc_X_S1, acc_Y_S1 and acc_Z_S1 seem to hold an axis each: put them side by"):
        read_recordings(tmp_path, YES)


@pytest.mark.parametrize("names", ["walk_gyro walk_gyroscope", "walk_gyro_100Hz walk_gyro_104Hz"])
def test_two_gyroscopes_of_one_accelerometer_are_refused(tmp_path: Path, names: str) -> None:
    write(tmp_path / "walk_acc.csv", {"time": S.acc_times, "acc_* (m/s^2)": S.acc})
    first, second = (tmp_path / f"{name}.csv" for name in names.split())
    for number, path in enumerate((first, second)):
        write(path, {"time": S.acc_times, "gyro_* (rad/s)": S.gyro + 0.01 * number})
    with pytest.raises(DataError, match=r"both belong to .*walk_acc.csv by their names. Leave one of them out"):
        read_recordings(tmp_path, YES)
    second.write_bytes(first.read_bytes())
    found = read_recordings(tmp_path, YES)
    assert (found.channels, len(found.passed_over)) == (CHANNELS, 1)


def test_the_gyroscope_at_the_rate_of_the_accelerometer_is_taken(tmp_path: Path) -> None:
    write(tmp_path / "walk_acc_50Hz.csv", {"time": S.acc_times, "acc_* (m/s^2)": S.acc})
    for rate in (50, 104):
        write(tmp_path / f"walk_gyro_{rate}Hz.csv", {"time": S.acc_times, "gyro_* (rad/s)": S.gyro * rate / 50})
    (recording,) = read_recordings(tmp_path, YES).recordings
    np.testing.assert_allclose(recording.streams[0].values[3:], S.gyro)
