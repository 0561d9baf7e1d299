"""Studies whose files say in a column where a device was worn, the same in all rows of a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from otolith.errors import DataError
from otolith.importing import ImportOptions, read_recordings
from otolith.importing.questions import Undecided
from tests.helpers.exports import signal
from tests.importing.grouping.test_people import put

YES = ImportOptions(accept_guess=True)


def worn(path: Path, place: str, column: str = "position") -> Path:
    s = signal(12)
    rows = (f"{t:.3f},{place},{x:.5f},{y:.5f},{z:.5f}" for t, (x, y, z) in zip(s.acc_times, s.acc.T, strict=True))
    path.write_text("\n".join([f"time,{column},acc_x,acc_y,acc_z", *rows]) + "\n")
    return path


@pytest.fixture
def study(tmp_path: Path) -> Path:
    worn(tmp_path / "a.csv", "left wrist")
    worn(tmp_path / "b.csv", "hip")
    return tmp_path


def test_files_of_two_places_are_asked_about(study: Path) -> None:
    with pytest.raises(Undecided, match=r"another place \(left wrist, hip\).*--place hip .*--place all"):
        read_recordings(study, replace(YES, leave_out=True))
    assert len(read_recordings(study, replace(YES, place="all")).recordings) == 2


def test_a_place_takes_the_files_that_say_it(study: Path) -> None:
    found = read_recordings(study, replace(YES, place="wrist", leave_out=True))
    assert [each.name for each in found.recordings] == ["a"]
    assert "b.csv: 'wrist' is none of its places. Give --place one of: hip, all." in found.left_out[0]
    with pytest.raises(DataError, match="'ankle' is none of its places"):
        read_recordings(study, replace(YES, place="ankle"))


@pytest.mark.parametrize(("column", "names"), [("device", ("AX3-1", "AX3-2")), ("side", ("left", "right"))])
def test_names_of_devices_are_no_places(tmp_path: Path, column: str, names: tuple[str, str]) -> None:
    for number, name in enumerate(names):
        worn(tmp_path / f"{number}.csv", name, column)
    assert len(read_recordings(tmp_path, YES).recordings) == 2


def test_the_name_of_a_file_may_say_the_place_where_a_column_names_the_device(tmp_path: Path) -> None:
    worn(tmp_path / "wrist.csv", "AX3-1", "device")
    assert len(read_recordings(tmp_path / "wrist.csv", replace(YES, place="wrist")).recordings) == 1


@pytest.mark.parametrize("names", ["walk_L walk_R", "ada/LW ada/RW", "L/walk R/walk", "ada/acc_l ada/acc_r"])
def test_sides_by_their_letters_are_asked_about(tmp_path: Path, names: str) -> None:
    for name in names.split():
        put(tmp_path / f"{name}.csv")
    with pytest.raises(Undecided, match=r"differs from that of other files in the place alone \((l|lw), (r|rw)\)"):
        read_recordings(tmp_path, YES)
    found = read_recordings(tmp_path, replace(YES, place="all"))
    assert len({each.subject for each in found.recordings}) == 1


def test_letters_that_go_on_are_no_sides(tmp_path: Path) -> None:
    for number, name in enumerate("klmr"):
        put(tmp_path / f"person_{name}.csv", 10 + number)
    assert len(read_recordings(tmp_path, YES).recordings) == 4
