"""Rows of numbers that grow on disk, and are then an array that lies in a file."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from otolith.errors import DataError


class Spool:
    """A file without a name that takes rows of one width and type, and is gone with the arrays of it.

    >>> spool = Spool(Path("."))
    >>> spool.add(np.ones((2, 3)))
    >>> spool.add(np.zeros((1, 3)))
    >>> rows = spool.array()
    >>> spool.close()
    >>> rows.tolist()
    [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]
    """

    def __init__(self, folder: Path) -> None:
        """Make the file.

        Raises:
            DataError: `folder` cannot be written.
        """
        self._folder, self._n = folder, 0
        self._shape: tuple[int, ...] = ()
        self._dtype: np.dtype[Any] = np.dtype(np.float64)
        try:
            self._file = tempfile.TemporaryFile(dir=folder, prefix=".otolith-import-")  # noqa: SIM115  closed by `close`
        except OSError as error:
            raise self._full(error) from error

    def add(self, rows: NDArray[Any]) -> None:
        """Append rows (n, ...).

        Raises:
            DataError: the disk is full.
        """
        self._shape, self._dtype = rows.shape[1:], rows.dtype
        try:
            self._file.write(np.ascontiguousarray(rows).data)
        except OSError as error:
            raise self._full(error) from error
        self._n += len(rows)

    def array(self) -> NDArray[Any]:
        """Return all rows.

        Raises:
            DataError: the disk is full, or cannot map files.
        """
        try:
            self._file.flush()
            return np.asarray(np.memmap(self._file, self._dtype, "r+", shape=(self._n, *self._shape)))
        except (OSError, ValueError) as error:
            raise self._full(error) from error

    def close(self) -> None:
        """Close the file, which stays for as long as an array of it does."""
        self._file.close()

    def _full(self, error: Exception) -> DataError:
        return DataError(
            f"{self._folder}: cannot be written ({getattr(error, 'strerror', None) or error}). Make room there, or "
            "choose another folder."
        )
