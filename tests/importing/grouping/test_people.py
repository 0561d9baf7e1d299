"""Who wore the device in a study of many files: what names say, what they do not, and what is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from otolith.errors import DataError
from otolith.importing import ImportOptions, read_recordings
from otolith.importing.grouping.notes import is_of_training
from otolith.importing.grouping.people import NO_SUBJECT
from tests.helpers.exports import signal

YES = ImportOptions(accept_guess=True)


def put(path: Path, seconds: float = 12, person: str = "", start: float = 0.0) -> Path:
    """A table; `seconds` tells recordings apart."""
    s = signal(seconds)
    extra, cell = (",subject", f",{person}") if person else ("", "")
    rows = (f"{start + t:.3f},{x:.5f},{y:.5f},{z:.5f}{cell}" for t, (x, y, z) in zip(s.acc_times, s.acc.T, strict=True))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([f"time,acc_x,acc_y,acc_z{extra}", *rows]) + "\n")
    return path


@pytest.mark.parametrize(
    ("names", "people"),
    [
        (("sub-01/ses-1/a", "sub-01/ses-2/b", "sub-02/ses-1/a"), ["sub-01", "sub-01", "sub-02"]),
        (("subject_1_activity_3", "subject_01_activity_4", "subject_2_activity_3"), ["subject_01"] * 2 + ["subject_2"]),
        (("Participant 7/sub7_rest", "Participant 8/sub8_rest"), ["Participant 7", "Participant 8"]),
    ],
)
def test_names_that_say_the_person(tmp_path: Path, names: tuple[str, ...], people: list[str]) -> None:
    for number, name in enumerate(names):
        put(tmp_path / f"{name}.csv", 10 + number)
    found = read_recordings(tmp_path, YES)
    assert [each.subject for each in found.recordings] == people
    assert found.notes == ()
    assert {each.subject for each in read_recordings(tmp_path, replace(YES, subject="ada")).recordings} == {"ada"}


@pytest.mark.parametrize("names", [("S01_t1", "S02_t1"), ("2026-03-01/a", "2026-03-02/a"), ("user1/user2",)])
def test_names_that_may_mean_something_else_are_no_people(tmp_path: Path, names: tuple[str, ...]) -> None:
    for number, name in enumerate(names):
        put(tmp_path / f"{name}.csv", 10 + number)
    found = read_recordings(tmp_path, YES)
    assert [each.subject for each in found.recordings] == [each.name for each in found.recordings]
    assert found.notes == (NO_SUBJECT,)


@pytest.mark.parametrize("folders", ["walking stairs_up", "2026-03-01 02.03.2026", "wrist thigh", "train test", "data"])
def test_folders_of_other_things_are_no_people(tmp_path: Path, folders: str) -> None:
    for number, name in enumerate(folders.split()):
        put(tmp_path / name / "S01" / "a.csv", 10 + number)
    with pytest.raises(DataError, match=f"'{folders.split()[-1]}'.*seem.*Name as source the folder"):
        read_recordings(tmp_path, replace(YES, subject_folder=True, place="wrist" if "wrist" in folders else None))


def test_folders_of_people_are_taken_and_one_that_wraps_them_is_told(tmp_path: Path) -> None:
    for number, name in enumerate(("ada", "walker")):
        put(tmp_path / "all" / "of them" / name / "a.csv", 10 + number)
    options = replace(YES, subject_folder=True)
    found = read_recordings(tmp_path / "all" / "of them", options)
    assert [each.subject for each in found.recordings] == ["ada", "walker"]
    (note,) = read_recordings(tmp_path, options).notes
    assert "one person's, 'all'" in note
    assert "'ada', 'walker'" in note


def test_recordings_without_a_person_beside_others_are_told(tmp_path: Path) -> None:
    put(tmp_path / "x.csv", person="P7")
    put(tmp_path / "y.csv", 11)
    (note,) = read_recordings(tmp_path, YES).notes
    assert note.startswith("Nothing says who wore the device in 1 of 2 recordings ('y')")
    assert is_of_training(note)


def test_people_that_differ_in_case_or_zeros_are_told(tmp_path: Path) -> None:
    for number, person in enumerate(("s1", "S01", "s10")):
        put(tmp_path / f"{number}.csv", 10 + number, person)
    (note,) = read_recordings(tmp_path, YES).notes
    assert note.startswith("The subjects 's1', 'S01' differ only in case")


def test_activities_in_names_are_no_labels_which_is_told(tmp_path: Path) -> None:
    for number, name in enumerate(("walking", "sitting")):
        put(tmp_path / name / "subject 3.csv", 10 + number)
    found = read_recordings(tmp_path, YES)
    assert [each.subject for each in found.recordings] == ["subject 3"] * 2
    (note,) = found.notes
    assert "'sitting', 'walking'" in note
    assert "--labels" in note


def test_a_path_and_a_column_that_call_a_person_otherwise_mean_the_same(tmp_path: Path) -> None:
    put(tmp_path / "subject_1" / "a.csv", 10)
    put(tmp_path / "subject_1" / "b.csv", 11, "1")
    put(tmp_path / "subject_2" / "a.csv", 12)
    assert [each.subject for each in read_recordings(tmp_path, YES).recordings] == ["1", "1", "subject_2"]
