"""Files and folders: whole, or as they were; and an error that names them."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from otolith import rows
from otolith.errors import DataError, StorageError
from otolith.system import claims, files


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = files.make_folder(tmp_path / "new" / "place") / "a.txt"
    assert files.write(path, "ä") == path
    files.write(path, b"two", sync=False)
    assert path.read_bytes() == b"two"
    assert [entry.name for entry in path.parent.iterdir()] == ["a.txt"]


def test_no_writer_makes_the_folder_that_it_writes_into(tmp_path: Path) -> None:
    """One that vanishes in the middle of a run does not come back without what it held."""
    gone = tmp_path / "gone"
    with pytest.raises(StorageError, match=r"gone/a.txt cannot be written: its folder is not there"):
        files.write(gone / "a.txt", "new")
    with pytest.raises(StorageError, match="its folder is not there"), files.whole_folder(gone / "a", replace=True):
        pass
    with pytest.raises(DataError, match="No such file"):
        rows.append(gone / "rows.jsonl", rows.Row({}, {}))
    with pytest.raises(StorageError, match="its folder is not there"), claims.hold(gone / "a"):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "cure"), [(errno.ENOSPC, "free some space"), (errno.EFBIG, "ulimit -f"), (errno.EROFS, "writable")]
)
@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file_and_names_it(
    moment: str, number: int, cure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = files.write(tmp_path / "a.txt", "old")

    def fail(*args: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, moment, fail)
        with pytest.raises(StorageError) as caught:
            files.write(path, "new")
    text = str(caught.value)
    assert text.startswith(f"{path} cannot be written ({os.strerror(number)}")
    assert cure in text
    assert ("MB are free" in text) == (number == errno.ENOSPC)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="a lock would keep the writer out there")
def test_what_a_killed_writer_left_of_a_file_goes_with_the_next_and_a_living_one_s_stays(tmp_path: Path) -> None:
    path, dead = tmp_path / "page.html", tmp_path / ".page.html.77-1f2e3d4c.part"
    for left in (dead, tmp_path / f"{dead.name}.float32.part"):
        left.write_text("half")
    others = [tmp_path / name for name in (".page.html.notes.part", ".other.html.77-1f2e3d4c.part")]
    for other in others:
        other.write_text("not of this file")
    with files.whole_file(path) as living:
        files.write(path, "first")
        assert living.exists()
        living.write_text("second")
    assert path.read_text() == "second"
    assert sorted(tmp_path.iterdir()) == sorted([path, *others])


def test_what_killed_processes_left_is_swept(tmp_path: Path) -> None:
    (tmp_path / ".a.txt.77-1f.part").write_text("half")
    (tmp_path / ".model.partial-77").mkdir()
    (tmp_path / ".model.partial-77" / files.LOCK).write_text("")
    (tmp_path / ".other.partial-77").mkdir()
    kept = tmp_path / ".hidden"
    kept.write_text("the user's own")
    files.restore(tmp_path / "model")
    assert {entry.name for entry in tmp_path.iterdir()} == {".a.txt.77-1f.part", ".other.partial-77", ".hidden"}
    files.sweep(tmp_path)
    assert list(tmp_path.iterdir()) == [kept]
