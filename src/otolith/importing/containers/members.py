"""One file of a source, wherever it lies, and the limits on what it may grow into."""

from __future__ import annotations

import gzip
import io
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import IO

from otolith.errors import DataError
from otolith.system.memory import available_bytes
from otolith.system.reading import MOST_LONG, open_regular, reason_of

MAX_FILE_BYTES = 2 << 30
"""Bytes of a file that is read whole, or unpacked."""
WHOLE_TIMES, WHOLE_FROM_BYTES = 12, 64 << 20
"""Memory that a text takes while it is read whole, in sizes of that text; smaller ones are not asked about."""
MAX_LONG_BYTES = MOST_LONG
"""Bytes of a file on disk that can be read in blocks."""
MAX_TOTAL_BYTES = 64 << 30
MAX_RATIO = 300
"""Largest ratio of the bytes in an archive to their compressed size; text of sensors stays below 30."""
WHOLE_RATIO = 60
"""The same of a text that has to be read whole, from `WHOLE_FROM_BYTES` on."""
RATIO_FROM_BYTES = 10 << 20
"""Smaller files may be as compressible as they like: a quiet sensor's text is."""
CHUNK_BYTES = 1 << 20
DAMAGED = (
    *(zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError, RuntimeError),
    *(zlib.error, LZMAError, MemoryError),
)
"""Errors of zipfile and gzip where an archive is not as it should be; one may ask for any memory."""

Opener = Callable[[], AbstractContextManager[IO[bytes]]]
"""Opens a file for reading from its beginning, and turns what fails meanwhile into a `DataError`."""


class TooMuch(DataError):
    """All files together are too large, whichever of them would be left out."""


@dataclass
class Budget:
    """Bytes that all files of an import unpack to, counted as they become known."""

    used: int = 0
    _known: set[str] = field(default_factory=set)

    def take(self, where: str, size: int) -> None:
        """Count a file in, once.

        Raises:
            TooMuch: it is more than `MAX_TOTAL_BYTES` in all.
        """
        if where in self._known:
            return
        self._known.add(where)
        self.used += size
        if self.used > MAX_TOTAL_BYTES:
            raise TooMuch(
                f"{where}: with it the sources expand beyond {MAX_TOTAL_BYTES:,} bytes. Import them in parts."
            )


@dataclass(frozen=True)
class Member:
    """One file: `place` is its path below the source, `where` names it in messages.

    `size` is what it holds, None where only reading it tells; `packed` the bytes it takes where it lies. `path` is the
    file on disk that is just this file, None within archives. `archive` is the folder that stands for the archive it
    was in.
    """

    source: Path
    place: PurePosixPath
    where: str
    size: int | None
    packed: int
    opened: Opener
    budget: Budget = field(default_factory=Budget)
    path: Path | None = None
    archive: PurePosixPath | None = None

    def read_some(self, most: int) -> bytes:
        """Return its first bytes, as many as asked for.

        Raises:
            DataError: it cannot be read.
        """
        with self.opened() as stream:
            return stream.read(most)

    def read(self) -> bytes:
        """Return all of it.

        Raises:
            DataError: it cannot be read, holds another number of bytes than it declares, or breaks a limit.
        """
        self.refuse_long("all of it is needed at once")
        if self.size is not None:
            return b"".join(self.chunks(self.size + 1))  # one piece
        content = io.BytesIO()
        for piece in self.chunks():
            content.write(piece)
        return content.getvalue()

    def refuse_long(self, reason: str) -> None:
        """Refuse what cannot be read in blocks, for a reason, and is too large to be read whole.

        Raises:
            DataError: it is larger than `MAX_FILE_BYTES`, has grown too much, or needs more memory than is free.
        """
        size = self.size or self.packed
        if size > WHOLE_FROM_BYTES and size > WHOLE_RATIO * self.packed:
            raise DataError(
                f"{self.where}: {self.packed:,} bytes expand to {size:,}, more than {WHOLE_RATIO} times, and have "
                f"to be read as a whole ({reason}). If the file is sound, unpack it yourself and name the folder."
            )
        if size > WHOLE_FROM_BYTES and WHOLE_TIMES * size > (free := available_bytes()):
            raise DataError(
                f"{self.where}: {size:,} bytes have to be read as a whole ({reason}), for which about "
                f"{WHOLE_TIMES * size / 1e9:.1f} GB of memory are needed, and {free / 1e9:.1f} GB are free. Split it, "
                "or end what else takes memory."
            )
        if size > MAX_FILE_BYTES:
            raise DataError(
                f"{self.where}: {size:,} bytes, over the limit of {MAX_FILE_BYTES:,} for files "
                f"that cannot be read in blocks ({reason}). Split it."
            )

    def chunks(self, length: int = CHUNK_BYTES) -> Iterator[bytes]:
        """Yield all of it in pieces, under the same conditions as `read`."""
        most, total = self._most(), 0
        with self.opened() as stream:
            while piece := stream.read(min(length, most + 1 - total)):  # what was declared and checked, not more
                total += len(piece)
                if total > most:
                    break
                yield piece
        if self.size is None:
            check_growth(self.where, self.packed, total)
            self.budget.take(self.where, total)
        elif total != self.size:
            raise DataError(f"{self.where}: {total:,} bytes, expected {self.size:,}. Export it again.")

    @contextmanager
    def seekable(self) -> Iterator[IO[bytes]]:
        """Open it so that any place can be read; what lies in an archive is unpacked to a file without a name.

        Raises:
            DataError: as `read`; or there is no room to unpack it.
        """
        if self.path is not None:
            with self.opened() as stream:
                yield stream
            return
        with tempfile.TemporaryFile(prefix=".otolith-import-") as file:
            self.unpack(file)
            yield file

    def unpack(self, file: IO[bytes]) -> None:
        """Write all of it to a temporary file, which is then at its beginning.

        Raises:
            DataError: as `read`; or there is no room for it.
        """
        for piece in self.chunks():
            try:
                file.write(piece)
            except OSError as error:
                raise DataError(
                    f"{tempfile.gettempdir()}: cannot be written ({error.strerror or error}), and {self.where} has to "
                    "be unpacked there. Make room, or unpack it yourself."
                ) from error
        file.seek(0)

    def _most(self) -> int:
        return self.size if self.size is not None else most_of(self.packed)

    @property
    def named(self) -> bool:
        """True where the user named this very file, rather than a folder or an archive that holds it."""
        return self.where == str(self.source)

    @property
    def kind(self) -> str:
        return self.place.suffix.lower()


def most_of(packed: int) -> int:
    """Return the largest number of bytes that so many packed bytes may become."""
    return min(MAX_FILE_BYTES, max(RATIO_FROM_BYTES, MAX_RATIO * packed))


def check_size(where: str, size: int, most: int | None = None) -> None:
    """Refuse what is too large for one file.

    Raises:
        DataError: it is larger than `most`, by default `MAX_FILE_BYTES`.
    """
    most = MAX_FILE_BYTES if most is None else most
    if size > most:
        raise DataError(f"{where}: {size:,} bytes, over the limit of {most:,} for one table. Split it.")


def check_growth(where: str, packed: int, size: int) -> None:
    """Refuse what becomes too large in unpacking.

    Raises:
        DataError: it is larger than `MAX_FILE_BYTES`, or more than `MAX_RATIO` times as large as it was.
    """
    check_size(where, size)
    if size > max(RATIO_FROM_BYTES, MAX_RATIO * packed):
        raise DataError(
            f"{where}: {packed:,} bytes claim to expand to {size:,}, more than {MAX_RATIO} times as much. If the file "
            "is sound, unpack it yourself and name the folder."
        )


@dataclass(frozen=True)
class OpenFile:
    """Opens a regular file."""

    path: Path

    @contextmanager
    def __call__(self) -> Iterator[IO[bytes]]:
        try:
            with open_regular(self.path, MOST_LONG) as stream:
                yield stream
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read ({error.strerror or error}). Check the file.") from error


@dataclass(frozen=True)
class OpenGzip:
    """Opens a file that gzip packed."""

    where: str
    packed: Opener

    @contextmanager
    def __call__(self) -> Iterator[IO[bytes]]:
        with self.packed() as outer:
            try:
                with gzip.GzipFile(fileobj=outer) as stream:
                    yield stream  # type: ignore[misc]  # it reads as a file does
            except DAMAGED as error:
                raise DataError(f"{self.where}: cannot be unpacked ({reason_of(error)}). Export it again.") from error
