"""One process at a time in a folder: a lock of the operating system's, which dies with its process.

The lock is on the file `.lock` in the folder, which says in JSON who holds it. The file means nothing by itself: the
system drops the lock when its process ends, however it ends, so that what a dead process left blocks nobody.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import socket
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from otolith.errors import InUseError
from otolith.progress import SILENT, Progress
from otolith.system.files import cannot_write, half_written, sweep

NAME = ".lock"
POLL_SECONDS = 0.5
FAR = 1 << 40
"""Windows locks ranges, and nobody can read them: one byte far beyond any content stands for the whole file."""
_BUSY = {errno.EACCES, errno.EAGAIN, errno.EDEADLK}
_UNSUPPORTED = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}
_log = logging.getLogger(__name__)


def lock(descriptor: int, *, wait: bool = True) -> bool:
    """Take the exclusive lock on an open file; False where another has it and `wait` is False."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, FAR, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError as error:
        if not wait and error.errno in _BUSY:
            return False
        raise
    return True


def unlock(descriptor: int) -> None:
    """Give it back."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(descriptor, FAR, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_UN)


@contextlib.contextmanager
def hold(folder: Path, *, wait: bool = False, progress: Progress = SILENT) -> Iterator[None]:
    """Be the only process in `folder`, which is made if it is missing, until the block ends.

    What a killed process left there half-written is removed.

    Args:
        wait: wait for another process to end its work there, and say so, instead of refusing.

    Raises:
        InUseError: another process is there; says which, since when, and what to do.
        StorageError: the folder cannot be written.
    """
    descriptor = _taken(folder)
    if descriptor is None and wait:
        progress.say(f"Waiting for {_who(folder)}, which works in {folder}; this goes on when it is done.")
        while descriptor is None:
            time.sleep(POLL_SECONDS)
            descriptor = _taken(folder)
    if descriptor is None:
        raise _in_use(folder)
    try:
        sweep(folder)
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows keeps a file that is open; it means nothing by itself
            os.unlink(folder / NAME)
        with contextlib.suppress(OSError):
            unlock(descriptor)
        os.close(descriptor)


def refuse_if_held(folder: Path) -> None:
    """Make sure that nobody works in `folder` now. Nothing is left there, and nothing is made.

    Raises:
        InUseError: another process does.
    """
    try:
        descriptor = os.open(folder / NAME, os.O_RDWR)
    except OSError:
        return
    try:
        if not lock(descriptor, wait=False):
            raise _in_use(folder)
        unlock(descriptor)
    except OSError:
        return
    finally:
        os.close(descriptor)


def is_empty(folder: Path) -> bool:
    """Whether a folder holds nothing, or only what a process left that was killed before its first file was whole."""
    left = set(half_written(folder))
    return all(entry.name == NAME or entry in left for entry in folder.iterdir())


def _taken(folder: Path) -> int | None:
    """The locked file, with this process's name in it; None where another process holds it."""
    path = folder / NAME
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise cannot_write(path, error) from error
        try:
            if not lock(descriptor, wait=False):
                os.close(descriptor)
                return None
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                os.close(descriptor)
                raise cannot_write(path, error) from error
            _log.warning("%s has no locks (%s): let no other process work there", folder, error.strerror)
        if _same_file(descriptor, path):
            break
        os.close(descriptor)  # its holder removed it between our two calls
    with contextlib.suppress(OSError):  # a full disk: the lock itself needs no room
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, json.dumps(_self()).encode())
    return descriptor


def _same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except OSError:
        return False


def _self() -> dict[str, Any]:
    since = datetime.now().astimezone().isoformat(" ", "seconds")
    return {"pid": os.getpid(), "host": socket.gethostname(), "since": since}


def _who(folder: Path) -> str:
    try:
        found = json.loads((folder / NAME).read_text("utf-8"))
        return f"process {int(found['pid'])} on {found['host']} (since {found['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def _in_use(folder: Path) -> InUseError:
    return InUseError(
        f"{folder} is in use by {_who(folder)}. Two processes would spoil each other's files: wait until it has ended, "
        "end it, or choose another folder."
    )
