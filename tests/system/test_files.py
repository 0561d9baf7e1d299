"""Files and folders: whole, or as they were; and an error that names them."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from otolith.errors import StorageError
from otolith.system import files


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    assert files.write(path, "ä") == path
    files.write(path, b"two", sync=False)
    assert path.read_bytes() == b"two"
    assert [entry.name for entry in path.parent.iterdir()] == ["a.txt"]


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
