"""Sources of an import, files, folders and archives, as one list of files within limits that none of them breaks.

Which files are gathered say the formats, by a file's ending or, where that says nothing, by its first bytes. The rest
is passed over, and told.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Protocol

from otolith.datasets.card import CARD
from otolith.errors import DataError
from otolith.importing.containers.archives import TAR, ZIP, Archives
from otolith.importing.containers.members import (
    MAX_LONG_BYTES,
    Budget,
    Member,
    OpenFile,
    OpenGzip,
    TooMuch,
    check_growth,
    check_size,
)
from otolith.importing.containers.workbooks import CURE, XLSX, installed, worksheets

OPENED = (ZIP, TAR, ".tgz", ".gz", *XLSX)
"""Endings of what is opened to look for files in it."""
UNOPENED = (".bz2", ".xz", ".7z", ".rar", ".zst")
COPIES = ("~", ".bak", ".tmp", ".orig", ".old", ".part", ".crdownload", ".swp")
"""Endings of what programs keep of a file before they change it, or of one that is not whole yet."""
HEAD_BYTES = 4096
"""Bytes by which a file is recognised whose ending says nothing."""


class Takes(Protocol):
    """Tells if any format may read a file; `endings` are those that suffice to tell."""

    @property
    def endings(self) -> Sequence[str]: ...

    def __call__(self, ending: str, head: bytes) -> bool: ...


@dataclass
class Gathered:
    """Files that formats may read, and the others; as a context, it closes its archives at the end.

    Files in archives can also be read after that, and by other processes: the archive is then opened again.
    """

    members: list[Member] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    archives: Archives = field(default_factory=Archives)

    def __enter__(self) -> Gathered:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.archives.close()


def _refuse(error: DataError) -> None:
    raise error


def gather(
    sources: Sequence[Path], takes: Takes, leave_out: Callable[[DataError], None] = _refuse, *, apart: bool = False
) -> Gathered:
    """List all files in files, folders and archives that a format may read, in a fixed order.

    Args:
        sources: files and folders.
        takes: tells which files those are.
        leave_out: is told of each file that cannot be opened; it raises the error, or returns and the file is left out.
        apart: files will be read apart from each other, so that `MAX_TOTAL_BYTES` is the limit of each archive.

    Raises:
        DataError: a source is missing, is a link or of no use, holds no file of a format, or an archive is damaged or
            breaks a limit (names inside it that lead out of it, links, archives within archives within archives,
            encryption, expansion beyond `MAX_RATIO`, `MAX_FILE_BYTES` or `MAX_TOTAL_BYTES`).
    """
    gathered = Gathered()
    try:
        search = _Search(gathered, takes, leave_out, apart)
        for source in sources:
            if not os.path.lexists(source):
                raise DataError(f"{source}: does not exist. Check the path.")
            search.attempt(partial(search.source, source))
    except BaseException:
        gathered.archives.close()
        raise
    return gathered


def plain_name(path: Path | PurePosixPath) -> str:
    """Return a file's name without its ending and those of its packing.

    >>> plain_name(Path("ada/walk.csv.gz")), plain_name(Path("study.tar.gz"))
    ('walk', 'study')
    """
    name, archive = PurePosixPath(path.name), False
    while (ending := name.suffix.lower()) in OPENED:
        name, archive = name.with_suffix(""), archive or ending != ".gz"
    return name.name if archive else name.stem


class _Search:
    """Goes through sources and lists what it finds."""

    def __init__(self, gathered: Gathered, takes: Takes, leave_out: Callable[[DataError], None], apart: bool) -> None:
        self._apart = apart
        self._found, self._takes, self._leave_out, self._budget = gathered, takes, leave_out, Budget()
        self._n_left_out = 0

    def source(self, source: Path) -> None:
        if source.is_symlink():
            raise DataError(f"{source}: is a link. Name what it points to.")
        before = len(self._found.members), self._n_left_out
        if source.is_dir():
            self._folder(source)
        elif source.is_file():
            self._file(source, source, PurePosixPath(source.name))
        else:
            raise DataError(f"{source}: is neither a file nor a folder. Name a file or folder of recordings.")
        if before == (len(self._found.members), self._n_left_out):
            endings = ", ".join(self._takes.endings)
            raise DataError(f"{source}: holds no table ({endings}). Name the folder or file of the recordings.")

    def attempt(self, work: Callable[[], None]) -> None:
        """Do something, and leave out all that it found where it fails and that may be."""
        before = len(self._found.members)
        try:
            work()
        except DataError as error:
            if isinstance(error, TooMuch) and not self._apart:
                raise
            self._leave_out(error)
            self._n_left_out += 1
            del self._found.members[before:]

    def _folder(self, source: Path) -> None:
        def refuse(error: OSError) -> None:
            raise DataError(f"{error.filename}: cannot be read ({error.strerror}). Check its permissions.") from error

        for folder, folders, files in os.walk(source, onerror=refuse):  # follows no links to folders
            if CARD in files:
                raise DataError(
                    f"{folder}: is a data set of otolith already (it holds a {CARD}). Name a folder of recordings, and "
                    "keep data sets outside of it."
                )
            folders.sort()
            self._found.passed_over += [str(Path(folder, name)) for name in folders if _is_of_systems(name)]
            folders[:] = [name for name in folders if not _is_of_systems(name)]
            for name in sorted(files):
                path = Path(folder, name)
                place = PurePosixPath(path.relative_to(source).as_posix())
                known = place.suffix.lower() in (*self._takes.endings, *OPENED)
                if _is_of_systems(name) or not (known or path.is_file()) or (path.is_symlink() and not known):
                    self._found.passed_over.append(str(path))
                else:
                    self.attempt(partial(self._file, source, path, place))

    def _file(self, source: Path, path: Path, place: PurePosixPath) -> None:
        if path.is_symlink():
            raise DataError(f"{path}: is a link, which is not followed. Replace it by the file, or remove it.")
        size = path.stat().st_size
        opened = OpenFile(path)
        self._budget = Budget() if self._apart else self._budget
        self._place(Member(source, place, str(path), size, size, opened, self._budget, path), 0)

    def _place(self, member: Member, depth: int) -> None:
        """Take a file, look into it, or pass it over."""
        kind = member.kind
        if kind in (".gz", ".tgz"):
            place = member.place.with_suffix("" if kind == ".gz" else TAR)
            opened = OpenGzip(member.where, member.opened)
            self._place(replace(member, place=place, size=None, opened=opened, path=None), depth)
        elif kind in (ZIP, TAR):
            self._archive(member, depth)
        elif kind in XLSX:
            self._workbook(member)
        elif self._wanted(member):
            self._check(member)
            self._found.members.append(member)
        elif member.named:
            cure = "Unpack it first" if kind in UNOPENED else "Export or save it as one of these"
            read = ", ".join((*self._takes.endings, *OPENED))
            raise DataError(f"{member.where}: files of kind {kind!r} are not read, only {read}. {cure}.")
        else:
            self._found.passed_over.append(member.where)

    def _wanted(self, member: Member) -> bool:
        if member.kind in self._takes.endings:
            return True
        return member.kind not in UNOPENED and self._takes(member.kind, member.read_some(HEAD_BYTES))

    def _workbook(self, member: Member) -> None:
        """Take the worksheets of a workbook: one for itself, several as files of a folder."""
        if not installed() and not member.named:
            self._found.passed_over.append(f"{member.where} (to read it: {CURE})")
            return
        self._check(member)
        found = worksheets(member)
        for name, opened in found:
            alone = len(found) == 1
            place = member.place.with_suffix(".tsv") if alone else member.place.with_suffix("") / f"{name}.tsv"
            where = member.where if alone else f"{member.where}: {name}"
            sheet = Member(member.source, place, where, None, member.packed, opened, self._budget)
            self._found.members.append(sheet)

    def _check(self, member: Member) -> None:
        """Hold what a file says that it grows into to the limits; where it says nothing, reading does."""
        if member.size is not None:
            if member.path is not None:
                check_size(member.where, member.size, MAX_LONG_BYTES)
            else:
                check_growth(member.where, member.packed, member.size)
            self._budget.take(member.where, member.size)

    def _archive(self, member: Member, depth: int) -> None:
        """Take the files in an archive, whose own name becomes that of a folder."""
        if member.path is None:
            self._check(member)
        folder = member.place.with_suffix("")
        seen: set[PurePosixPath] = set()
        for entry in self._found.archives.entries(member, depth):
            where = f"{member.where}: {entry.place}"
            if any(map(_is_of_systems, entry.place.parts)):
                self._found.passed_over.append(where)
                continue
            known = entry.place.suffix.lower() in (*self._takes.endings, *OPENED)
            if entry.encrypted and known:
                raise DataError(f"{where}: is encrypted. Export it without a password.")
            if entry.encrypted:
                self._found.passed_over.append(where)
                continue
            if entry.place in seen:
                raise DataError(f"{where}: is in the archive twice. Export it again.")
            seen.add(entry.place)
            inner = Member(member.source, folder / entry.place, where, entry.size, entry.packed, entry.opened)
            inner = replace(inner, budget=self._budget, archive=folder)
            if inner.kind in OPENED:
                self.attempt(partial(self._place, inner, depth + 1))
            else:
                self._place(inner, depth + 1)


def _is_of_systems(name: str) -> bool:
    """Tell if a file or folder is one that systems and programs make for themselves, such as copies before a change."""
    return (
        name.startswith((".", "__MACOSX", "~$"))
        or name.lower() in ("thumbs.db", "desktop.ini")
        or name.lower().endswith(COPIES)
    )
