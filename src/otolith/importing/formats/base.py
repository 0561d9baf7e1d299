"""What every format offers, and the registry that finds them."""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, ClassVar, TypeVar

from otolith.errors import DataError, unknown
from otolith.importing.findings import Findings

if TYPE_CHECKING:
    from otolith.importing.questions import Questions
    from otolith.importing.session import Folder, Session, Sheet
    from otolith.importing.table import Table


class Format(ABC):
    """One app's layout. Columns are found by name, never by place."""

    name: ClassVar[str]
    title: ClassVar[str]
    order: ClassVar[int] = 0
    """Formats are asked in this order; the plain table is last."""

    @abstractmethod
    def claims(self, folder: Folder) -> list[Sheet]:
        """The files of a folder that belong to this format, whether it reads them or passes them over."""

    @abstractmethod
    def sessions(self, folder: Folder, sheets: list[Sheet], questions: Questions) -> Iterator[Session]:
        """The recordings in the files that it claimed, each read when it is asked for: one is held at a time.

        Raises:
            DataError: a file is damaged or lacks what the format promises; names file, line or column.
        """

    def findings(self, *tables: Table) -> Findings:
        """Findings that begin with where the data are from and what reading the files took."""
        found = Findings(sources=[table.where for table in tables], format=self.name)
        for table in tables:
            for what, count in table.repairs:
                found.repair(table.where, what, count)
        return found


_FORMATS: dict[str, Format] = {}

Kind = TypeVar("Kind", bound=type[Format])


def register(kind: Kind) -> Kind:
    """Class decorator: makes a format known under its `name`."""
    _FORMATS[kind.name] = kind()
    return kind


@cache
def _discover() -> None:
    import otolith.importing.formats as package

    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")


def all_formats() -> list[Format]:
    """All formats, in the order in which they are asked."""
    _discover()
    return sorted(_FORMATS.values(), key=lambda each: (each.order, each.name))


def format_named(name: str) -> Format:
    """The format of that name.

    Raises:
        DataError: there is none; names the nearest.
    """
    _discover()
    if name not in _FORMATS:
        raise DataError(f"--format: {unknown('format', name, _FORMATS)}")
    return _FORMATS[name]
