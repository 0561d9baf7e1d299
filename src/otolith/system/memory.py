"""Memory that is left for what comes next."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)
"""Limit and use of a container's memory, of both kinds that Linux has."""


def available_bytes() -> int:
    """Return the bytes that this process may still take without pushing another out, within a container's limit."""
    import psutil

    free = int(psutil.virtual_memory().available)
    for limit, used in CGROUPS:
        try:
            left = int(Path(limit).read_text()) - int(Path(used).read_text())
        except (OSError, ValueError):  # none there, or "max"
            continue
        free = min(free, left + _reclaimable(Path(limit).parent))
    return max(free, 0)


def _reclaimable(group: Path) -> int:
    """Bytes of files that the container's use counts and that give way to whatever needs the room."""
    try:
        figures = dict(line.split()[:2] for line in (group / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        return 0
    return sum(int(figures.get(name, 0)) for name in ("inactive_file", "active_file"))


def mapped(array: NDArray[Any]) -> mmap.mmap | None:
    """Return the map of a file that an array lies in; None for one in memory."""
    base: Any = array
    while (beneath := getattr(base, "base", None)) is not None:  # of an array, and of what a strided view stands on
        base = beneath
    base = base.obj if isinstance(base, memoryview) else base
    return base if isinstance(base, mmap.mmap) else None


def release(array: NDArray[Any]) -> None:
    """Let the system take back the pages of an array that lies in a file; its values stay.

    Nothing is done for one in memory, or where the system does not offer this.
    """
    found = mapped(array)
    if found is not None and hasattr(mmap, "MADV_DONTNEED"):
        found.madvise(mmap.MADV_DONTNEED)


def trim() -> None:
    """Give freed memory back to the system where the C library keeps it, as glibc does between pieces still in use."""
    if (give := _trimmer()) is not None:
        give(0)


@cache
def _trimmer() -> Callable[[int], int] | None:
    import platform

    if platform.libc_ver()[0] != "glibc":
        return None
    import ctypes  # here: it takes time to import

    found: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    return found


def on_disk(n: int, dtype: type[np.generic]) -> NDArray[Any]:
    """Return an array (n,) whose pages the system may put on disk: it lies in a temporary file without a name.

    Where there is no room for the file, it lies in memory.
    """
    n_bytes = n * np.dtype(dtype).itemsize
    if not n or not hasattr(os, "posix_fallocate"):
        return np.empty(n, dtype)
    try:
        with tempfile.TemporaryFile(prefix=".otolith-") as file:
            os.posix_fallocate(file.fileno(), 0, n_bytes)  # a full disk is found here, and not at a page
            return np.frombuffer(mmap.mmap(file.fileno(), n_bytes), dtype)
    except OSError:
        return np.empty(n, dtype)


def announce(array: NDArray[Any], rows: NDArray[np.int64]) -> None:
    """Have the system read rows of an array that lies in a file, all at once, while something else is done.

    Rows in random order of a file beyond memory otherwise wait for the disk one after the other. Nothing is done for
    an array in memory, or where the system does not offer this.

    Args:
        array: (n, ...), each row in one piece.
    """
    advise = _advise()
    if advise is None or not len(rows):
        return
    begin, stride, n_bytes = array.ctypes.data, array.strides[0], array[:1].nbytes
    for row in rows.tolist():
        advise(*_pages(begin + row * stride, n_bytes), mmap.MADV_WILLNEED)


@contextmanager
def read_at_random(arrays: Sequence[NDArray[Any]]) -> Iterator[None]:
    """Tell the system that arrays that lie in files are not read in their order, so that it reads no rows around one.

    Args:
        arrays: each in one piece.
    """
    advise = _advise()
    if advise is None:
        yield
        return
    whole = [_pages(array.ctypes.data, array.nbytes) for array in arrays if array.nbytes]
    try:
        for pages in whole:
            advise(*pages, mmap.MADV_RANDOM)
        yield
    finally:
        for pages in whole:
            advise(*pages, mmap.MADV_NORMAL)


def _pages(begin: int, n_bytes: int) -> tuple[int, int]:
    """Return where the page of an address begins, and the bytes from there to the end of a piece of memory."""
    page = begin // mmap.PAGESIZE * mmap.PAGESIZE
    return page, begin + n_bytes - page


@cache
def _advise() -> Callable[[int, int, int], int] | None:
    """Return the C library's `madvise`, which takes an address as `mmap.madvise` does not, or None without one."""
    if not hasattr(mmap, "MADV_WILLNEED"):
        return None
    import ctypes  # here: it takes time to import

    advise = ctypes.CDLL(None).madvise
    advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    found: Callable[[int, int, int], int] = advise
    return found
