"""Open the sources of recordings: built-in data sets, imported folders, and raw exports of phones and loggers."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from otolith import datasets
from otolith.datasets.card import CARD
from otolith.datasets.folder import FolderDataset
from otolith.errors import DataError
from otolith.recording import Recording

if TYPE_CHECKING:
    from otolith.importing import Ask, ImportOptions


@dataclass
class Opened:
    """Recordings of one source.

    Attributes:
        name: name of the data set or of the files.
        recordings: read once, one after the other.
        n_recordings: number of recordings; None where it is unknown.
        started: {recording name: date and time at which its clock was at zero}, where that is known.
        gravity: "included" in the accelerometer's signal or "removed" from it; None where it is unknown.
        notes: sentences on how the source was read.

    >>> Opened("walks", iter([]), 0).gravity is None
    True
    """

    name: str
    recordings: Iterator[Recording]
    n_recordings: int | None = None
    started: dict[str, datetime] = field(default_factory=dict)
    gravity: str | None = None
    notes: list[str] = field(default_factory=list)


def open_sources(
    sources: Sequence[str | Path],
    root: str | Path | None = None,
    options: ImportOptions | None = None,
    ask: Ask | None = None,
) -> list[Opened]:
    """Open data sets by name or folder, and the exports of phones and loggers (CSV, Parquet, zip, folder).

    All exports are read as one source, since the sensors of one recording may lie in several files.

    Args:
        sources: names, folders and files.
        root: folder of a built-in data set; see `otolith.load`.
        options: answers to what exports leave open.
        ask: a person who answers the rest.

    Raises:
        DataError: a source is not one of these, or cannot be read.

    >>> [opened] = open_sources(["synthetic"])
    >>> next(opened.recordings).channels[:3]
    ('acc_x', 'acc_y', 'acc_z')
    """
    opened: list[Opened] = []
    exports: list[Path] = []
    for source in sources:
        path = Path(source).expanduser()
        if str(source) in datasets.names() or (path / CARD).is_file():
            opened.append(_dataset(source, root))
        elif path.exists():
            exports.append(path)
        else:
            raise DataError(
                f"{str(source)!r} is neither a file or folder nor the name of a data set. Give a path, or one of "
                f"{', '.join(datasets.names())}."
            )
    return [*opened, *([_exports(exports, options, ask)] if exports else [])]


def _dataset(source: str | Path, root: str | Path | None) -> Opened:
    found = datasets.load(source, root)
    notes = found.notes if isinstance(found, FolderDataset) else {}
    started = begun({name: each.get("started") for name, each in notes.items()})
    return Opened(found.info.name, found.recordings(), found.info.n_recordings, started, found.info.gravity)


def _exports(paths: list[Path], options: ImportOptions | None, ask: Ask | None) -> Opened:
    """Read raw exports through `otolith.importing`."""
    from otolith.importing.grouping.notes import is_of_training
    from otolith.importing.read import read_recordings

    imported = read_recordings(paths, options, ask)
    return Opened(
        ", ".join(path.name for path in paths),
        iter(imported.recordings),
        len(imported.recordings),
        begun({name: each.started for name, each in imported.findings.items()}),
        imported.gravity,
        [note for note in imported.notes if not is_of_training(note)],
    )


def begun(texts: Mapping[str, str | None]) -> dict[str, datetime]:
    """Return the times of ISO 8601 texts, without those that are missing or malformed."""
    found = {}
    for name, text in texts.items():
        with contextlib.suppress(ValueError, TypeError):
            found[name] = datetime.fromisoformat(text or "")
    return found


def chosen(sources: list[Opened], only: list[str] | None = None) -> Opened:
    """Return several sources as one, in their order; the source's name precedes a recording's name that comes twice.

    Args:
        only: names of the recordings to keep; None: all.

    Raises:
        DataError: at the end of the iteration, a recording of `only` is in no source.
    """
    counts = [source.n_recordings for source in sources]
    total = len(only) if only else None if None in counts else sum(c for c in counts if c is not None)
    joined = Opened(
        ", ".join(source.name for source in sources),
        iter(()),
        total,
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
                    joined.started[name] = source.started[recording.name]
                yield recording if name == recording.name else replace(recording, name=name)
                if only and not wanted:
                    return
        if wanted:
            name = min(wanted)
            near = difflib.get_close_matches(name, seen, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]!r}?" if near else "."
            raise DataError(
                f"--only: no recording is called {name!r}{hint} There are {len(seen)}, such as {', '.join(seen[:5])}."
            )

    joined.recordings = recordings()
    return joined
