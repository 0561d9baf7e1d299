"""One process at a time: refused by name, waited for, and never blocked by the dead."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from otolith.errors import InUseError, StorageError
from otolith.progress import Progress
from otolith.system import claims, files

HOLDER = """
import sys
from pathlib import Path
from otolith.system import claims
with claims.hold(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def other_process(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Holds `folder` until its standard input is closed."""
    command = [sys.executable, "-c", HOLDER, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_the_second_process_is_refused_and_told_who_and_since_when(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with other_process(folder) as process:
        for refuse in (lambda: claims.hold(folder).__enter__(), lambda: claims.refuse_if_held(folder)):
            with pytest.raises(InUseError) as caught:
                refuse()
            text = str(caught.value)
            assert text.startswith(f"{folder} is in use by process {process.pid} on ")
            assert f"(since {time.strftime('%Y-')}" in text
            assert "choose another folder" in text


def test_a_lock_of_a_killed_process_blocks_nobody(tmp_path: Path) -> None:
    with other_process(tmp_path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert (tmp_path / claims.LOCK).exists()
    assert claims.is_empty(tmp_path)
    claims.refuse_if_held(tmp_path)
    (tmp_path / ".a.5.part").write_text("half")
    assert claims.is_empty(tmp_path)  # killed while it wrote its first file
    with claims.hold(tmp_path):
        assert str(os.getpid()) in (tmp_path / claims.LOCK).read_text()
        assert not (tmp_path / ".a.5.part").exists()
    assert list(tmp_path.iterdir()) == []


def test_the_claim_of_another_on_a_folder_that_was_removed_and_made_again_stays(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    stack = ExitStack()
    held = claims.hold(folder)
    held.__enter__()
    shutil.rmtree(folder)
    other = stack.enter_context(other_process(folder))
    with pytest.raises(StorageError, match=r"run is no longer the folder that this began"):
        held.__exit__(None, None, None)
    with stack, pytest.raises(InUseError, match=f"process {other.pid} "):
        claims.refuse_if_held(folder)


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="links are followed here")
def test_what_a_killed_process_left_beside_finished_work_is_tidied_up_and_a_living_one_s_stays(tmp_path: Path) -> None:
    with other_process(tmp_path) as process:
        (tmp_path / ".model.77-1f2e3d4c.part").write_text("half")
        claims.tidy(tmp_path)
        assert len(list(tmp_path.iterdir())) == 2
        process.send_signal(signal.SIGKILL)
    (tmp_path / "done").write_text("whole")
    claims.tidy(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["done"]
    claims.tidy(tmp_path / "missing")


def test_a_link_in_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("keep")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / claims.LOCK).symlink_to(tmp_path / "mine")
    with pytest.raises(StorageError, match=r"run/\.lock cannot be written .*: remove the link"):
        claims.hold(tmp_path / "run").__enter__()
    assert (tmp_path / "mine").read_text() == "keep"


class Said(Progress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


def test_waiting_says_for_whom_and_goes_on_when_they_are_done(tmp_path: Path) -> None:
    said = Said()
    with other_process(tmp_path) as process:
        assert process.stdin is not None
        timer = threading.Timer(0.7, process.stdin.close)
        timer.start()
        with claims.hold(tmp_path, wait=True, progress=said):
            process.wait()
        timer.join()
    assert len(said.lines) == 1
    assert f"Waiting for process {process.pid} on " in said.lines[0]


def test_nobody_ever_shares_a_folder(tmp_path: Path) -> None:
    """Also not in the moment in which a holder removes its file."""
    inside: list[int] = []
    most: list[int] = []

    def work() -> None:
        for _ in range(40):
            while True:
                try:
                    with claims.hold(tmp_path):
                        inside.append(1)
                        most.append(len(inside))
                        time.sleep(0.0002)
                        inside.pop()
                    break
                except InUseError:
                    continue

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 160


def test_a_lock_file_that_says_nothing_still_locks(tmp_path: Path) -> None:
    with claims.hold(tmp_path):
        (tmp_path / claims.LOCK).write_bytes(b"\xff")
        with pytest.raises(InUseError, match="in use by another process"):
            claims.refuse_if_held(tmp_path)


def test_a_folder_with_something_in_it_is_not_empty(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert not claims.is_empty(tmp_path)
    claims.refuse_if_held(tmp_path)
    claims.refuse_if_held(tmp_path / "missing")
    assert [entry.name for entry in tmp_path.iterdir()] == ["notes.txt"]


def test_where_there_are_no_locks_work_goes_on_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("filelock.lock_descriptor", refuse)
    with claims.hold(tmp_path / "run"):
        claims.refuse_if_held(tmp_path / "run")
        assert "has no locks (No locks available): let no other process work there" in caplog.text
    assert list((tmp_path / "run").iterdir()) == []
    for content in ("one", "two"):
        with files.whole_folder(tmp_path / "target", replace=True) as folder:
            (folder / "a").write_text(content)
            files.restore(tmp_path / "target")  # nobody can tell who lives: nothing is removed
    assert (tmp_path / "target" / "a").read_text() == "two"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "target"]
