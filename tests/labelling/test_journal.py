"""Lines of labels: on the disk at once, never changed, taken back by further lines, and none lost but a half one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from otolith.errors import DataError, StorageError
from otolith.labelling.journal import Journal, file_of, labellers

LABEL = {"recording": "walk", "start": 0.0, "stop": 4.0, "activity": "walking"}


def test_lines_are_read_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "new" / "ann.jsonl")
    first = journal.add("label", **LABEL)
    journal.add("skip", recording="walk", start=4.0, stop=8.0)
    again = Journal(journal.path)
    assert again.lines == journal.lines
    assert [line["id"] for line in again.lines] == [1, 2]
    assert first["at"].endswith("Z")
    assert again.add("activity", name="stairs up")["id"] == 3
    assert Journal(journal.path).lines == again.lines


def test_nothing_that_was_written_changes(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "ann.jsonl")
    before = b""
    for do, values in (("label", LABEL), ("undo", {"of": 1}), ("label", LABEL | {"activity": "still"})):
        journal.add(do, **values)
        now = journal.path.read_bytes()
        assert now.startswith(before)
        assert now.endswith(b"\n")
        before = now
    assert [line["activity"] for line in journal.standing("label")] == ["still"]


def test_threads_take_turns(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "ann.jsonl")
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: journal.add("label", **LABEL)["id"], range(80)))
    assert sorted(made) == list(range(1, 81))
    assert journal.path.read_text().count("\n") == 80
    assert Journal(journal.path).lines == journal.lines


def test_undo_goes_back_line_by_line(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "ann.jsonl")
    for do in ("label", "skip"):
        journal.add(do, **(LABEL if do == "label" else {"recording": "walk", "start": 4.0, "stop": 8.0}))
    journal.add("agreement", labels=4, value=0.5)
    for expected in (2, 1):
        last = journal.last()
        assert last is not None
        assert last["id"] == expected
        journal.add("undo", of=last["id"])
    assert journal.last() is None


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_half_a_line_is_counted_and_spoils_no_other(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "ann.jsonl"
    journal = Journal(path)
    journal.add("label", **LABEL)
    journal.add("label", **LABEL)
    path.write_bytes(path.read_bytes()[:-cut])
    again = Journal(path)
    if cut == 1:  # the line's end alone
        assert (len(again.lines), again.damaged) == (2, 0)
    else:
        assert (len(again.lines), again.damaged) == (1, 1)
    again.add("label", **(LABEL | {"activity": "still"}))
    last = Journal(path)
    assert last.lines == again.lines
    assert last.damaged == again.damaged


@pytest.mark.parametrize(
    "line",
    [
        "[1]",
        '{"id": 1, "do": "label"}',
        '{"id": 1, "do": "label", "recording": "w", "start": 4, "stop": 1, "activity": "a"}',
        '{"id": 1, "do": "label", "recording": "w", "start": "0", "stop": 1, "activity": "a"}',
        '{"id": "1", "do": "undo", "of": 1}',
        '{"id": 1, "do": "format"}',
        '{"id": 1, "do": "label", "recording": "w", "start": NaN, "stop": 1, "activity": "a"}',
        "[" * 100_000,
    ],
)
def test_other_lines_are_counted(tmp_path: Path, line: str) -> None:
    path = tmp_path / "ann.jsonl"
    path.write_text(line + "\n")
    Journal(path).add("label", **LABEL)
    found = Journal(path)
    assert (len(found.lines), found.damaged) == (1, 1)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "labels").write_text("a file")
    with pytest.raises(StorageError, match="labels"):
        Journal(tmp_path / "labels" / "ann.jsonl").add("label", **LABEL)


@pytest.mark.parametrize("name", ["", "../ann", "a/b", ".ann", " ann", "ann ", "a\nb", "x" * 80, "a\\b", "a:b"])
def test_names_that_are_no_file_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="labeller"):
        file_of(tmp_path, name)


def test_labellers_are_kept_apart(tmp_path: Path) -> None:
    assert labellers(tmp_path / "none") == []
    for name in ("zoë", "ann"):
        Journal(file_of(tmp_path, name)).add("label", **LABEL)
    assert labellers(tmp_path) == ["ann", "zoë"]
