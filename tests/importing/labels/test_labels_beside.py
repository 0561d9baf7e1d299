"""Files of labels that lie beside recordings, and that nobody named as such."""

from __future__ import annotations

from pathlib import Path

import pytest

from otolith.errors import DataError
from otolith.importing import ImportOptions, read_recordings
from tests.helpers.exports import signal

S = signal(8)
YES = ImportOptions(accept_guess=True)
LABELS = "start,end,activity\n1,3,walk\n"


def recording(path: Path, label: str = "") -> Path:
    rows = [
        f"{time:.4f},{x:.5f},{y:.5f},{z:.5f}{label and ',' + label}"
        for time, (x, y, z) in zip(S.acc_times - S.acc_times[0], S.acc.T, strict=True)
    ]
    path.write_text("\n".join(["time,acc_x,acc_y,acc_z" + (label and ",label"), *rows, ""]))
    return path


def notes(folder: Path) -> list[str]:
    found = read_recordings(folder, YES)
    assert {each.name for each in found.recordings} == {"walk"}
    return [note for note in found.notes if "--labels" in note]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.csv", LABELS), ("walk_annotations.csv", LABELS), ("notes.csv", LABELS), ("marks.txt", "1\t3\twalk\n"),
        ("video.srt", "1\n00:00:01,000 --> 00:00:03,000\nwalk\n"), ("a.csv", "timestamp,activity\n1,walk\n3,sit\n"),
        ("labels.json", '[{"start": 1, "end": 3, "activity": "walk"}]'),
    ],
)  # fmt: skip
def test_a_file_that_may_hold_labels_is_told_of(tmp_path: Path, name: str, text: str) -> None:
    recording(tmp_path / "walk.csv")
    (tmp_path / name).write_text(text)
    (note,) = notes(tmp_path)
    assert name in note


def test_several_are_told_of_together(tmp_path: Path) -> None:
    recording(tmp_path / "walk.csv")
    for number in range(5):
        (tmp_path / f"labels {number}.csv").write_text(LABELS)
    (note,) = notes(tmp_path)
    assert "and 2 more" in note
    assert "as one file" in note


def test_other_files_empty_ones_and_recordings_with_labels_are_not_told_of(tmp_path: Path) -> None:
    recording(tmp_path / "walk.csv")
    (tmp_path / "heart.csv").write_text("time,heart rate\n1,70\n2,71\n")
    (tmp_path / "Annotation.csv").write_text("time,seconds_elapsed,text\n")
    assert notes(tmp_path) == []
    recording(tmp_path / "walk.csv", "walk")
    (tmp_path / "labels.csv").write_text(LABELS)
    assert notes(tmp_path) == []


def test_a_file_of_labels_that_is_named_as_a_recording_is_refused(tmp_path: Path) -> None:
    recording(tmp_path / "walk.csv")
    (tmp_path / "labels.csv").write_text(LABELS)
    with pytest.raises(DataError, match=r"may hold labels.*--labels .*labels\.csv"):
        read_recordings([tmp_path / "walk.csv", tmp_path / "labels.csv"], YES)
    found = read_recordings(tmp_path, ImportOptions(accept_guess=True, labels=tmp_path / "labels.csv"))
    assert found.activities == ("walk",)
