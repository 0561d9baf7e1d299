"""The interface of a format, and the registry of formats."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from otolith.errors import DataError
from otolith.importing.findings import Findings
from otolith.system.registry import Registry

if TYPE_CHECKING:
    from otolith.importing.questions import Questions
    from otolith.importing.session import Folder, Session, Sheet
    from otolith.importing.tables.table import Table


OF_TABLES = (".csv", ".tsv", ".txt", ".parquet", ".json", ".jsonl", ".ndjson")
"""Endings that say that a file is a table."""


@dataclass(frozen=True)
class Claim:
    """Files of a folder that a format takes for its own, whether it reads them or passes them over.

    Attributes:
        sure: from 0 to 1; the format that is surest reads a file.
        why: what they are known by, as it ends the sentence "read as ..., because ...".
    """

    sheets: tuple[Sheet, ...]
    sure: float
    why: str


class Format(ABC):
    """The layout of one device's or app's files. Columns are found by name, never by place.

    A format is one file in this folder: a class of this kind, and an instance of it as the module's `SPEC`.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    """Name for people, as in "read as ..."."""
    order: ClassVar[int] = 0
    """Rank among formats that are equally sure: the lowest number reads a file."""
    endings: ClassVar[tuple[str, ...]] = ()
    """Endings of files that it may read, beside those of tables."""
    device: ClassVar[str] = ""
    """Devices or apps that write such files."""
    decided: ClassVar[str] = ""
    """Decisions that the files allow, in a few words."""
    asked: ClassVar[str] = ""
    """Questions that are asked, or answered by options, where the files do not decide."""

    def recognises(self, head: bytes) -> bool:
        """Tell from its first bytes if a file may be read whose ending says nothing."""
        return False

    def tells_places(self, folder: Folder) -> bool:
        """Tell if a folder's files are of several places that this format tells apart, whatever their names say."""
        return False

    @abstractmethod
    def sniff(self, folder: Folder) -> Claim | None:
        """Return the files of a folder that belong to this format, from names and first lines; None where none do."""

    @abstractmethod
    def sessions(self, folder: Folder, sheets: Sequence[Sheet], questions: Questions) -> Iterator[Session]:
        """Read the recordings in the files that it claimed, each when it is asked for: one is held at a time.

        Raises:
            DataError: a file is damaged or lacks what the format promises; names file, line or column.
        """

    def findings(self, *tables: Table) -> Findings:
        """Return findings that begin with where the data are from and which repairs reading the files took."""
        found = Findings(sources=[table.where for table in tables], format=self.name)
        for table in tables:
            for what, count in table.repairs:
                found.repair(table.where, what, count)
        return found


FORMATS: Registry[Format] = Registry(
    "format",
    "otolith.importing.formats",
    DataError,
    order=lambda each: (each.order, each.name),
    takes=lambda each: isinstance(each, Format),
)
"""All formats, in the order in which they are listed."""


class _Taken:
    """Tells `otolith.importing.containers.sources.gather` what any format may read."""

    @property
    def endings(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(ending for each in FORMATS for ending in each.endings))

    def __call__(self, ending: str, head: bytes) -> bool:
        return ending in self.endings or any(each.recognises(head) for each in FORMATS)


TAKEN = _Taken()


def tells_places(folder: Folder) -> bool:
    """Tell if a format tells apart the places of the files in a folder."""
    return any(each.tells_places(folder) for each in FORMATS)


def about_formats() -> list[tuple[str, str, str, str]]:
    """Return (name, device, what is decided, what is asked) of every format, in their order."""
    return [(each.name, each.device, each.decided, each.asked) for each in FORMATS]
