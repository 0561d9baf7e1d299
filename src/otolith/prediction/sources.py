"""Where recordings come from: built-in data sets, imported folders, and raw exports of phones and loggers."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from otolith import datasets
from otolith.datasets.card import CARD
from otolith.errors import DataError, unknown
from otolith.recording import Recording


@dataclass
class Opened:
    """Recordings of one source. `started`: recording name -> when its clock was at zero, where that is known.

    `terms` are those of a data set; `notes` what reading decided, each one sentence.
    """

    name: str
    recordings: Iterator[Recording]
    n_recordings: int | None = None
    started: dict[str, datetime] = field(default_factory=dict)
    terms: str = ""
    notes: list[str] = field(default_factory=list)


def open_source(source: str | Path, root: str | Path | None = None) -> Opened:
    """A data set by name or folder, or the export of a phone or logger (CSV, Parquet, zip, folder).

    Args:
        root: where a built-in data set lies; see `otolith.load`.

    Raises:
        DataError: it is none of these, or cannot be read.
    """
    if str(source) in datasets.names() or (Path(source).expanduser() / CARD).is_file():
        found = datasets.load(source, root)
        return Opened(found.info.name, found.recordings(), found.info.n_recordings, terms=found.info.terms)
    path = Path(source).expanduser()
    if not path.exists():
        raise DataError(
            f"{str(source)!r} is no file or folder, and no data set has that name. Known: {', '.join(datasets.names())}"
        )
    return _export(path)


def _export(path: Path) -> Opened:
    """A raw export, through `otolith.importing`."""
    try:
        importing = importlib.import_module("otolith.importing")
    except ModuleNotFoundError:
        raise DataError(
            f"{path} is no data set folder (there is no {CARD} in it). Import the recordings first."
        ) from None
    imported = importing.read_recordings(path)
    return Opened(path.name, iter(imported.recordings), len(imported.recordings))


def chosen(sources: list[Opened], only: list[str] | None = None) -> Opened:
    """Several sources as one, in their order; a name that comes twice is preceded by its source's.

    Args:
        only: names of the recordings to keep; None: all.

    Raises:
        DataError: while iterating, at its end: a recording of `only` is in no source.
    """
    counts = [source.n_recordings for source in sources]
    total = len(only) if only else None if None in counts else sum(c for c in counts if c is not None)
    together = Opened(
        ", ".join(source.name for source in sources),
        iter(()),
        total,
        terms=" ".join(dict.fromkeys(source.terms for source in sources if source.terms)),
        notes=[note for source in sources for note in source.notes],
    )

    def recordings() -> Iterator[Recording]:
        wanted, taken = set(only or ()), set[str]()
        seen: list[str] = []
        for source in sources:
            for recording in source.recordings:
                seen.append(recording.name)
                if only and recording.name not in only:
                    continue
                wanted.discard(recording.name)
                name = recording.name if recording.name not in taken else f"{source.name}/{recording.name}"
                taken.add(name)
                if recording.name in source.started:
                    together.started[name] = source.started[recording.name]
                yield recording if name == recording.name else replace(recording, name=name)
                if only and not wanted:
                    return
        if wanted:
            raise DataError(f"--only: {unknown('recording', min(wanted), seen[:50])}")

    together.recordings = recordings()
    return together
