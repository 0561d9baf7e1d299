"""Plain tables: columns guessed, confirmed or given; units decided, asked or refused; labels and subjects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from otolith.errors import DataError
from otolith.importing import Imported, ImportOptions, read_recordings
from otolith.importing.naming.files import sensor_of_file
from otolith.importing.naming.words import words_of
from otolith.importing.sensors.columns import guess
from otolith.recording import CHANNELS, Segment
from tests.helpers.exports import G, Signal, lines, signal

S = signal(12)
YES = ImportOptions(accept_guess=True)


class Person:
    """Answers in order, and remembers what it was asked."""

    def __init__(self, *answers: str | None, right: bool = True) -> None:
        self.answers = list(answers)
        self.right = right
        self.asked: list[str] = []
        self.shown: list[list[tuple[str, str, str]]] = []

    def choose(self, question: str, choices: Sequence[tuple[str, str]]) -> str | None:
        self.asked.append(question)
        answer = self.answers.pop(0)
        assert answer is None or answer in dict(choices)
        return answer

    def confirm(self, title: str, rows: Sequence[tuple[str, str, str]]) -> bool:
        self.shown.append(list(rows))
        return self.right


def table(
    path: Path,
    s: Signal = S,
    header: str = "time,acc_x,acc_y,acc_z,gyro_x,gyro_y,gyro_z",
    acc_unit: float = 1.0,
    gyro_unit: float = 1.0,
    **more: Sequence[str],
) -> Path:
    """A table whose further columns are given by name."""
    columns = [s.acc_times, *(s.acc / acc_unit)] + ([*(s.gyro / gyro_unit)] if "z," in header else [])
    rows = [
        [*(repr(float(v)) for v in row), *(cells[i] for cells in more.values())]
        for i, row in enumerate(np.stack(columns).T)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(lines(",".join([header, *more]), rows), encoding="utf-8")
    return path


def values(found: Imported) -> np.ndarray:
    (stream,) = found.recordings[0].streams
    return stream.values


@pytest.mark.parametrize(
    ("columns", "acc", "gyro"),
    [
        ("time,acc_x,acc_y,acc_z,gyro_x,gyro_y,gyro_z", "acc_x", "gyro_x"),
        ("t,ax,ay,az,gx,gy,gz", "ax", "gx"),
        ("t,ax,ay,az,wx,wy,wz,mx,my,mz", "ax", "wx"),
        ("timestamp,accelX,accelY,accelZ,rotationRateX,rotationRateY,rotationRateZ", "accelX", "rotationRateX"),
        ("time,x,y,z", "x", None),
        ("time,Accelerometer X (g),Accelerometer Y (g),Accelerometer Z (g)", "Accelerometer X (g)", None),
        ("time,x-axis (g),y-axis (g),z-axis (g)", "x-axis (g)", None),
        ("time,x_acc,y_acc,z_acc", "x_acc", None),
        ("time,userAcceleration.x,userAcceleration.y,userAcceleration.z", "userAcceleration.x", None),
        ("time,acc_x,acc_y,acc_z,linear_acc_x,linear_acc_y,linear_acc_z", "acc_x", None),
        ("time,wrist_acc_x,wrist_acc_y,wrist_acc_z,chest_acc_x,chest_acc_y,chest_acc_z", None, None),
        ("time,mag_x,mag_y,mag_z", None, None),
        ("time,gravity_x,gravity_y,gravity_z", None, None),
        ("time,acc_x,acc_y", None, None),
    ],
)
def test_guesses(columns: str, acc: str | None, gyro: str | None) -> None:
    mapping = guess(columns.split(","))
    assert mapping.column("acc") == acc
    assert mapping.column("gyro") == gyro
    assert mapping.column("time") == columns.split(",")[0]


def test_names_of_files_and_columns() -> None:
    assert sensor_of_file("S01_Gyroscope") == "gyro"
    assert sensor_of_file("walk.acc") == "acc"
    assert sensor_of_file("a_w") is None
    assert words_of("userAcceleration.x (G)") == "user acceleration x"


def test_a_guess_is_refused_without_a_terminal_and_says_what_to_give(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv")
    with pytest.raises(DataError) as caught:
        read_recordings(path)
    message = str(caught.value)
    assert "--yes" in message
    command = "--time time --acc acc_x,acc_y,acc_z --gyro gyro_x,gyro_y,gyro_z"
    assert command in message
    options = ImportOptions(time="time", acc=("acc_x", "acc_y", "acc_z"), gyro=("gyro_x", "gyro_y", "gyro_z"))
    for found in (read_recordings(path, options), read_recordings(path, YES), read_recordings(path, ask=Person())):
        np.testing.assert_array_equal(values(found), np.concatenate([S.acc, S.gyro]))


def test_a_person_confirms_each_layout_once(tmp_path: Path) -> None:
    for name in ("a", "b"):
        table(tmp_path / "in" / name / "t.csv")
    person = Person()
    read_recordings(tmp_path / "in", ask=person)
    ((first, *_),) = person.shown
    assert first == ("time", "time", repr(float(S.acc_times[0])))
    with pytest.raises(DataError, match="were not confirmed"):
        read_recordings(tmp_path / "in", ask=Person(right=False))


def test_columns_that_cannot_be_told_are_asked_for(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", header="time,p,q,r")
    with pytest.raises(DataError, match=r"accelerometer's x, y and z\. Its columns: time, p, q, r\. .*--acc X,Y,Z"):
        read_recordings(path, YES)
    found = read_recordings(path, ImportOptions(time="time", acc=("p", "q", "r")))
    assert found.channels == CHANNELS[:3]
    with pytest.raises(DataError, match="p, q, r"):
        read_recordings(path, ImportOptions(time="time", acc=("p", "q", "s")))


@pytest.mark.parametrize(("unit", "factor"), [("g", G), ("m/s^2", 1.0), ("mg", G / 1000)])
@pytest.mark.parametrize("said", ["header", "data", "option"])
def test_the_accelerometers_unit(tmp_path: Path, unit: str, factor: float, said: str) -> None:
    s = S if said != "option" else replace(S, acc=S.acc - S.gravity, gravity=0 * S.gravity)
    bracket = f" ({unit})" if said == "header" else ""
    header = f"time,acc_x{bracket},acc_y{bracket},acc_z{bracket}"
    path = table(tmp_path / "t.csv", s, header, factor)
    options = YES if said != "option" else replace(YES, acc_unit=unit, gravity="removed")
    found = read_recordings(path, options)
    np.testing.assert_allclose(values(found), s.acc, rtol=1e-12, atol=1e-12)
    decision = next(d for d in found.findings["t"].decisions if d.what == "accelerometer unit")
    assert decision.value == unit
    assert {"header": "header", "data": "length of gravity", "option": "given"}[said] in decision.why
    if said == "option":
        with pytest.raises(DataError, match="--acc-unit m/s\\^2"):
            read_recordings(path, YES)
        with pytest.raises(DataError, match="--acc-unit m/s\\^2"):
            read_recordings(path, ask=Person(None))
        assert read_recordings(path, replace(YES, acc_unit=unit)).gravity == "removed"
        assert read_recordings(path, YES, Person(unit)).gravity == "removed"


def test_a_header_that_the_data_contradict_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", header="time,acc_x (g),acc_y (g),acc_z (g)")
    with pytest.raises(
        DataError, match=r"the accelerometer unit as g .*, but its mean .* gravity in m/s\^2.*--acc-unit"
    ):
        read_recordings(path, YES)
    found = read_recordings(path, YES, Person("m/s^2"))
    np.testing.assert_array_equal(values(found), S.acc)
    np.testing.assert_allclose(values(read_recordings(path, replace(YES, acc_unit="g", gravity="included"))), G * S.acc)


def test_gravity_is_asked_where_the_data_do_not_tell(tmp_path: Path) -> None:
    s = replace(S, acc=0.6 * S.acc)
    path = table(tmp_path / "t.csv", s, "time,acc_x (m/s²),acc_y (m/s²),acc_z (m/s²)")
    with pytest.raises(DataError, match="--gravity included"):
        read_recordings(path, YES)
    person = Person("included")
    assert read_recordings(path, YES, person).gravity == "included"
    assert len(person.asked) == 1


def test_linear_acceleration_by_name(tmp_path: Path) -> None:
    s = replace(S, acc=S.acc - S.gravity)
    path = table(tmp_path / "t.csv", s, "time,linear_acc_x (m/s^2),linear_acc_y (m/s^2),linear_acc_z (m/s^2)")
    assert read_recordings(path, YES).gravity == "removed"


@pytest.mark.parametrize(("unit", "factor"), [("rad/s", 1.0), ("deg/s", np.pi / 180)])
@pytest.mark.parametrize("said", ["header", "data"])
def test_the_gyroscopes_unit(tmp_path: Path, unit: str, factor: float, said: str) -> None:
    b = f" ({unit})" if said == "header" else ""
    header = f"time,acc_x,acc_y,acc_z,gyro_x{b},gyro_y{b},gyro_z{b}"
    found = read_recordings(table(tmp_path / "t.csv", S, header, gyro_unit=factor), YES)
    np.testing.assert_allclose(values(found)[3:], S.gyro, rtol=1e-12)


def test_the_gyroscopes_unit_is_asked_where_nothing_turns(tmp_path: Path) -> None:
    s = replace(S, gyro=0.01 * np.random.default_rng(0).standard_normal(S.gyro.shape))
    path = table(tmp_path / "t.csv", s)
    with pytest.raises(DataError, match="--gyro-unit rad/s"):
        read_recordings(path, YES)
    found = read_recordings(path, replace(YES, gyro_unit="deg/s"))
    np.testing.assert_allclose(values(found)[3:], np.radians(s.gyro))
    assert read_recordings(path, replace(YES, acc_only=True)).channels == CHANNELS[:3]


def test_files_of_one_layout_share_what_data_decide(tmp_path: Path) -> None:
    """The first file by name says nothing of its gyroscope; the second does."""
    quiet = replace(S, gyro=0.01 * np.random.default_rng(0).standard_normal(S.gyro.shape))
    table(tmp_path / "in" / "a.csv", quiet, gyro_unit=np.pi / 180)
    table(tmp_path / "in" / "b.csv", gyro_unit=np.pi / 180)
    found = read_recordings(tmp_path / "in", YES)
    np.testing.assert_allclose(found.recordings[0].streams[0].values[3:], quiet.gyro, rtol=1e-12)
    why = next(d.why for d in found.findings["a"].decisions if d.what == "gyroscope unit")
    assert "b.csv" in why


def test_sensors_in_two_files_at_two_rates(tmp_path: Path) -> None:
    s = signal(12, 50, 120, jitter=0.2)
    for stem, times, signals in (("walk_acc", s.acc_times, s.acc), ("walk_gyro", s.gyro_times, s.gyro)):
        rows = ([repr(float(v)) for v in row] for row in np.stack([times, *signals]).T)
        (tmp_path / f"{stem}.csv").write_text(lines("time,x,y,z", rows))
    found = read_recordings(tmp_path, YES)
    (recording,) = found.recordings
    assert recording.name == "walk"
    assert recording.channels == CHANNELS
    assert [stream.rate_hz for stream in recording.streams] == [50, 120]
    np.testing.assert_array_equal(recording.streams[1].values, s.gyro)
    (tmp_path / "walk_acc.csv").rename(tmp_path / "run_acc.csv")
    with pytest.raises(DataError, match="holds a gyroscope, but no file beside it the accelerometer"):
        read_recordings(tmp_path, YES)


def test_recordings_subjects_and_labels_in_columns(tmp_path: Path) -> None:
    n = len(S.acc_times)
    path = table(
        tmp_path / "all.csv",
        session=["one"] * 300 + ["two"] * (n - 300),
        subject=["ada"] * 300 + ["bob"] * (n - 300),
        activity=["sit"] * 100 + [""] * 100 + ["walk"] * 200 + ["sit"] * (n - 400),
    )
    found = read_recordings(path, YES)
    assert [(each.name, each.subject) for each in found.recordings] == [("all one", "ada"), ("all two", "bob")]
    assert found.activities == ("sit", "walk")
    first, second = (each.segments for each in found.recordings)
    assert [segment.activity for segment in (*first, *second)] == ["sit", "walk", "walk", "sit"]
    assert first[0] == Segment(0.0, pytest.approx(2.0), "sit")
    assert second[0].stop_s == second[1].start_s == pytest.approx(2.0)
    assert second[1].stop_s == pytest.approx((n - 300) / 50)
    assert found.notes == ()
    without = read_recordings(path, replace(YES, recording="none", subject="eve", label="none"))
    assert [(each.name, each.subject, each.segments) for each in without.recordings] == [("all", "eve", ())]


def test_an_empty_recording_is_named(tmp_path: Path) -> None:
    path = table(tmp_path / "all.csv", session=["one"] * 5 + [""] + ["one"] * (len(S.acc_times) - 6))
    with pytest.raises(DataError, match="line 7: session is empty"):
        read_recordings(path, YES)


def test_parquet_is_a_table_like_others(tmp_path: Path) -> None:
    names = ("time", *CHANNELS)
    pl.DataFrame(dict(zip(names, (S.acc_times, *S.acc, *S.gyro), strict=True))).write_parquet(tmp_path / "t.parquet")
    np.testing.assert_array_equal(values(read_recordings(tmp_path / "t.parquet", YES)), np.concatenate([S.acc, S.gyro]))


def test_recordings_of_two_kinds_are_refused(tmp_path: Path) -> None:
    table(tmp_path / "in" / "a.csv")
    table(tmp_path / "in" / "b.csv", header="time,acc_x,acc_y,acc_z")
    with pytest.raises(DataError, match=r"'b' lack\(s\) the gyroscope.*--acc-only"):
        read_recordings(tmp_path / "in", YES)
    assert len(read_recordings(tmp_path / "in", replace(YES, acc_only=True)).recordings) == 2
    s = replace(S, acc=S.acc - S.gravity)
    table(tmp_path / "in" / "b.csv", s, "time,acc_x (m/s^2),acc_y (m/s^2),acc_z (m/s^2)")
    with pytest.raises(DataError, match="Gravity was removed from 'b' and not from 'a'"):
        read_recordings(tmp_path / "in", replace(YES, acc_only=True))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"acc_unit": "gee"}, "--acc-unit: unknown value 'gee'; did you mean 'g'"),
        ({"gyro_unit": "hz"}, "--gyro-unit"),
        ({"gravity": "yes"}, "--gravity"),
        ({"time_unit": "minutes"}, "--time-unit"),
        ({"acc": ("a", "b")}, "--acc is 'a,b'; expected three"),
        ({"acc": ("a", "b", "b")}, "expected three different|expected three"),
        ({"acc": ("none",)}, "the accelerometer is needed"),
        ({"rate_hz": float("nan")}, "--rate is nan"),
        ({"subject": "ada", "subject_folder": True}, "Give one"),
    ],
)
def test_options_without_meaning(options: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        ImportOptions(**options)  # type: ignore[arg-type]


def test_two_files_whose_columns_have_the_same_names_given_by_options(tmp_path: Path) -> None:
    for stem, signals in (("walk_acc", S.acc), ("walk_gyro", S.gyro)):
        rows = ([repr(float(v)) for v in row] for row in np.stack([S.acc_times, *signals]).T)
        (tmp_path / f"{stem}.csv").write_text(lines("time,x,y,z", rows))
    options = ImportOptions(time="time", acc=("x", "y", "z"), gyro=("x", "y", "z"))
    np.testing.assert_array_equal(values(read_recordings(tmp_path, options)), np.concatenate([S.acc, S.gyro]))


def test_tables_in_one_folder_are_named_alike(tmp_path: Path) -> None:
    for name in ("a", "b"):
        table(tmp_path / "in" / "ada" / f"{name}.csv")
    table(tmp_path / "in" / "bob" / "only.csv")
    names = [each.name for each in read_recordings(tmp_path / "in", YES).recordings]
    assert names == ["ada/a", "ada/b", "bob/only"]


def test_a_column_that_was_named_and_is_not_there_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv")
    for option in ("label", "recording", "subject_column", "time"):
        with pytest.raises(DataError, match="has no column 'wrong'"):
            read_recordings(path, replace(YES, **{option: "wrong"}))
