"""Putting of a folder in the place of another, in one step where the system can exchange two names."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # of <fcntl.h> and <linux/fs.h>


def put_in_place(new: Path, target: Path, old: Path) -> None:
    """Give `new` the name `target`; what has that name moves to `old`, or takes the name `new` in exchange.

    Another process may do the same with a folder of its own, at any moment: the last one stays.

    Raises:
        OSError: it cannot be done; what was at `target` is there, or at `old`.
    """
    while True:
        if os.path.lexists(target):
            if exchanged(new, target):
                return
            with suppress(FileNotFoundError):  # another process has moved it
                move(target, old)
        try:
            os.rename(new, target)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            shutil.rmtree(old, ignore_errors=True)  # another process's folder has come in between: once more
        else:
            return


def move(folder: Path, to: Path) -> None:
    """Rename a folder; one on another disk, or of a container's image, is copied and then removed."""
    try:
        os.rename(folder, to)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.copytree(folder, to, symlinks=True)
        shutil.rmtree(folder)


def irreplaceable(target: Path) -> str:
    """Return what a folder is that no new one may take the place of; an empty text where one may."""
    place = os.path.realpath(target)
    if os.path.ismount(place):
        return "the root of a mounted disk"
    with suppress(FileNotFoundError):  # the working folder has been removed
        if Path.cwd().is_relative_to(place):
            return "the folder that this process works in"
    return ""


def exchanged(one: Path, other: Path) -> bool:
    """Exchange two names in one step, where the system and the file system can; otherwise do nothing."""
    if sys.platform != "linux":
        return False
    import ctypes  # here: it takes time to import

    try:
        exchange = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    return bool(exchange(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0)
