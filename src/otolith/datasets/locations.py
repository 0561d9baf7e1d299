"""The places of data: the folder a user names, $OTOLITH_DATA, and the download folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from otolith.errors import DataError
from otolith.system.home import home

if TYPE_CHECKING:
    from otolith.datasets.base import Dataset, DatasetInfo


def download_folder() -> Path:
    """Return the folder into which `otolith.datasets.download.fetch` puts data sets, each under its own name."""
    return home() / "data"


def locate(kind: type[Dataset], root: Path | str | None) -> Path:
    """Return the folder of a data set's raw files.

    Args:
        root: the folder of the data or its parent. None: $OTOLITH_DATA, then the download folder.

    Raises:
        DataError: none of the places holds the data set; names them all and the cure.
    """
    if root is not None:
        bases = [Path(root).expanduser()]
    else:
        named = os.environ.get("OTOLITH_DATA")
        bases = [Path(named).expanduser()] if named else []
        bases.append(download_folder())
    looked = []
    for base in bases:
        for candidate in (base, *(base / name for name in kind.folder_names)):
            if candidate.is_dir():
                found = kind.recognise(candidate)
                if found is not None:
                    return found
                looked.append(f"{candidate} (no such files in it)")
            elif candidate == base:
                looked.append(f"{base} (no such folder)")
    info = kind.info
    hint = "" if root is not None or os.environ.get("OTOLITH_DATA") else " OTOLITH_DATA is not set."
    raise DataError(
        f"{info.name}: no recordings found. Expected {kind.expects}, in the folder itself or under "
        f"{' or '.join(repr(name) for name in kind.folder_names)} in it. Looked in: "
        f"{'; '.join(looked)}.{hint} {cure(kind)}"
    )


def cure(kind: type[Dataset]) -> str:
    """Return the way to get hold of a data set, as the last sentence of an error."""
    info = kind.info
    if info.download_url:
        return f"Fetch it with `otolith data {info.name} --fetch`, or by hand: {by_hand(info)}"
    return by_hand(info)


def by_hand(info: DatasetInfo) -> str:
    """Return the steps that get hold of a data set without `--fetch`."""
    return (
        f"{info.how_to_get} Then name its folder: --data DIR, `root` in Python, or the environment variable "
        "OTOLITH_DATA."
    )
