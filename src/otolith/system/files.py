"""Writing of files and folders that appear whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from otolith.errors import DataError
from otolith.system import exchange
from otolith.system.locking import UNSUPPORTED, release, take
from otolith.system.storage import FULL as FULL
from otolith.system.storage import cannot_write, sync_all, sync_file, sync_folder
from otolith.system.storage import make_folder as make_folder
from otolith.system.storage import make_place as make_place

LOCK = ".lock"
"""Name of the file in a folder whose lock says that a living process works there."""
OLD, NEW = "old", "new"
_PARTIAL, _FILES = ".partial-", ".*.part"


def write(path: Path, content: bytes | str, *, sync: bool = True, mode: int = 0o666) -> Path:
    """Write a whole file into a folder that is there, or leave the old one: never half of it.

    Args:
        sync: wait until the disk has it. Without, it is safe from a killed process but not from a power cut.
        mode: permissions of the new file, less those that the umask takes away.

    Raises:
        StorageError: it cannot be written; names the file and the cure.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(Path(folder) / "a.txt", "whole").read_text()
    'whole'
    """
    with whole_file(path, sync=sync, mode=mode) as partial:
        partial.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@contextlib.contextmanager
def whole_file(path: Path, *, sync: bool = True, mode: int = 0o666) -> Iterator[Path]:
    """Give an empty file beside `path` to be filled, which takes the name `path` when the block ends well.

    What killed processes left half-written of the same file is removed.

    Args:
        sync, mode: as for `write`.

    Raises:
        StorageError: an OSError came up; `path` is as it was before, and nothing is left beside it.
    """
    partial, held = path, -1
    try:
        _remove_dead_files(path)
        partial, held = _new_partial(path, mode)
        yield partial
        if sync:
            sync_file(partial)
        os.replace(partial, path)
        if sync:
            sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        if partial != path:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
        if held >= 0:
            release(held)


@contextlib.contextmanager
def whole_folder(target: Path, *, replace: bool = False) -> Iterator[Path]:
    """Give an empty folder on the disk of `target`, which takes the name `target` when the block ends well.

    The disk then has every file in it. Whoever looks, and whenever a process is killed, finds the old folder or the
    new one under the name `target`, whole. Several processes may write the same target at once: the last one stays.
    What killed ones left half-written is removed when the same target is written again.

    Args:
        target: the folder to make; the one above it is there (`make_folder`).
        replace: take the place of what is there; otherwise `target` must be missing or an empty folder.

    Raises:
        StorageError: an OSError came up, also in the block, or `target` is `exchange.irreplaceable`; it is as it was
            before.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     with whole_folder(Path(parent) / "target") as folder:
    ...         (folder / "a.txt").write_text("whole")
    ...     [path.name for path in Path(parent).rglob("*")]
    5
    ['target', 'a.txt']
    """
    named = target
    try:
        target = Path(os.path.realpath(target))
        if reason := exchange.irreplaceable(target):
            raise OSError(errno.EBUSY, f"it is {reason}")
        restore(target)
        if not replace and _holds_something(target):
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY))
        with _aside(target) as aside:
            new = aside / NEW
            new.mkdir()
            yield new
            sync_all(new)
            if replace:
                exchange.put_in_place(new, target, aside / OLD)  # `_clear` brings the old one back if that fails
            else:
                if sys.platform == "win32" and target.exists():
                    target.rmdir()
                os.rename(new, target)
            sync_folder(target.parent)
    except OSError as error:
        raise cannot_write(named, error) from error


def put_folder(folder: Path, target: Path) -> None:
    """Move a folder to `target`, in place of what is there, as `whole_folder` does.

    Raises:
        StorageError: it cannot be done; `target` is as it was before.
    """
    with whole_folder(target, replace=True) as place:
        place.rmdir()
        exchange.move(folder, place)


def discard(folder: Path) -> None:
    """Remove a folder that is no longer needed, if it can be, its name first: what remains, `restore` removes."""
    folder = Path(os.path.realpath(folder))
    restore(folder)
    with contextlib.suppress(OSError):
        if folder.is_dir():
            with _aside(folder) as aside:
                os.rename(folder, aside / NEW)
    shutil.rmtree(folder, ignore_errors=True)  # where a file that is open cannot be moved (Windows)


def refuse_existing(target: Path) -> None:
    """Make sure, before long work for `target` begins, that nothing would be replaced; do what `restore` does.

    Raises:
        DataError: it is a file, a folder that holds something, the working folder or a mounted disk.
    """
    restore(target)
    if reason := exchange.irreplaceable(target):
        raise DataError(f"{target} is {reason}. Choose a new one within it with --out.")
    if _holds_something(target):
        raise DataError(f"{target} exists already. Choose another place with --out, or remove this one first.")


def restore(target: Path) -> None:
    """Remove what killed writers of the folder `target` left beside it; bring it back where they had moved it away."""
    target = Path(os.path.realpath(target))
    for aside in _asides(target.parent, target.name):
        _remove_dead(aside)


def restore_all(folder: Path) -> None:
    """Do what `restore` does for every folder in `folder`."""
    for aside in _asides(folder):
        _remove_dead(aside)


def sweep(folder: Path) -> None:
    """Remove what killed processes left half-written in `folder`.

    For who holds the claim on it: files that a living process is writing look alike.
    """
    restore_all(folder)
    for left in folder.glob(_FILES):
        with contextlib.suppress(OSError):
            left.unlink()


def half_written(folder: Path) -> list[Path]:
    """Return the files and folders in `folder` that are being written, or that killed processes left."""
    return [*folder.glob(_FILES), *_asides(folder)]


def _new_partial(path: Path, mode: int) -> tuple[Path, int]:
    """Make an empty file beside `path`, under this process's lock, by which a later one knows that this one lives.

    Where files have no locks, or a lock would keep their writer out (Windows), the descriptor is -1.
    """
    while True:
        partial = path.with_name(f".{path.name}.{_unique()}.part")
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
        if sys.platform == "win32":
            return partial, -1
        try:
            held = take(partial, create=False)
        except FileNotFoundError:  # a sweep came before the lock: once more
            continue
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                raise
            return partial, -1
        if held is not None:
            return partial, held


def _remove_dead_files(path: Path) -> None:
    """Remove what killed writers of the file `path` left beside it; the parts of living ones are locked."""
    own = re.compile(re.escape(f".{path.name}.") + r"\d+-[0-9a-f]{8}\.part")
    if sys.platform == "win32":
        return
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        with contextlib.suppress(OSError):  # somebody else has removed it
            if own.fullmatch(left.name) and (held := take(left, create=False)) is not None:
                for part in (*left.parent.glob(f"{glob.escape(left.name)}.*"), left):
                    part.unlink(missing_ok=True)
                release(held)


def _unique() -> str:
    return f"{os.getpid()}-{os.urandom(4).hex()}"


def _asides(folder: Path, name: str | None = None) -> list[Path]:
    return list(folder.glob(f".{'*' if name is None else glob.escape(name)}{_PARTIAL}*"))


def _holds_something(target: Path) -> bool:
    return os.path.lexists(target) and (not target.is_dir() or any(target.iterdir()))


@contextlib.contextmanager
def _aside(target: Path) -> Iterator[Path]:
    """A hidden folder beside `target` under this process's lock, by which a later one knows that this one lives."""
    held: int | None = None
    while held is None:
        aside = target.with_name(f".{target.name}{_PARTIAL}{_unique()}")
        aside.mkdir(0o700)
        try:
            held = take(aside / LOCK)
        except FileNotFoundError:  # a sweep came before the lock: once more
            continue
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                shutil.rmtree(aside, ignore_errors=True)
                raise
            held = -1
    try:
        yield aside
    finally:
        _clear(aside, target)
        if held >= 0:
            release(held)
            _remove_lock(aside)


def _remove_dead(aside: Path) -> None:
    with contextlib.suppress(OSError):  # also where the file system has no locks: nobody can tell who lives
        try:
            held = take(aside / LOCK, create=False)
        except FileNotFoundError:
            aside.rmdir()  # killed before it took the lock, or about to take it: then it makes another one
            return
        if held is not None:
            _clear(aside, aside.with_name(aside.name[1:].rpartition(_PARTIAL)[0]))
            release(held)
            _remove_lock(aside)


def _clear(aside: Path, target: Path) -> None:
    """Remove `aside`, but never the last copy of `target`, which is brought back."""
    old = aside / OLD
    if os.path.lexists(old) and not os.path.lexists(target):
        try:
            os.rename(old, target)
        except OSError:
            return  # it stays here until the next one who can
    for part in (old, aside / NEW, aside):  # the lock goes last: by it another process knows what it may remove
        shutil.rmtree(part, ignore_errors=True)


def _remove_lock(aside: Path) -> None:
    """Remove the rest of `aside`, where a file that is open cannot be removed (Windows)."""
    if not os.path.lexists(aside / OLD):
        shutil.rmtree(aside, ignore_errors=True)
