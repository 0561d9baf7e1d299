"""Making of folders before work begins, flushing to the disk, and the error where one cannot be written."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sys
from pathlib import Path

from otolith.errors import StorageError

_CURES = {
    errno.ENOSPC: "free some space there",
    errno.EDQUOT: "free some of your quota there",
    errno.EFBIG: "lift the limit on the size of files (`ulimit -f`)",
    errno.EACCES: "make the folder writable, or choose another folder",
    errno.EPERM: "make the folder writable, or choose another folder",
    errno.EROFS: "make the file system writable, or choose another folder",
    errno.ENOTDIR: "choose another folder",
    errno.ELOOP: "remove the link",
    errno.EBUSY: "choose another folder, or a new one within it",
    errno.EEXIST: "choose another folder",
    errno.ENOTEMPTY: "choose another folder, or remove what is there",
}
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})
"""Errors that only writing brings, and that are never the code's fault."""


def cannot_write(path: Path, error: OSError) -> StorageError:
    """Return the error for a file or folder of which nothing was put in place."""
    if error.errno == errno.ENOENT and not path.parent.exists():
        return StorageError(
            f"{path} cannot be written: its folder is not there. Make it, or find out what has removed it, then give "
            "the same command again."
        )
    cure = _CURES.get(error.errno or 0, "check the disk")
    room = ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        with contextlib.suppress(OSError):
            room = f"; {shutil.disk_usage(_existing(path)).free / 1e6:,.1f} MB are free"
    return StorageError(
        f"{path} cannot be written ({error.strerror or error}{room}). What was written before is whole: {cure}, then "
        "give the same command again (`run`, `pretrain` and `finetune` with --resume)."
    )


def make_folder(folder: Path) -> Path:
    """Make a folder with those above it, before work begins that writes into it; return it.

    Nothing else makes them: a folder that vanishes while it is written into is an error, and does not come back in
    silence without what it held.

    Raises:
        StorageError: it cannot be made.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as top:
    ...     make_folder(Path(top) / "a" / "b").is_dir()
    True
    """
    _make(folder, folder)
    return folder


def make_place(target: Path) -> Path:
    """Make the folder above a file or folder that is to be written, as `make_folder` does; return the target.

    Raises:
        StorageError: it cannot be made; names the target.
    """
    _make(target.parent, target)
    return target


def _make(folder: Path, named: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(named, error) from error


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.absolute().parents) if folder.exists())


def sync_all(folder: Path) -> None:
    """Wait until the disk has every file below a folder; several at a time, which it writes as fast as one."""
    from concurrent.futures import ThreadPoolExecutor  # here, like ctypes below: they take time to import

    paths = list(folder.rglob("*"))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(sync_file, (path for path in paths if path.is_file())))
    for path in (*(path for path in paths if path.is_dir()), folder):
        sync_folder(path)


def sync_file(file: Path) -> None:
    """Wait until the disk has what is in a file."""
    descriptor = os.open(file, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the names in a folder; systems that cannot open folders do without."""
    with contextlib.suppress(OSError):
        sync_file(folder)
