"""One process at a time in a folder: a lock of the operating system's, which dies with its process.

The lock is on the file `.lock` in the folder, which says in JSON who holds it. The file means nothing by itself: the
system drops the lock when its process ends, however it ends, so that what a dead process left blocks nobody.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from otolith.errors import InUseError, StorageError
from otolith.progress import SILENT, Progress
from otolith.system.files import LOCK, cannot_write, half_written, sweep
from otolith.system.locking import NO_LINK, UNSUPPORTED, is_at, release, take
from otolith.system.reading import open_regular

POLL_SECONDS = 0.5
_log = logging.getLogger(__name__)


@contextlib.contextmanager
def hold(folder: Path, *, wait: bool = False, kept: bool = True, progress: Progress = SILENT) -> Iterator[None]:
    """Be the only process in `folder`, which is made if it is missing, until the block ends.

    The folder above it is there. Half-written files that a killed process left there are removed.

    Args:
        wait: wait for another process to end its work there, and say so, instead of refusing.
        kept: False where the block itself removes the folder.

    Raises:
        InUseError: another process is there; says which, since when, and what to do.
        StorageError: the folder cannot be written; or it vanished, or another took its place, before the block ended.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, hold(Path(folder)):
    ...     refuse_if_held(Path(folder))
    Traceback (most recent call last):
    otolith.errors.InUseError: ...
    """
    descriptor = _taken(folder)
    if descriptor is None and wait:
        progress.say(f"Waiting for {_holder(folder)}, which works in {folder}; this goes on when it is done.")
        while descriptor is None:
            time.sleep(POLL_SECONDS)
            descriptor = _taken(folder)
    if descriptor is None:
        raise _in_use(folder)
    try:
        sweep(folder)
        yield
        if kept and not is_at(descriptor, folder / LOCK):
            raise StorageError(
                f"{folder} is no longer the folder that this began to write into: something has removed or replaced it "
                "meanwhile. What was written before is gone with it: give the same command again."
            )
    finally:
        with contextlib.suppress(OSError):  # Windows keeps a file that is open; it means nothing by itself
            if is_at(descriptor, folder / LOCK):  # not another's, where somebody has removed the folder in between
                os.unlink(folder / LOCK)
        release(descriptor)


def refuse_if_held(folder: Path) -> None:
    """Make sure that nobody works in `folder` now. Nothing is left there, and nothing is made.

    Raises:
        InUseError: another process does.
    """
    with contextlib.suppress(OSError):  # no such folder, no lock in it, or a file system without locks
        descriptor = take(folder / LOCK, create=False)
        if descriptor is None:
            raise _in_use(folder)
        release(descriptor)


def tidy(folder: Path) -> None:
    """Remove the lock and the half-written files that a killed process left in a folder whose work is done."""
    with contextlib.suppress(OSError):  # no such folder, no lock in it, or a file system without locks
        descriptor = take(folder / LOCK, create=False)
        if descriptor is not None:
            sweep(folder)
            os.unlink(folder / LOCK)
            release(descriptor)


def is_empty(folder: Path) -> bool:
    """Tell whether a folder holds nothing but what a process left that was killed before its first file was whole."""
    left = set(half_written(folder))
    return all(entry.name == LOCK or entry in left for entry in folder.iterdir())


def _taken(folder: Path) -> int | None:
    """The locked file, with this process's name in it; None where another process holds it."""
    path = folder / LOCK
    try:
        folder.mkdir(exist_ok=True)
        try:
            descriptor = take(path)
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                raise
            _log.warning("%s has no locks (%s): let no other process work there", folder, error.strerror)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | NO_LINK, 0o666)
    except OSError as error:
        raise cannot_write(path, error) from error
    if descriptor is not None:
        since = datetime.now().astimezone().isoformat(" ", "seconds")
        holder = json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": since})
        with contextlib.suppress(OSError):  # a full disk: the lock itself needs no room
            os.ftruncate(descriptor, 0)
            os.write(descriptor, b"\n" + holder.encode())  # on Windows nobody else can read the locked first byte
    return descriptor


def _holder(folder: Path) -> str:
    try:
        with open_regular(folder / LOCK, 1000) as file:
            file.seek(1)
            found = json.loads(file.read())
        return f"process {int(found['pid'])} on {found['host']} (since {found['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def _in_use(folder: Path) -> InUseError:
    return InUseError(
        f"{folder} is in use by {_holder(folder)}. Two processes would spoil each other's files: wait until it has "
        "ended, end it, or choose another folder."
    )
