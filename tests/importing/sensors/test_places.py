"""Tables with several sensors: which is taken, and what is said where nobody chose."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from otolith.errors import DataError
from otolith.importing import ImportOptions, read_recordings
from otolith.importing.questions import Undecided
from tests.helpers.exports import G, lines, signal
from tests.importing.formats.test_import_generic import Person

S = signal(12)
YES = ImportOptions(accept_guess=True)


def write(path: Path, columns: dict[str, np.ndarray]) -> Path:
    """Write a table of columns; "NAME_*" stands for three."""
    names, values = [], []
    for name, each in columns.items():
        names += [name.replace("*", axis) for axis in "xyz"] if "*" in name else [name]
        values += [*each] if each.ndim == 2 else [each]
    rows = ([repr(float(v)) for v in row] for row in np.stack(values).T)
    path.write_text(lines(",".join(names), rows), encoding="utf-8")
    return path


@pytest.fixture
def two(tmp_path: Path) -> Path:
    turned = S.acc[[1, 2, 0]]
    return write(tmp_path / "walk.csv", {"time": S.acc_times, "back_*": S.acc / G, "left_thigh_*": turned / G})


def test_several_places_are_listed_and_none_is_taken(two: Path) -> None:
    with pytest.raises(DataError, match=r"2 places: back, left thigh.*--acc X,Y,Z.*--place back .*--place all"):
        read_recordings(two, YES)


@pytest.mark.parametrize(("name", "row"), [("back", 0), ("Left_Thigh", 1), ("thigh", 1)])
def test_a_place_is_chosen_by_its_name(two: Path, name: str, row: int) -> None:
    found = read_recordings(two, replace(YES, place=name))
    (recording,) = found.recordings
    assert recording.name == "walk"
    np.testing.assert_allclose(recording.streams[0].values[0], S.acc[row], rtol=1e-12)
    assert [d.value for d in found.findings["walk"].decisions if d.what == "place"] == [("back", "left thigh")[row]]


def test_all_places_are_recordings_of_one_person(two: Path) -> None:
    found = read_recordings(two, replace(YES, place="all"))
    assert [(each.name, each.subject) for each in found.recordings] == [
        ("walk back", "walk"),
        ("walk left thigh", "walk"),
    ]


def test_a_place_that_is_not_there_is_refused(two: Path) -> None:
    with pytest.raises(DataError, match=r"'head' is none of its places\. Give --place one of: back, left thigh, all"):
        read_recordings(two, replace(YES, place="head"))


def test_a_person_is_asked_for_the_place_once(two: Path) -> None:
    (two.parent / "run.csv").write_bytes(two.read_bytes())
    person = Person("left thigh")
    assert len(read_recordings(two.parent, YES, ask=person).recordings) == 2
    assert len(person.asked) == 1


def test_columns_that_are_named_need_no_place(two: Path) -> None:
    found = read_recordings(two, replace(YES, acc=("back_x", "back_y", "back_z")))
    np.testing.assert_allclose(found.recordings[0].streams[0].values, S.acc, rtol=1e-12)


@pytest.mark.parametrize(
    "names", [("gravity.*", "userAcceleration.*"), ("motionGravity*(G)", "motionUserAcceleration*(G)")]
)
def test_gravity_and_acceleration_without_it_are_summed(tmp_path: Path, names: tuple[str, str]) -> None:
    columns = {
        "timestamp": S.acc_times,
        names[0]: S.gravity / G,
        names[1]: (S.acc - S.gravity) / G,
        "rotationRate.*": S.gyro,
    }
    found = read_recordings(write(tmp_path / "m.csv", columns), YES)
    assert found.gravity == "included"
    np.testing.assert_allclose(found.recordings[0].streams[0].values, np.concatenate([S.acc, S.gyro]), atol=1e-9)
    with pytest.raises(DataError, match=r"--acc '?\S+\+\S+x"):
        read_recordings(tmp_path / "m.csv")


def test_a_sum_may_be_named(tmp_path: Path) -> None:
    columns = {"t": S.acc_times, "p*": S.gravity, "q*": S.acc - S.gravity}
    path = write(tmp_path / "m.csv", columns)
    found = read_recordings(path, replace(YES, acc=("px+qx", "py+qy", "pz+qz")))
    np.testing.assert_allclose(found.recordings[0].streams[0].values, S.acc, atol=1e-9)
    with pytest.raises(DataError, match="has no column 'px\\+sx'"):
        read_recordings(path, replace(YES, time="t", acc=("px+sx", "py+qy", "pz+qz")))


def test_the_raw_sensors_are_preferred_to_what_the_phone_makes_of_them(tmp_path: Path) -> None:
    columns = {
        "loggingTime": S.acc_times, "accelerometerAcceleration*(G)": S.acc / G, "gyroRotation*(rad/s)": S.gyro,
        "motionRotationRate*(rad/s)": 0 * S.gyro, "motionUserAcceleration*(G)": 0 * S.acc,
        "motionGravity*(G)": 0 * S.acc,
    }  # fmt: skip
    found = read_recordings(write(tmp_path / "m.csv", columns), YES)
    np.testing.assert_allclose(found.recordings[0].streams[0].values, np.concatenate([S.acc, S.gyro]), atol=1e-9)


@pytest.mark.parametrize("beside", ["activityTimestamp_sinceReboot(s)", "activityActivityConfidence(Z)", "confidence"])
def test_what_a_phone_took_the_activity_for_is_no_label(tmp_path: Path, beside: str) -> None:
    n = len(S.acc_times)
    rows = [[*map(repr, map(float, row)), "walking", "1"] for row in np.stack([S.acc_times, *S.acc]).T]
    assert len(rows) == n
    (tmp_path / "m.csv").write_text(lines(f"time,acc_x,acc_y,acc_z,activity,{beside}", rows))
    found = read_recordings(tmp_path / "m.csv", YES)
    assert found.activities == ()
    assert any("--label" in d.why for d in found.findings["m"].decisions)
    assert read_recordings(tmp_path / "m.csv", replace(YES, label="activity")).activities == ("walking",)


def test_files_of_one_recording_whose_names_differ_in_the_rate(tmp_path: Path) -> None:
    s = signal(12, 50, 100)
    write(
        tmp_path / "w_2018-07-18T10.39.28_A1_Accelerometer_50.000Hz_1.4.csv",
        {"elapsed (s)": s.acc_times, "*-axis (g)": s.acc / G},
    )
    write(
        tmp_path / "w_2018-07-18T10.39.28_A1_Gyroscope_100.000Hz_1.4.csv",
        {"elapsed (s)": s.gyro_times, "*-axis (deg/s)": np.degrees(s.gyro)},
    )
    (recording,) = read_recordings(tmp_path, YES).recordings
    assert [stream.rate_hz for stream in recording.streams] == [50, 100]


@pytest.mark.parametrize("column", ["device", "Sensor Location"])
def test_places_that_a_column_names(tmp_path: Path, column: str) -> None:
    """Rows of two devices take turns; of each the other's are no repeats."""
    rows = []
    for t, first in zip(S.acc_times, S.acc.T, strict=True):
        rows += [[str(t), name, *map(str, each)] for name, each in (("d1", first), ("d2", first[::-1]))]
    (tmp_path / "t.csv").write_text(lines(f"time,{column},ax,ay,az", rows))
    with pytest.raises(DataError, match=r"2 places: d1, d2.*--place d1 \(600 rows"):
        read_recordings(tmp_path, YES)
    found = read_recordings(tmp_path, replace(YES, place="d2"))
    np.testing.assert_allclose(found.recordings[0].streams[0].values, S.acc[::-1])
    found = read_recordings(tmp_path, replace(YES, place="all"))
    assert [(each.name, each.subject) for each in found.recordings] == [("t d1", "t"), ("t d2", "t")]
    only = replace(YES, recording=column)
    assert [each.name for each in read_recordings(tmp_path, only).recordings] == ["t d1", "t d2"]


def test_the_label_of_sensorlog_is_none_until_it_is_set(tmp_path: Path) -> None:
    rows = [[*map(str, row), str(int(n > 300))] for n, row in enumerate(np.stack([S.acc_times, *S.acc]).T)]
    (tmp_path / "m.csv").write_text(lines("time,acc_x,acc_y,acc_z,label(N)", rows))
    assert read_recordings(tmp_path / "m.csv", YES).activities == ("1",)


def test_places_by_folders_and_names_of_files(tmp_path: Path) -> None:
    for name in ("phone/walk.csv", "watch/walk.csv"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        write(tmp_path / "in" / name, {"time": S.acc_times, "acc_*": S.acc})
    assert len(read_recordings(tmp_path / "in", replace(YES, place="all")).recordings) == 2
    found = read_recordings(tmp_path / "in", replace(YES, place="watch"))
    assert [each.name for each in found.recordings] == ["watch/walk"]
    assert [Path(name).parent.name for name in found.passed_over] == ["phone"]
    with pytest.raises(DataError, match=r"neither its columns nor its name say that it is of --place 'head'"):
        read_recordings(tmp_path / "in", replace(YES, place="head"))


@pytest.mark.parametrize(("date", "time"), [("2026-03-01", "10:00:{:06.3f}"), ("23.12.2024", "10:00:{:06.3f}")])
def test_the_date_may_stand_in_a_column_beside_the_time(tmp_path: Path, date: str, time: str) -> None:
    rows = [[date, time.format(t), *map(str, row)] for t, row in zip(S.acc_times, S.acc.T, strict=True)]
    (tmp_path / "m.csv").write_text(lines("Date,Time,acc_x,acc_y,acc_z", rows))
    found = read_recordings(tmp_path / "m.csv", YES)
    assert (found.findings["m"].started or "")[:16] == ("2026-03-01" if "2026" in date else "2024-12-23") + "T10:00"


def test_each_of_two_devices_has_its_own_time(tmp_path: Path) -> None:
    columns = {
        f"Shimmer_{device}_{what}": values
        for device, late in (("A1", 0.0), ("B2", 1.5))
        for what, values in (
            ("Timestamp_Unix_CAL", 1000 * (1_700_000_000 + late + S.acc_times)),
            ("Accel_LN_*_CAL", S.acc),
        )
    }
    write(tmp_path / "s.csv", columns)
    for place, started in (("A1", "20.01"), ("B2", "21.51")):
        found = read_recordings(tmp_path / "s.csv", replace(YES, place=place))
        assert started in (found.findings["s"].started or "")


PAIRS = [("ada/walk_chest.csv", "ada/walk_thigh.csv"), ("phone/walk.csv", "watch/walk.csv"), ("left.csv", "right.csv")]


def of_several(folder: Path, names: tuple[str, ...]) -> Path:
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write(folder / name, {"time": S.acc_times, "acc_*": np.roll(S.acc, number, axis=0)})
    (folder / "notes_chest.txt").write_text("fine")
    return folder


@pytest.mark.parametrize("names", PAIRS)
def test_files_that_differ_in_the_place_alone_are_asked_about(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(Undecided, match=r"one person with several devices.*--place .*--place all"):
        read_recordings(of_several(tmp_path, names), YES)


@pytest.mark.parametrize("names", PAIRS)
def test_all_of_them_are_one_persons(tmp_path: Path, names: tuple[str, ...]) -> None:
    found = read_recordings(of_several(tmp_path, names), replace(YES, place="all"))
    assert len(found.recordings) == 2
    assert len({each.subject for each in found.recordings}) == 1
    assert any("counts as a subject of its own" in note for note in found.notes)


def test_a_person_chooses_among_such_files(tmp_path: Path) -> None:
    found = read_recordings(of_several(tmp_path, PAIRS[0]), YES, ask=Person("thigh"))
    assert [each.name for each in found.recordings] == ["ada/walk_thigh"]


def test_files_of_other_activities_at_other_places_are_not_of_one_moment(tmp_path: Path) -> None:
    assert len(read_recordings(of_several(tmp_path, ("walk_chest.csv", "run_thigh.csv")), YES).recordings) == 2
