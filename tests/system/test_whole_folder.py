"""Whole folders: at whatever step a disk fails or a process dies, the old folder or the new one is there, whole."""

from __future__ import annotations

import ast
import errno
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import otolith
from otolith.errors import DataError, StorageError
from otolith.system import exchange as exchange_
from otolith.system import files

OLD, NEW = {"a": "old", "sub/b": "old"}, {"a": "new", "sub/b": "new", "c": "new"}
STEPS = ("mkdir", "open", "rename", "fsync", "unlink", "rmdir")
"""Calls of the operating system by which a folder is written, put in place and cleaned up."""
HERE = Path(otolith.__path__[0])
WRITERS = {"system/files.py", "system/exchange.py"}
"""The only places that may put a file or folder in another's place."""


def fill(folder: Path, content: dict[str, str]) -> None:
    for name, text in content.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def held(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def write(target: Path, content: dict[str, str], *, replace: bool) -> None:
    with files.whole_folder(target, replace=replace) as folder:
        fill(folder, content)


@pytest.fixture(params=["exchange", "no exchange"])
def exchange(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With and without a system that exchanges two names in one step."""
    if request.param == "no exchange":
        monkeypatch.setattr(exchange_, "exchanged", lambda one, other: False)
    elif sys.platform != "linux":
        pytest.skip("only Linux exchanges names")
    return str(request.param)


class Steps:
    """Counts the calls named in STEPS, and lets something happen at one of them, before it or after it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int, happens: Callable[[], None], after: bool) -> None:
        self.count, self.at, self.happens, self.after, self.busy = 0, at, happens, after, False
        for name in STEPS:
            monkeypatch.setattr(os, name, self._counted(getattr(os, name)))
        monkeypatch.setattr(exchange_, "exchanged", self._counted(exchange_.exchanged))

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.count += 1
            now = self.count == self.at
            if now and not self.after:
                self.happens()
            found = call(*args, **kwargs)
            if now and self.after:
                self.happens()
            return found

        return counted


def broken() -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


SCENES = [({}, False), ({}, True), (OLD, True)]
"""What is there before, and whether it may be replaced."""


@pytest.mark.parametrize(("before", "replace"), SCENES)
@pytest.mark.parametrize("after", [False, True])
def test_an_error_at_any_step_leaves_the_old_or_the_new_folder(
    before: dict[str, str], replace: bool, after: bool, exchange: str, tmp_path: Path
) -> None:
    at, steps = 0, None
    while steps is None or steps.count >= steps.at:
        at += 1
        parent = tmp_path / str(at)
        fill(parent / "target", before) if before and not parent.mkdir() else parent.mkdir()
        failed = False
        with pytest.MonkeyPatch.context() as patch:
            steps = Steps(patch, at, broken, after)
            try:
                write(parent / "target", NEW, replace=replace)
            except (StorageError, OSError):
                failed = True
        found = held(parent / "target")
        assert found in ([before, NEW] if failed else [NEW]), at
        files.restore(parent / "target")
        assert held(parent / "target") in ([before, NEW] if failed else [NEW]), at
    assert at > 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="dies in a forked process")
@pytest.mark.parametrize(("before", "replace"), [SCENES[0], SCENES[-1]])
def test_a_kill_at_any_step_leaves_the_old_or_the_new_folder_and_nothing_once_written_again(
    before: dict[str, str], replace: bool, exchange: str, tmp_path: Path
) -> None:
    at, died = 0, True
    while died:
        at += 1
        parent = tmp_path / str(at)
        fill(parent / "target", before) if before and not parent.mkdir() else parent.mkdir()
        child = os.fork()
        if not child:
            try:
                Steps(pytest.MonkeyPatch(), at, lambda: os._exit(9), False)
                write(parent / "target", NEW, replace=replace)
            finally:
                os._exit(0)
        died = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
        if exchange == "exchange":
            assert held(parent / "target") in ([before, NEW] if died else [NEW]), at
        files.restore(parent / "target")
        found = held(parent / "target")
        assert found in ([before, NEW] if died else [NEW]), at
        if not found or replace:
            write(parent / "target", NEW, replace=replace)
        assert os.listdir(parent) == ["target"], at
    assert at > 15


@pytest.mark.skipif(not hasattr(os, "fork"), reason="dies in a forked process")
def test_a_kill_at_any_step_of_a_removal_leaves_the_folder_or_nothing_of_its_name(tmp_path: Path) -> None:
    at, died = 0, True
    while died:
        at += 1
        parent = tmp_path / str(at)
        parent.mkdir()
        fill(parent / "target", OLD)
        child = os.fork()
        if not child:
            try:
                Steps(pytest.MonkeyPatch(), at, lambda: os._exit(9), False)
                files.discard(parent / "target")
            finally:
                os._exit(0)
        died = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
        assert held(parent / "target") in ([OLD, {}] if died else [{}]), at
        files.restore(parent / "target")
        files.discard(parent / "target")
        assert os.listdir(parent) == [], at
    assert at > 5


def test_who_refuses_what_is_there_sweeps_beside_it(tmp_path: Path) -> None:
    left = tmp_path / ".target.partial-77"
    left.mkdir()
    (left / files.LOCK).write_text("")
    fill(tmp_path / "target", OLD)
    with pytest.raises(DataError, match="exists already"):
        files.refuse_existing(tmp_path / "target")
    assert os.listdir(tmp_path) == ["target"]


def test_what_is_there_is_replaced_only_on_demand(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    write(target, OLD, replace=False)  # an empty folder may be filled
    for path in (target, target / "a"):
        with pytest.raises(StorageError, match=f"{path} cannot be written.*remove what is there"):
            write(path, NEW, replace=False)
        with pytest.raises(DataError, match=f"{path} exists already"):
            files.refuse_existing(path)
    assert held(target) == OLD
    with pytest.raises(ZeroDivisionError), files.whole_folder(target, replace=True) as folder:
        fill(folder, {"a": str(1 // 0)})
    assert held(target) == OLD
    write(target, NEW, replace=True)
    assert held(target) == NEW
    assert os.listdir(tmp_path) == ["target"]


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "far", target_is_directory=True)
    write(tmp_path / "link", NEW, replace=False)
    assert (tmp_path / "link").is_symlink()
    assert held(tmp_path / "far") == NEW


def test_a_link_to_a_folder_is_restored_where_the_folder_is(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "far" / "target", target_is_directory=True)
    left = tmp_path / "far" / ".target.partial-1-0"
    left.mkdir()
    (left / files.LOCK).touch()
    (left / files.OLD).mkdir()
    fill(left / files.OLD, OLD)
    files.restore(tmp_path / "link")
    assert held(tmp_path / "link") == OLD
    assert not left.exists()


def test_the_working_folder_is_never_exchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shell that the command was given in would be in a folder that is no more."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for target in (Path("."), Path(".."), tmp_path / "here", Path("../here")):
        with pytest.raises(DataError, match="is the folder that this process works in"):
            files.refuse_existing(target)
        with pytest.raises(StorageError, match=r"\(it is the folder that this process works in\).*a new one within it"):
            write(target, NEW, replace=True)
    write(Path("new"), NEW, replace=False)
    assert held(tmp_path / "here" / "new") == NEW


def test_a_mounted_disk_is_never_exchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of the host that a container mounts, which no other folder can take the place of."""
    (tmp_path / "disk").mkdir()
    monkeypatch.setattr(os.path, "ismount", lambda path: path == str(tmp_path / "disk"))
    with pytest.raises(DataError, match=r"disk is the root of a mounted disk. Choose a new one within it"):
        files.refuse_existing(tmp_path / "disk")
    with pytest.raises(StorageError, match="it is the root of a mounted disk"):
        write(tmp_path / "disk", NEW, replace=True)
    write(tmp_path / "disk" / "new", NEW, replace=False)


@pytest.mark.parametrize("dead", [False, True])
def test_nothing_is_left_where_an_open_file_cannot_be_removed(
    dead: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows, where the lock is open until it is given back."""
    taken: list[int] = []
    take, release, unlink = files.take, files.release, os.unlink

    def taking(*args: Any, **kwargs: Any) -> int | None:
        held = take(*args, **kwargs)
        taken.extend([] if held is None else [held])
        return held

    def releasing(held: int) -> None:
        release(held)
        taken.remove(held)

    def unlinking(path: Any, **kwargs: Any) -> None:
        if taken and os.path.basename(path) == files.LOCK:
            raise PermissionError(errno.EACCES, "it is open")
        unlink(path, **kwargs)

    monkeypatch.setattr(files, "take", taking)
    monkeypatch.setattr(files, "release", releasing)
    monkeypatch.setattr(os, "unlink", unlinking)
    if dead:
        (tmp_path / ".target.partial-1-0" / files.NEW).mkdir(parents=True)
        (tmp_path / ".target.partial-1-0" / files.LOCK).touch()
        files.restore(tmp_path / "target")
        assert os.listdir(tmp_path) == []
    else:
        write(tmp_path / "target", NEW, replace=True)
        assert os.listdir(tmp_path) == ["target"]


def test_a_folder_that_cannot_be_renamed_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders of a container's image are on another device than what is written in the container."""
    rename = os.rename

    def across(source: Path, target: Path) -> None:
        if Path(source) == tmp_path / "target":
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        rename(source, target)

    monkeypatch.setattr(os, "rename", across)
    monkeypatch.setattr(exchange_, "exchanged", lambda one, other: False)
    (tmp_path / "target").mkdir()
    fill(tmp_path / "target", OLD)
    write(tmp_path / "target", NEW, replace=True)
    assert held(tmp_path / "target") == NEW
    assert os.listdir(tmp_path) == ["target"]


def test_a_folder_is_moved_to_another_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The target may be a link to one."""
    rename = os.rename

    def across(source: Path, target: Path) -> None:
        if Path(source).name == "made":
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        rename(source, target)

    (tmp_path / "far").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "far", target_is_directory=True)
    (tmp_path / "made").mkdir()
    fill(tmp_path / "far", OLD)
    fill(tmp_path / "made", NEW)
    monkeypatch.setattr(os, "rename", across)
    files.put_folder(tmp_path / "made", tmp_path / "link")
    assert held(tmp_path / "link") == NEW
    assert sorted(os.listdir(tmp_path)) == ["far", "link"]


def test_a_folder_has_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "usual").mkdir()
    for before in ({}, OLD):
        write(tmp_path / "target", NEW, replace=bool(before))
        assert (tmp_path / "target").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_reader_never_misses_the_folder_while_two_write_it(exchange: str, tmp_path: Path) -> None:
    """Where names cannot be exchanged there is a moment without, which `restore` and a second look bridge."""
    target = tmp_path / "target"
    write(target, {"a": "start"}, replace=True)

    failed = []

    def work() -> None:
        try:
            for number in range(20):
                write(target, {"a": f"{number}"}, replace=True)
        except StorageError as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    missing = 0
    while any(thread.is_alive() for thread in threads):
        missing += not os.path.lexists(target)
    for thread in threads:
        thread.join()
    assert failed == []
    assert exchange == "no exchange" or missing == 0
    assert held(target) == {"a": "19"}
    assert os.listdir(tmp_path) == ["target"]


def test_a_living_writer_is_never_swept(tmp_path: Path) -> None:
    with files.whole_folder(tmp_path / "target") as folder:
        fill(folder, NEW)
        files.restore(tmp_path / "target")
        files.sweep(tmp_path)
        write(tmp_path / "target", OLD, replace=True)
        (tmp_path / "target" / "a").unlink()
        assert held(folder) == NEW
        (tmp_path / "target" / "sub" / "b").unlink()
        (tmp_path / "target" / "sub").rmdir()
    assert held(tmp_path / "target") == NEW


def test_no_other_place_puts_files_or_folders_in_place() -> None:
    """`rename` and `replace` of os and of paths, and `shutil.move`; those of texts and tables are called otherwise."""
    found = []
    for path in HERE.rglob("*.py"):
        name, source = path.relative_to(HERE).as_posix(), path.read_text("utf-8")
        if not any(word in source for word in ("rename", "replace", "move")):
            continue
        for node in ast.walk(ast.parse(source)):
            if name not in WRITERS and isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                of_module = isinstance(node.func.value, ast.Name) and node.func.value.id in ("os", "shutil")
                called = node.func.attr
                one = len(node.args) == 1 and not node.keywords and not isinstance(node.args[0], ast.Dict)
                if called in ("renames", "move") or (called in ("rename", "replace") and (of_module or one)):
                    found.append(f"{name}:{node.lineno}: {ast.unparse(node)}")
    assert found == []
