"""Columns by their names in many languages, and what is said of those that are left."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from otolith.importing import ImportOptions, read_recordings
from otolith.importing.sensors.columns import guess
from tests.helpers.exports import signal
from tests.importing.sensors.test_places import write

S = signal(12)
ACC = ["ax", "ay", "az"]
YES = ImportOptions(accept_guess=True)


def rows(*last: str) -> list[list[str]]:
    return [[str(n / 50), "0.1", "0.2", "9.8", last[n % len(last)]] for n in range(40)]


@pytest.mark.parametrize(
    "name",
    ["activity", "Actividad", "attività", "Aktivität", "活动", "Activité", "étiquette", "Tätigkeit", "ラベル",
     "активность", "Activity_ID", "class_label", "behaviour", "posture", "라벨", "atividade"],
)  # fmt: skip
def test_columns_of_activities(name: str) -> None:
    assert guess(["time", *ACC, name], rows=rows("walk", "rest")).column("label") == name
    assert guess(["time", *ACC, name], rows=rows("1", "2")).column("label") == name


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        ("target", "target_name"),
        ("label", "label_text"),
        ("Label", "LabelText"),
        ("label_id", "label"),
        ("label", "activity"),
        ("activity_code", "activity_description"),
        ("class", "classname"),
        ("activity", "posture"),
    ],
)
def test_names_of_activities_are_taken_rather_than_their_codes(codes: str, words: str) -> None:
    said = [""] * 10 + ["walk", "rest", ""] * 10
    code = {"walk": "1.0", "rest": "2.0", "": "0.0"}
    cells = [[str(n / 50), "0.1", "0.2", "9.8", code[word], word] for n, word in enumerate(said)]
    assert guess(["time", *ACC, codes, words], rows=cells).column("label") == words
    turned = [[*row[:4], row[5], row[4]] for row in cells]
    assert guess(["time", *ACC, words, codes], rows=turned).column("label") == words


@pytest.mark.parametrize("besides", ["7", ""])
def test_codes_are_taken_where_nothing_names_them(besides: str) -> None:
    cells = [[*row, besides] for row in rows("1", "2")]
    assert guess(["time", *ACC, "target", "target_name"], rows=cells).column("label") == "target"
    cells = [[*row, "7"] for row in rows("walk", "rest")]
    assert guess(["time", *ACC, "target", "target_name"], rows=cells).column("label") == "target"


@pytest.mark.parametrize("name", ["时间", "時刻", "Zeit", "время", "czas", "시간", "Time (µs)"])
def test_columns_of_time(name: str) -> None:
    assert guess([name, *ACC]).column("time") == name


@pytest.mark.parametrize("name", ["Proband", "участник", "被试", "Versuchsperson", "sujeto"])
def test_columns_of_people(name: str) -> None:
    assert guess(["time", *ACC, name]).column("subject-column") == name


def test_a_measurement_is_no_label_and_unknown_words_are_told() -> None:
    assert guess(["time", *ACC, "movement"], rows=rows("0.25", "0.5", "0.625")).column("label") is None
    found = guess(["time", *ACC, "remark"], rows=rows("walk", "rest"))
    assert found.column("label") is None
    assert [column for column, _ in found.passed] == ["remark"]
    assert guess(["time", *ACC, "device"], rows=rows("phone", "watch")).passed == ()


@pytest.mark.parametrize(("name", "scale"), [("turn_*", 1.0), ("r*", 180 / np.pi)])
def test_columns_as_which_gravity_turns_are_a_gyroscope(tmp_path: Path, name: str, scale: float) -> None:
    path = write(tmp_path / "t.csv", {"time": S.acc_times, "acc_*": S.acc, name: S.gyro * scale})
    (recording,) = read_recordings(path, YES).recordings
    np.testing.assert_allclose(recording.streams[0].values[3:], S.gyro, rtol=1e-9)


def test_angles_are_no_gyroscope_and_told(tmp_path: Path) -> None:
    angles = np.cumsum(S.gyro, axis=1) / 50
    columns = {"time": S.acc_times, "acc_*": S.acc}
    path = write(tmp_path / "t.csv", columns | dict(zip(("roll", "pitch", "yaw"), angles, strict=True)))
    found = read_recordings(path, YES)
    assert found.channels == ("acc_x", "acc_y", "acc_z")
    assert ["--gyro" in d.why for d in found.findings["t"].decisions if d.what == "gyroscope"] == [True]


def test_a_column_for_each_activity_is_told() -> None:
    cells = [[str(n / 50), "0.1", "0.2", "9.8", str(n % 2), str(1 - n % 2)] for n in range(40)]
    found = guess(["time", *ACC, "walking", "sitting"], rows=cells)
    assert [column for column, _ in found.passed] == ["walking, sitting"]


def test_whole_numbers_are_written_one_way(tmp_path: Path) -> None:
    rows = [f"{n / 50},0.1,{n % 7},9.8,{'1.0' if n < 300 else '2.5'}" for n in range(600)]
    (tmp_path / "t.csv").write_text("time,ax,ay,az,label\n" + "\n".join(rows))
    assert read_recordings(tmp_path / "t.csv", YES).activities == ("1", "2.5")


@pytest.mark.parametrize("names", [("Handgelenk", "Knöchel"), ("S1_a", "S2_a"), ("poignet", "cheville")])
def test_places_in_other_languages_and_numbers(names: tuple[str, str]) -> None:
    columns = [f"{name}{'' if name.endswith('a') else '_'}{axis}" for name in names for axis in "xyz"]
    assert len(guess(["time", *columns]).places) == 2


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "index"])
def test_an_index_of_times_without_a_name_is_the_time(tmp_path: Path, name: str) -> None:
    s = signal(20)
    step = 1 / 204.8
    rows = [",".join(map(str, (row * step, *values))) for row, values in enumerate(s.acc.T.round(5))]
    (tmp_path / "walk.csv").write_text("\n".join([f"{name},acc_x,acc_y,acc_z", *rows, ""]))
    options = ImportOptions(accept_guess=True, subject="ada", acc_unit="m/s^2", gravity="included")
    (recording,) = read_recordings(tmp_path / "walk.csv", options).recordings
    assert recording.streams[0].times is not None
    assert np.diff(recording.streams[0].times).mean() == pytest.approx(step, abs=1e-7)
    counted = [[str(row), "0.1", "0.2", "9.8"] for row in range(40)]
    assert "time" not in guess([name or "column 1", "acc_x", "acc_y", "acc_z"], rows=counted).columns


def test_linear_acceleration_beside_an_accelerometer_is_no_left_arm() -> None:
    beside = guess(["t", "ax", "ay", "az", "lax", "lay", "laz"])
    assert (beside.columns["acc"], beside.places) == (("ax", "ay", "az"), ())
    arms = guess(["t", "lax", "lay", "laz", "rax", "ray", "raz"])
    assert [place.name for place in arms.places] == ["la", "ra"]
