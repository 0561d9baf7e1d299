"""Sources of an import, files, folders and zip archives, as one list of files within limits that no archive breaks."""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from lzma import LZMAError
from pathlib import Path, PurePosixPath

from otolith.datasets.card import CARD
from otolith.errors import DataError
from otolith.system.reading import check_regular, open_regular

TABLES = (".csv", ".tsv", ".txt", ".dat", ".log", ".parquet")
ARCHIVES = (".zip", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".tar")
MAX_FILE_BYTES = 2 << 30
MAX_TOTAL_BYTES = 8 << 30
MAX_RATIO = 300
"""Largest ratio of the bytes in an archive to their compressed size; text of sensors stays below 30."""
RATIO_FROM_BYTES = 10 << 20
"""Smaller files may be as compressible as they like: a quiet sensor's text is."""
MAX_MEMBERS = 100_000
DAMAGED = (
    *(zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError, RuntimeError),
    *(zlib.error, LZMAError),
)
"""Errors of zipfile where an archive is not as it should be."""


@dataclass(frozen=True)
class Member:
    """One file: `place` is its path below the source, `where` names it in messages."""

    source: Path
    place: PurePosixPath
    where: str
    size: int
    read_some: Callable[[int], bytes]
    """Returns its first bytes, as many as asked for."""

    def read(self) -> bytes:
        """Return all of it.

        Raises:
            DataError: it cannot be read, or holds another number of bytes than it did or declares.
        """
        content = self.read_some(self.size + 1)  # what was declared and checked, not more
        if len(content) != self.size:
            raise DataError(f"{self.where}: {len(content):,} bytes, expected {self.size:,}. Export it again.")
        return content

    @property
    def named(self) -> bool:
        """True where the user named this very file, rather than a folder or an archive that holds it."""
        return self.where == str(self.source)

    @property
    def kind(self) -> str:
        return self.place.suffix.lower()


def _refuse(error: DataError) -> None:
    raise error


def gather(sources: Sequence[Path], leave_out: Callable[[DataError], None] = _refuse) -> list[Member]:
    """List all tables in files, folders and archives, in a fixed order. Other files are left alone.

    Args:
        sources: files and folders.
        leave_out: is told of each file that cannot be opened; it raises the error, or returns and the file is left out.

    Raises:
        DataError: a source is missing, is a link or of no use, holds no table, or is an archive that is damaged or
            breaks a limit (names inside it that lead out of it, links, archives within archives, encryption,
            expansion beyond `MAX_RATIO`, `MAX_FILE_BYTES` or `MAX_TOTAL_BYTES`).
    """
    members: list[Member] = []
    for source in sources:
        if not os.path.lexists(source):
            raise DataError(f"{source}: does not exist. Check the path.")
        told: list[DataError] = []

        def tell(error: DataError, told: list[DataError] = told) -> None:
            leave_out(error)
            told.append(error)

        try:
            found = list(_members(source, tell))
            if not found and not told:
                raise DataError(
                    f"{source}: holds no table ({', '.join(TABLES)}). Name the folder or file of the recordings."
                )
        except DataError as error:
            leave_out(error)
        else:
            members += found
    total = sum(member.size for member in members)
    if total > MAX_TOTAL_BYTES:
        raise DataError(
            f"The sources hold {total:,} bytes, over the limit of {MAX_TOTAL_BYTES:,}. Import them in parts."
        )
    return members


def _members(source: Path, leave_out: Callable[[DataError], None]) -> Iterator[Member]:
    if source.is_symlink():
        raise DataError(f"{source}: is a link. Name what it points to.")
    if source.is_dir():
        yield from _folder(source, leave_out)
    elif source.is_file():
        yield from _file(source, source, PurePosixPath(source.name))
    else:
        raise DataError(f"{source}: is neither a file nor a folder. Name a file or folder of recordings.")


def _folder(source: Path, leave_out: Callable[[DataError], None]) -> Iterator[Member]:
    def refuse(error: OSError) -> None:
        raise DataError(f"{error.filename}: cannot be read ({error.strerror}). Check its permissions.") from error

    for folder, folders, files in os.walk(source, onerror=refuse):  # follows no links to folders
        if CARD in files:
            raise DataError(
                f"{folder}: is a data set of otolith already (it holds a {CARD}). Name a folder of recordings, and "
                "keep data sets outside of it."
            )
        folders.sort()
        folders[:] = [name for name in folders if not name.startswith((".", "__MACOSX"))]
        for name in sorted(files):
            path = Path(folder, name)
            place = PurePosixPath(path.relative_to(source).as_posix())
            if not name.startswith(".") and (place.suffix.lower() in TABLES or place.suffix.lower() == ".zip"):
                try:
                    if path.is_symlink():
                        raise DataError(
                            f"{path}: is a link, which is not followed. Replace it by the file, or remove it."
                        )
                    found = list(_file(source, path, place))
                except DataError as error:
                    leave_out(error)
                else:
                    yield from found


def _file(source: Path, path: Path, place: PurePosixPath) -> Iterator[Member]:
    kind = place.suffix.lower()
    if kind == ".zip":
        yield from _archive(source, path, place.with_suffix(""))
    elif kind in TABLES:
        size = path.stat().st_size
        _check_size(str(path), size)
        yield Member(source, place, str(path), size, lambda most: _read_file(path, most))
    else:
        cure = "Unpack it first" if kind in ARCHIVES else "Export or save it as one of these"
        raise DataError(f"{path}: files of kind {kind!r} are not read, only {', '.join((*TABLES, '.zip'))}. {cure}.")


def _read_file(path: Path, most: int) -> bytes:
    try:
        with open_regular(path) as stream:
            return stream.read(most)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}). Check the file.") from error


def _check_size(where: str, size: int) -> None:
    if size > MAX_FILE_BYTES:
        raise DataError(f"{where}: {size:,} bytes, over the limit of {MAX_FILE_BYTES:,} for one table. Split it.")


def _archive(source: Path, path: Path, place: PurePosixPath) -> Iterator[Member]:
    """Yield the tables in a zip; its own name becomes a folder of that name."""
    try:
        with zipfile.ZipFile(check_regular(path, MAX_TOTAL_BYTES)) as archive:
            entries = archive.infolist()
    except DAMAGED as error:
        raise DataError(f"{path}: cannot be read as a zip archive ({error}). Export it again.") from error
    if len(entries) > MAX_MEMBERS:
        raise DataError(
            f"{path}: holds {len(entries):,} files, over the limit of {MAX_MEMBERS:,}. Unpack it, and import parts."
        )
    seen: set[str] = set()
    total = 0
    for entry in entries:
        inside = _checked_name(path, entry)
        if entry.is_dir() or inside.name.startswith(".") or inside.parts[0] == "__MACOSX":
            continue
        where = f"{path}: {inside}"
        if inside.suffix.lower() in ARCHIVES:
            raise DataError(f"{where}: an archive inside an archive is not opened. Unpack the outer one first.")
        if inside.suffix.lower() not in TABLES:
            continue
        if str(inside) in seen:
            raise DataError(f"{where}: is in the archive twice. Export it again.")
        seen.add(str(inside))
        total += entry.file_size
        _check_entry(where, entry, total)
        yield Member(source, place / inside, where, entry.file_size, _reader(path, entry, where))


def _checked_name(path: Path, entry: zipfile.ZipInfo) -> PurePosixPath:
    # ZipInfo cuts names at a NUL and turns the system's separators; the original says what the archive wanted
    name = entry.orig_filename.replace("\\", "/")
    place = PurePosixPath(name)
    if "\0" in name or place.is_absolute() or ".." in place.parts or not place.parts or ":" in place.parts[0]:
        raise DataError(
            f"{path}: names a file {name!r}, which would lie outside the archive, so it is not opened. Export it again."
        )
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise DataError(f"{path}: {place} is a link, so the archive is not opened. Export it again without links.")
    return place


def _check_entry(where: str, entry: zipfile.ZipInfo, total: int) -> None:
    if entry.flag_bits & 0x1:
        raise DataError(f"{where}: is encrypted. Export it without a password.")
    _check_size(where, entry.file_size)
    if total > MAX_TOTAL_BYTES:
        raise DataError(f"{where}: the archive expands beyond {MAX_TOTAL_BYTES:,} bytes. Unpack it, and import parts.")
    if entry.file_size > max(RATIO_FROM_BYTES, MAX_RATIO * entry.compress_size):
        raise DataError(
            f"{where}: {entry.compress_size:,} bytes claim to expand to {entry.file_size:,}, more than "
            f"{MAX_RATIO} times as much. If the file is sound, unpack it yourself and name the folder."
        )


def _reader(path: Path, entry: zipfile.ZipInfo, where: str) -> Callable[[int], bytes]:
    def read(most: int) -> bytes:
        try:
            with zipfile.ZipFile(check_regular(path, MAX_TOTAL_BYTES)) as archive, archive.open(entry) as stream:
                return stream.read(most)
        except DAMAGED as error:
            raise DataError(f"{where}: cannot be unpacked ({error}). Export it again.") from error

    return read
