"""Exclusive locks of the operating system on files; they end with the process that holds them, however it ends."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

UNSUPPORTED = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP})
"""Errors of file systems that have no locks."""
NO_LINK = getattr(os, "O_NOFOLLOW", 0)
"""Flag by which a link is not followed: in a stranger's folder it may lead to a file of the user's."""


def take(path: Path, *, create: bool = True) -> int | None:
    """Return a descriptor of the file `path` that holds its lock, or None where another holds it.

    `release` gives it back. The file may be removed before that: who waits for the removed one looks for a new one.

    Raises:
        OSError: the file cannot be opened or is a link, or its file system has no locks (`UNSUPPORTED`).
    """
    from filelock import lock_descriptor  # here: it takes time to import

    while True:
        descriptor = os.open(path, os.O_RDWR | NO_LINK | (os.O_CREAT if create else 0), 0o666)
        try:
            locked = lock_descriptor(descriptor, blocking=False)
            if locked and is_at(descriptor, path):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        if not locked:
            return None


def release(descriptor: int) -> None:
    """Give the lock of an open file back, also where forked processes have the file open, and close it."""
    from filelock import unlock_descriptor

    with contextlib.suppress(OSError):  # a file system without locks
        unlock_descriptor(descriptor)
    os.close(descriptor)


def is_at(descriptor: int, path: Path) -> bool:
    """Tell whether an open file is the one that has the name `path`."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except OSError:
        return False
