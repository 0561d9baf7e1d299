"""Data sets by name, and the data set behind a name or a folder."""

from __future__ import annotations

from pathlib import Path

from otolith.datasets.base import Dataset, DatasetInfo
from otolith.datasets.locations import locate
from otolith.errors import DataError, unknown
from otolith.system.registry import Registry

REGISTRY: Registry[type[Dataset]] = Registry(
    "data set",
    "otolith.datasets",
    DataError,
    name=lambda kind: str(kind.info.name),
    takes=lambda each: isinstance(each, type) and issubclass(each, Dataset),
)

register, add_file, names, kind_of = REGISTRY.register, REGISTRY.add_file, REGISTRY.names, REGISTRY.get


def info(name: str) -> DatasetInfo:
    """Return the description of the data set of that name; opens no file of it.

    Raises:
        DataError: no data set has that name; suggests the nearest.

    >>> info("watch").n_recordings
    140
    """
    return kind_of(name).info


def load(name: str | Path, root: str | Path | None = None) -> Dataset:
    """Return the data set of that name, or the one in that folder.

    Args:
        name: a registered name, names joined by + (`otolith.datasets.pooled`), or the path of a folder written by
            `otolith.datasets.folder.write_folder`.
        root: the folder that holds the data, or its parent. None: $OTOLITH_DATA, then the download folder.
            Data sets that come with a package or are computed, and folders given as `name`, take no root.

    Raises:
        DataError: the name is unknown, or the data are not where they were looked for.

    >>> load("synthetic").info.n_subjects
    12
    """
    from otolith.datasets.card import CARD
    from otolith.datasets.folder import FolderDataset
    from otolith.datasets.pooled import Pooled, is_pooled

    if isinstance(name, str) and name in REGISTRY:
        kind = kind_of(name)
        if kind.folder_names:
            return kind(locate(kind, root))
        if root is not None:
            raise DataError(f"{name} needs no folder, but {str(root)!r} was given. Leave the folder out.")
        return kind()
    path = Path(name).expanduser()
    if isinstance(name, str) and is_pooled(name) and not path.exists():
        return Pooled([load(part, root) for part in name.removesuffix("+").split("+")])
    if path.is_dir():
        if root is not None:
            raise DataError(
                f"{str(path)!r} is a folder, so the second folder {str(root)!r} has no meaning. Leave it out."
            )
        return FolderDataset(path)
    if isinstance(name, Path) or path.name != name or path.exists():
        raise DataError(
            f"{str(path)!r} is not a data set folder, which holds a {CARD}. Name one, or a data set "
            f"({', '.join(names())}); `otolith import` makes one of raw recordings."
        )
    raise DataError(unknown("data set", name, names()))
