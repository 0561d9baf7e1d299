"""Archives, zip and tar, also within archives: what lies in them, read from where it lies, within limits.

An archive in an archive is unpacked to a file without a name, which is gone with the process however that ends. Names
that lead out, links and encryption are refused before anything is read.
"""

from __future__ import annotations

import stat
import tarfile
import tempfile
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any, NamedTuple

from otolith.errors import DataError
from otolith.importing.containers import members
from otolith.importing.containers.members import Member, Opener
from otolith.system.reading import open_regular, reason_of

ZIP, TAR = ".zip", ".tar"
MAX_ENTRIES = 100_000
MAX_DEPTH = 3
"""Archives around a file: one, one within it, and one within that."""
KEPT_OPEN = 4
DAMAGED = (*members.DAMAGED, tarfile.TarError)


class Entry(NamedTuple):
    """A file in an archive: its path in it, what it holds, the bytes that takes there, and how it is opened."""

    place: PurePosixPath
    size: int
    packed: int
    opened: Opener
    encrypted: bool


Listed = tuple[PurePosixPath, Any, int, int, bool]
"""Path, the archive's own description, size, packed size, and whether it is encrypted."""


class Archives:
    """The archives of an import, of which the last ones stay open until it is closed. Another process opens its own."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, tuple[zipfile.ZipFile | tarfile.TarFile, IO[bytes]]] = OrderedDict()
        self._entries = 0

    def __reduce__(self) -> tuple[type[Archives], tuple[()]]:
        return Archives, ()

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Close all of them."""
        while self._open:
            self._forget()

    def entries(self, member: Member, depth: int) -> Iterator[Entry]:
        """Yield the files in an archive.

        Args:
            member: the archive.
            depth: archives that it lies in.

        Raises:
            DataError: it is damaged or encrypted, lies within too many others, holds too many files, a link or a name
                that leads out of it.
        """
        where = member.where
        if depth >= MAX_DEPTH:
            raise DataError(
                f"{where}: lies in {depth} archives, of which {MAX_DEPTH - 1} are opened. Unpack the outer."
            )
        archive = self._opened(member)
        try:
            listed = list(_zipped(archive, where) if isinstance(archive, zipfile.ZipFile) else _tarred(archive, where))
        except DAMAGED as error:
            raise _damaged(member, error) from error
        self._entries += len(listed)
        if self._entries > MAX_ENTRIES:
            raise DataError(
                f"{where}: with it there are {self._entries:,} files in archives, over the limit of {MAX_ENTRIES:,}. "
                "Unpack it, and import parts."
            )
        for place, info, size, packed, encrypted in listed:
            yield Entry(place, size, packed, OpenEntry(self, member, info, f"{where}: {place}"), encrypted)

    def stream(self, member: Member, key: zipfile.ZipInfo | tarfile.TarInfo) -> IO[bytes]:
        """Open a file in an archive; `key` is what the archive knows it by."""
        archive = self._opened(member)
        if isinstance(archive, zipfile.ZipFile):
            assert isinstance(key, zipfile.ZipInfo)
            return archive.open(key)
        assert isinstance(key, tarfile.TarInfo)
        return tarfile.ExFileObject(archive, key)

    def _opened(self, member: Member) -> zipfile.ZipFile | tarfile.TarFile:
        if member.where in self._open:
            self._open.move_to_end(member.where)
            return self._open[member.where][0]
        file = self._file(member)
        try:
            archive = zipfile.ZipFile(file) if member.kind == ZIP else tarfile.TarFile(fileobj=file)
        except DAMAGED as error:
            file.close()
            raise _damaged(member, error) from error
        while len(self._open) >= KEPT_OPEN:
            self._forget()
        self._open[member.where] = archive, file
        return archive

    def _file(self, member: Member) -> IO[bytes]:
        """Return the archive as a file in which any place can be read."""
        if member.path is not None:
            try:
                return open_regular(member.path, members.MAX_TOTAL_BYTES)
            except OSError as error:
                raise _damaged(member, error) from error
        file = tempfile.TemporaryFile(prefix=".otolith-import-")  # noqa: SIM115 - it stays open
        try:
            member.unpack(file)
        except BaseException:
            file.close()
            raise
        return file

    def _forget(self) -> None:
        for each in self._open.popitem(last=False)[1]:
            each.close()


def _damaged(member: Member, error: BaseException) -> DataError:
    return DataError(
        f"{member.where}: cannot be read as a {member.kind[1:]} archive ({reason_of(error)}). Export it again."
    )


def _zipped(archive: zipfile.ZipFile, where: str) -> Iterator[Listed]:
    for entry in _few(archive.infolist(), where):
        # ZipInfo cuts names at a NUL and turns the system's separators; the original says what the archive wanted
        place = _checked(where, entry.orig_filename, link=stat.S_ISLNK(entry.external_attr >> 16))
        if not entry.is_dir():
            yield place, entry, entry.file_size, entry.compress_size, bool(entry.flag_bits & 0x1)


def _tarred(archive: tarfile.TarFile, where: str) -> Iterator[Listed]:
    for number, entry in enumerate(archive):
        if number >= MAX_ENTRIES:
            raise _too_many(where, number)
        place = _checked(where, entry.name, link=entry.issym() or entry.islnk())
        if entry.isreg() and not entry.issparse():  # of a sparse file the holes take no room, and may be endless
            key = tarfile.TarInfo(entry.name)  # without its archive, which stays in this process
            key.offset_data, key.size, key.sparse = entry.offset_data, entry.size, None
            yield place, key, entry.size, entry.size, False


def _few(entries: list[zipfile.ZipInfo], where: str) -> list[zipfile.ZipInfo]:
    if len(entries) > MAX_ENTRIES:
        raise _too_many(where, len(entries))
    return entries


def _too_many(where: str, count: int) -> DataError:
    return DataError(f"{where}: holds {count:,} files, over the limit of {MAX_ENTRIES:,}. Unpack it, and import parts.")


def _checked(where: str, name: str, link: bool) -> PurePosixPath:
    name = name.replace("\\", "/")
    place = PurePosixPath(name)
    if "\0" in name or place.is_absolute() or ".." in place.parts or not place.parts or ":" in place.parts[0]:
        raise DataError(
            f"{where}: names a file {name!r}, which would lie outside the archive, so it is not opened. Export it "
            "again."
        )
    if link:
        raise DataError(f"{where}: {place} is a link, so the archive is not opened. Export it again without links.")
    return place


@dataclass(frozen=True)
class OpenEntry:
    """Opens a file in an archive."""

    archives: Archives
    member: Member
    key: zipfile.ZipInfo | tarfile.TarInfo
    where: str

    @contextmanager
    def __call__(self) -> Iterator[IO[bytes]]:
        try:
            with self.archives.stream(self.member, self.key) as stream:
                yield stream
        except DAMAGED as error:
            raise DataError(f"{self.where}: cannot be unpacked ({reason_of(error)}). Export it again.") from error
