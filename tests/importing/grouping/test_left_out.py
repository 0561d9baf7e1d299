"""Damaged files among sound ones: all of them are named at once, and the others are imported."""

from __future__ import annotations

from pathlib import Path

import pytest

from otolith.errors import DataError
from otolith.importing import ImportOptions, import_recordings, read_recordings
from otolith.importing.questions import Undecided
from tests.helpers.commandline import call, refused
from tests.helpers.exports import phyphox, sensor_logger, signal

LEAVE = ImportOptions(leave_out=True, accept_guess=True)
HEADER = "time (s),acc_x (m/s^2),acc_y (m/s^2),acc_z (m/s^2)"


def table(path: Path, n: int = 200, header: str = HEADER) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *(f"{row / 50},0.1,0.2,{9.8 + row % 3 / 10}" for row in range(n))]) + "\n")
    return path


def truncated(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Two sound archives and one that breaks off, sound tables and one that is damaged, and a pair without one half."""
    folder = tmp_path / "study"
    sensor_logger(folder / "ada" / "walk.zip", signal(6))
    phyphox(folder / "bob" / "walk", signal(6, seed=1))
    truncated(sensor_logger(folder / "cleo" / "walk.zip", signal(6, seed=2)))
    for name in ("one", "two"):
        table(folder / "tables" / f"{name}.csv")
    (folder / "tables" / "bad.csv").write_text(HEADER + "\n0,1,2,3\n1,1,2,x\n2,1,2,3\n")
    return folder


def test_every_sound_file_is_imported_and_every_other_named(study: Path, tmp_path: Path) -> None:
    ended = call("import", study, "--out", tmp_path / "out", "--yes", "--acc-only")
    assert ended.code == 3, ended.err
    text = " ".join(ended.out.split())
    assert "left out" in text
    assert "walk.zip: cannot be read as a zip archive" in text
    assert "bad.csv" in text
    assert "4, 4 subjects" in text
    page = (tmp_path / "out" / "quality.html").read_text()
    assert "Left out, since they cannot be read" in page
    assert "bad.csv" in page


def test_strict_stops_at_the_first(study: Path, tmp_path: Path) -> None:
    assert "walk.zip" in refused("import", study, "--out", tmp_path / "out", "--yes", "--acc-only", "--strict")
    assert not (tmp_path / "out").exists()
    with pytest.raises(DataError, match="cannot be read as a zip"):
        read_recordings(study)


def test_the_card_keeps_what_was_left_out_and_only_then(study: Path, tmp_path: Path) -> None:
    options = ImportOptions(leave_out=True, accept_guess=True, acc_only=True)
    found = import_recordings(study, tmp_path / "out", options)
    assert len(found.left_out) == 2
    assert '"left_out"' in (tmp_path / "out" / "card.json").read_text()
    import_recordings(study / "ada", tmp_path / "one", options)
    assert "left_out" not in (tmp_path / "one" / "card.json").read_text()


def test_half_a_pair_is_no_recording(tmp_path: Path) -> None:
    for name in ("walk_acc", "run_acc"):
        table(tmp_path / "d" / f"{name}.csv", header="time (s),x,y,z")
    (tmp_path / "d" / "walk_gyro.csv").write_text("time (s),x,y,z\n0,1,2,3\n1,1,2,x\n2,1,2,3\n")
    found = read_recordings(tmp_path / "d", LEAVE)
    assert [each.name for each in found.recordings] == ["run_acc"]
    assert "walk_gyro.csv" in found.left_out[0]


def log(name: str) -> str:
    return "".join(f"{row * 20},{name},0.1,{row % 7},9.8\n" for row in range(200))


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (
            "turn.csv",
            "time,gyro_x,gyro_y,gyro_z\n" + "".join(f"{n / 50},0,{n % 5},1\n" for n in range(200)),
            "gyroscope",
        ),
        ("log.csv", log("Gyroscope"), "holds no accelerometer"),
        ("x_gyro.txt", "".join(f"7,A,{10**9 + n * 10**7},0.1,{n % 7},0.5;\n" for n in range(200)), "no accelerometer"),
        ("short.csv", "time,acc_x,acc_y,acc_z\n0.0,1.0,0.5,0.2\n0.02,1.1,0.4,0.1\n", "too short"),
        ("one.csv", "time,acc_x,acc_y,acc_z\n0.0,1.0,0.5,0.2\n", "too short"),
    ],
)
def test_what_no_option_cures_is_listed(tmp_path: Path, file: str, content: str, message: str) -> None:
    table(tmp_path / "d" / "ada" / "good.csv")
    (tmp_path / "d" / "bob").mkdir()
    (tmp_path / "d" / "bob" / file).write_text(content)
    found = read_recordings(tmp_path / "d", LEAVE)
    assert [each.name for each in found.recordings] == ["ada/good"]
    (reason,) = found.left_out
    assert file in reason
    assert message in reason


def test_all_damaged_is_an_error_with_all_reasons(tmp_path: Path) -> None:
    for number in range(3):
        truncated(sensor_logger(tmp_path / "d" / f"walk{number}.zip", signal(6)))
    with pytest.raises(DataError, match="3 things have to be put right") as error:
        read_recordings(tmp_path / "d", LEAVE)
    assert all(f"walk{number}.zip" in str(error.value) for number in range(3))
    assert "holds no table" not in str(error.value)


def test_a_question_is_not_left_out(study: Path, tmp_path: Path) -> None:
    """A file that an option would bring in stops the import, with all that is to be put right."""
    with pytest.raises(Undecided) as error:
        read_recordings(study, ImportOptions(leave_out=True))
    assert "--yes" in str(error.value)
    assert "cleo" in str(error.value)


def test_a_source_that_is_not_there_is_no_damage(study: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        read_recordings([study, study / "nowhere.zip"], LEAVE)
