"""Reading of files that a stranger may have made: regular files alone, of a bounded size."""

from __future__ import annotations

import errno
import os
import stat
import tokenize
import zipfile
import zlib
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

MOST_BYTES = 2 * 2**30
"""Size of the largest file that is read where nobody names a smaller one."""
MOST_LONG = 32 * 2**30
"""Size of the largest file that is read a piece at a time."""
MOST_TEXT = 64 * 2**20
"""Size of the largest file of settings or descriptions."""
DAMAGED_ARRAY = (
    *(ValueError, SyntaxError, EOFError, OverflowError, MemoryError, RecursionError),
    *(tokenize.TokenError, zipfile.BadZipFile, zlib.error),
)
"""Errors of `numpy.load` where a file is not as it should be: its header is parsed as Python is."""
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


def open_regular(path: str | os.PathLike[str], most: int = MOST_BYTES) -> BufferedReader:
    """Open a file for reading if it is a regular one, or a link to one, and holds at most `most` bytes.

    Nothing else can make the caller wait, or fill its memory: a named pipe, a device, or a file with a long hole.

    Raises:
        OSError: it is none, is too long, or cannot be opened; `strerror` says so.

    >>> open_regular("/")
    Traceback (most recent call last):
    IsADirectoryError: [Errno 21] it is a folder, where a regular file was expected: '/'
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            kind = stat.S_IFMT(found.st_mode)
            number = errno.EISDIR if kind == stat.S_IFDIR else errno.EINVAL
            raise OSError(number, f"it is {_KINDS.get(kind, 'special')}, where a regular file was expected", str(path))
        if found.st_size > most:
            text = f"it holds {found.st_size:,} bytes, more than the {most:,} that are read of such a file"
            raise OSError(errno.EINVAL, text, str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def reason_of(error: BaseException) -> str:
    """Return what an error says that unpacking raised.

    >>> reason_of(MemoryError()), reason_of(EOFError("it breaks off"))
    ('it asks for more memory than there is', 'it breaks off')
    """
    return "it asks for more memory than there is" if isinstance(error, MemoryError) else str(error)


def read_bytes(path: str | os.PathLike[str], most: int = MOST_BYTES) -> bytes:
    """Return the content of a regular file of at most `most` bytes.

    Raises:
        OSError: as `open_regular` raises it, or the file cannot be read.
    """
    with open_regular(path, most) as file:
        return file.read(os.fstat(file.fileno()).st_size)


def read_text(path: str | os.PathLike[str], most: int = MOST_TEXT) -> str:
    """Return the content of a regular file of at most `most` bytes as text in UTF-8.

    Raises:
        OSError: as `open_regular` raises it, or the file cannot be read.
        UnicodeDecodeError: it is not UTF-8.
    """
    return read_bytes(path, most).decode("utf-8")


def check_regular(path: str | os.PathLike[str], most: int = MOST_BYTES) -> Path:
    """Return `path` if it is a file that `open_regular` opens, for libraries that open files themselves.

    Raises:
        OSError: as `open_regular` raises it.
    """
    open_regular(path, most).close()
    return Path(path)


def csv_rows(content: bytes, **options: Any) -> pl.DataFrame:
    r"""Return the rows of a table without a header, by `polars.read_csv` with further `options`.

    polars unpacks bytes that begin as gzip, zlib or Zstandard do, which a text may, too. An empty line before them,
    which it leaves out again, makes all bytes text.

    Raises:
        polars.exceptions.PolarsError: the bytes are no such table.

    >>> import polars as pl
    >>> csv_rows(b"x^,1\nx^,2\n", schema={"a": pl.String, "b": pl.Int64})["b"].to_list()
    [1, 2]
    """
    import polars as pl

    packed = content.startswith((b"\x1f\x8b", b"x\x01", b"x^", b"x\x9c", b"x\xda", b"\x28\xb5\x2f\xfd"))
    return pl.read_csv(b"\n" + content if packed else content, has_header=False, skip_rows=int(packed), **options)
