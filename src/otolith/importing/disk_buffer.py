"""A buffer on disk for the samples of recordings that are not written yet, so that many of them take little memory.

Its arrays lie in files without a name that are mapped into memory, whose pages the system may drop. A file is gone with
the last of its arrays, or with the process, however that ends.
"""

from __future__ import annotations

import errno
import math
import mmap
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from otolith.errors import DataError
from otolith.system.memory import mapped

FIRST_BYTES, MOST_BYTES = 16 << 20, 512 << 20
"""Size of the first file and of the largest; each is twice the one before, so that there are few of them."""
ALIGNED = 64
UNABLE = frozenset({errno.ENODEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP})
"""Answers of systems whose disk, such as a network share, does not offer what was asked of it."""

T = TypeVar("T", bound=np.generic)


class Keep(Protocol):
    """Put an array away and return an equal one."""

    def __call__(self, array: NDArray[T], /) -> NDArray[T]: ...


def in_memory(array: NDArray[T], /) -> NDArray[T]:
    """Leave an array where it is, as a `Keep`."""
    return array


class DiskBuffer:
    """Files in a folder that take arrays, one after the other."""

    def __init__(self, folder: Path, first_bytes: int = FIRST_BYTES) -> None:
        """Make nothing before the first array comes.

        Args:
            folder: on the disk that is to hold the arrays; it is there. Where that disk cannot map files, the system's
                folder for temporary files is taken.
            first_bytes: size of the first file.
        """
        self._folder = folder
        self._next_bytes = first_bytes
        self._page: NDArray[np.uint8] = np.empty(0, np.uint8)
        self._used = 0

    def keep(self, array: NDArray[T], /) -> NDArray[T]:
        """Return an equal array, read-only, that lies on disk.

        Raises:
            DataError: the folder cannot be written, or its disk is full.
        """
        if not array.size or mapped(array) is not None:
            return array
        kept: NDArray[T] = self.room(array.shape, array.dtype)
        kept[...] = array
        kept.flags.writeable = False
        return kept

    def room(self, shape: tuple[int, ...], dtype: np.dtype[T]) -> NDArray[T]:
        """Return an array on disk that is still to be filled.

        Raises:
            DataError: the folder cannot be written, or its disk is full.
        """
        n_bytes = math.prod(shape) * dtype.itemsize
        if self._used + n_bytes > self._page.size:
            size = -(-max(self._next_bytes, n_bytes) // mmap.ALLOCATIONGRANULARITY) * mmap.ALLOCATIONGRANULARITY
            self._page, self._used = self._mapped(size), 0
            self._next_bytes = min(2 * self._next_bytes, MOST_BYTES)
        found = self._page[self._used : self._used + n_bytes].view(dtype).reshape(shape)
        self._used += -(-n_bytes // ALIGNED) * ALIGNED
        return found

    def _mapped(self, size: int) -> NDArray[np.uint8]:
        try:
            try:
                return _map_of_file(self._folder, size)
            except OSError as error:
                if error.errno not in UNABLE:
                    raise
                self._folder = Path(tempfile.gettempdir())
                return _map_of_file(self._folder, size)
        except OSError as error:
            raise DataError(
                f"{self._folder}: cannot be written ({error.strerror or error}). Make room there, or choose another "
                "folder."
            ) from error


def _map_of_file(folder: Path, size: int) -> NDArray[np.uint8]:
    with tempfile.TemporaryFile(dir=folder, prefix=".otolith-import-") as file:
        _reserve(file, size)
        return np.frombuffer(mmap.mmap(file.fileno(), size), np.uint8)  # the map outlives the open file


def _reserve(file: IO[bytes], size: int) -> None:
    """Give a file all of its space now: where it lacked later, writing to a map of it would end the process."""
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(file.fileno(), 0, size)
            return
        except OSError as error:
            if error.errno not in UNABLE:
                raise
    zeros = bytes(1 << 20)
    for begin in range(0, size, len(zeros)):
        file.write(zeros[: size - begin])
    file.flush()


class Texts:
    """Texts of many rows, of which few differ: each once, and a number for each row."""

    def __init__(self, texts: Sequence[str], keep: Keep) -> None:
        numbers = {text: number for number, text in enumerate(dict.fromkeys(texts))}
        self._different = list(numbers)
        self._numbers = keep(np.fromiter((numbers[text] for text in texts), np.int32, len(texts)))

    def __getitem__(self, row: int) -> str:
        return self._different[int(self._numbers[row])]
