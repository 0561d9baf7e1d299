"""The names of data sets. Every module of this package is a place where one may register itself."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from pathlib import Path
from typing import TypeVar

import otolith.datasets as package
from otolith.datasets.base import Dataset, DatasetInfo
from otolith.datasets.locations import locate
from otolith.errors import DataError, unknown

_KINDS: dict[str, type[Dataset]] = {}

Kind = TypeVar("Kind", bound=type[Dataset])


def register(kind: Kind) -> Kind:
    """Class decorator: makes a data set known under its `info.name`.

    Raises:
        ValueError: another class has that name.
    """
    name = kind.info.name
    other = _KINDS.setdefault(name, kind)
    if other is not kind:
        raise ValueError(f"two data sets are called {name!r}: {other.__qualname__} and {kind.__qualname__}")
    return kind


@cache
def _discover() -> None:
    for module in pkgutil.iter_modules(package.__path__):
        if not module.name.startswith("__"):
            importlib.import_module(f"{package.__name__}.{module.name}")


def names() -> list[str]:
    """Names of all data sets, sorted."""
    _discover()
    return sorted(_KINDS)


def kind_of(name: str) -> type[Dataset]:
    """Class of the data set of that name.

    Raises:
        DataError: no data set has that name; suggests the nearest.
    """
    _discover()
    if name not in _KINDS:
        raise DataError(unknown("data set", name, _KINDS))
    return _KINDS[name]


def info(name: str) -> DatasetInfo:
    """Description of the data set of that name; opens no file of it.

    Raises:
        DataError: no data set has that name.
    """
    return kind_of(name).info


def load(name: str | Path, root: str | Path | None = None) -> Dataset:
    """Data set of that name, or in that folder.

    Args:
        name: a registered name, or the path of a folder written by `otolith.datasets.folder.write_folder`.
        root: the folder that holds the data, or its parent. None: $OTOLITH_DATA, then the download folder.
            Data sets that come with a package or are computed, and folders given as `name`, take no root.

    Raises:
        DataError: the name is unknown, or the data are not where they were looked for.
    """
    from otolith.datasets.card import CARD
    from otolith.datasets.folder import FolderDataset

    _discover()
    if isinstance(name, str) and name in _KINDS:
        kind = _KINDS[name]
        if kind.folder_names:
            return kind(locate(kind, root))
        if root is not None:
            raise DataError(f"{name} needs no folder, but {str(root)!r} was given. Leave the folder out.")
        return kind()
    path = Path(name).expanduser()
    if path.is_dir():
        if root is not None:
            raise DataError(
                f"{str(path)!r} is a folder, so the second folder {str(root)!r} has no meaning. Leave it out."
            )
        return FolderDataset(path)
    if isinstance(name, Path) or path.name != name or path.exists():
        raise DataError(f"{str(path)!r} is no folder with a {CARD}. Known data sets: {', '.join(sorted(_KINDS))}.")
    raise DataError(unknown("data set", name, _KINDS))
