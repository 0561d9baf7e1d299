"""Files and folders that appear whole or not at all, and what to say where one cannot be written."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from otolith.errors import StorageError

_CURES = {
    errno.ENOSPC: "free some space there",
    errno.EDQUOT: "free some of your quota there",
    errno.EFBIG: "lift the limit on the size of files (`ulimit -f`)",
    errno.EACCES: "make the folder writable, or choose another --out folder",
    errno.EPERM: "make the folder writable, or choose another --out folder",
    errno.EROFS: "make the file system writable, or choose another --out folder",
    errno.ENOTDIR: "choose another --out folder",
    errno.EEXIST: "choose another --out folder",
}
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})
"""Errors that only writing brings, and that are never the code's fault."""


def cannot_write(path: Path, error: OSError) -> StorageError:
    """The error for a file of which nothing was put in place."""
    cure = _CURES.get(error.errno or 0, "check the disk")
    room = ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        with contextlib.suppress(OSError):
            room = f"; {shutil.disk_usage(_existing(path)).free / 1e6:,.1f} MB are free"
    return StorageError(
        f"{path} cannot be written ({error.strerror or error}{room}). What was written before is whole: {cure}, then "
        "give the same command again (`run`, `pretrain` and `finetune` with --resume)."
    )


def write(path: Path, content: bytes | str, *, sync: bool = True) -> Path:
    """Write a whole file, or leave the old one: never half of it.

    Args:
        sync: wait until the disk has it. Without, it is safe from a killed process but not from a power cut.

    Raises:
        StorageError: it cannot be written; names the file and the cure.
    """
    blob = content.encode() if isinstance(content, str) else content
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        put(partial, blob, sync=sync)
        os.replace(partial, path)
        if sync:
            sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    return path


def put(path: Path, blob: bytes, *, sync: bool = True) -> None:
    """Write a file and, with `sync`, wait until the disk has it; for files of a folder that is not in place yet."""
    with path.open("wb") as file:
        file.write(blob)
        if sync:
            file.flush()
            os.fsync(file.fileno())


@contextlib.contextmanager
def whole_folder(target: Path, partial: Path) -> Iterator[Path]:
    """Give `partial`, empty, to be filled with `put`, and rename it to `target` in the end, in place of what is there.

    Whatever goes wrong before that, `target` stays as it was and `partial` is removed.

    Raises:
        StorageError: something cannot be written; names `target` and the cure.
    """
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        yield partial
        sync_folder(partial)
        if target.exists():
            shutil.rmtree(target)
        os.rename(partial, target)
        sync_folder(target.parent)
    except OSError as error:
        raise cannot_write(target, error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def sweep(folder: Path, name: str = "*") -> None:
    """Remove what killed processes left half-written in `folder`, of all targets or the one of a name.

    For who holds the folder's lock: what a living process is writing looks alike.
    """
    for left in half_written(folder, name):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                left.unlink()


def half_written(folder: Path, name: str = "*") -> list[Path]:
    """What `sweep` removes."""
    return [*folder.glob(f".{name}.*.part"), *folder.glob(f".{name}.partial-*")]


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the names in a folder; systems that cannot open folders need no such thing."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.absolute().parents) if folder.exists())
