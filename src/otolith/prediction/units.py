"""Work in units that can be done without each other: one recording of a data set, or one part of exports."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otolith import datasets
from otolith.datasets.base import Dataset
from otolith.datasets.card import CARD
from otolith.datasets.folder import FolderDataset, FolderReader
from otolith.errors import DataError
from otolith.prediction.sources import begun
from otolith.recording import Recording

if TYPE_CHECKING:
    from otolith.importing.grouping.left_out import LeftOut
    from otolith.importing.options import ImportOptions
    from otolith.importing.questions import Ask, Questions
    from otolith.importing.session import Folder

Hints = dict[tuple[str, tuple[str, ...]], tuple[str, str]]
"""Units that data decided: (sensor, columns of the table): (unit, file)."""


@dataclass(frozen=True)
class Given:
    """A recording, and what is known about it besides its signals.

    Attributes:
        file: the file that holds it, as the study names it.
        started: date and time at which its clock was at zero; None where it is unknown.
        gravity: "included" in the accelerometer's signal or "removed" from it; None where it is unknown.
        timezone: name of the zone, or distance from UTC, of the clock on the wall; None where it is unknown.

    >>> Given(Recording("r", 1, ())).file
    ''
    """

    recording: Recording
    file: str = ""
    started: datetime | None = None
    gravity: str | None = None
    timezone: str | None = None


@dataclass
class Read:
    """Recordings of a unit, one after the other, and its files in which there is no motion."""

    given: Iterator[Given]
    passed_over: tuple[str, ...] = ()
    hints: Hints = field(default_factory=dict)


@dataclass(frozen=True)
class Unit:
    """A piece of work for any process.

    Attributes:
        key: tells it apart from other units, and from itself before its files changed.
        source: name of the data set or file, which tells equal names of recordings apart.
        name: its only recording, where that is known without reading it.
        n_bytes: size of its files, as far as that is known.
        read: reads it; takes the units of measure that other units' data decided, a person to ask, and a folder on the
            disk for samples that are too many for memory.
    """

    key: str
    source: str
    name: str | None
    n_bytes: int
    read: Callable[[Hints, Ask | None, Path | None], Read]


@dataclass
class Plan:
    """All units of a call.

    Attributes:
        left_out: sentences on files that cannot be opened.
        passed_over: files that no format reads.
        gravity: (source, "included" or "removed") of the data sets among the sources.
    """

    units: list[Unit]
    name: str
    left_out: list[str] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    gravity: list[tuple[str, str | None]] = field(default_factory=list)


def plan(
    sources: Sequence[str | Path],
    root: str | Path | None = None,
    options: ImportOptions | None = None,
) -> Plan:
    """List the units of sources: names of data sets, their folders, and exports as `otolith.importing` reads them.

    Args:
        sources: names, folders and files.
        root: folder of a built-in data set; see `otolith.load`.
        options: answers to what exports leave open.

    Raises:
        DataError: a source is not one of these.

    >>> made = plan(["synthetic"])
    >>> made.name, len(made.units)
    ('synthetic', 1)
    """
    found = Plan([], "")
    names: list[str] = []
    exports: list[Path] = []
    for source in sources:
        path = Path(source).expanduser()
        if str(source) in datasets.names() or (path / CARD).is_file():
            data = datasets.load(source, root)
            names.append(data.info.name)
            found.gravity.append((data.info.name, data.info.gravity))
            found.units += list(_of_dataset(data))
        elif path.exists():
            names.append(path.name)
            exports.append(path)
        else:
            raise DataError(
                f"{str(source)!r} is neither a file or folder nor the name of a data set. Give a path, or one of "
                f"{', '.join(datasets.names())}."
            )
    if exports:
        from otolith.importing.grouping.left_out import LeftOut
        from otolith.importing.options import ImportOptions

        left_out = LeftOut(allowed=True)
        found.units += list(_of_exports(exports, options or ImportOptions(), left_out, found.passed_over))
        found.left_out = left_out.reasons
    found.name = ", ".join(names)
    return found


def _digest(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:32]


def _of_dataset(data: Dataset) -> Iterator[Unit]:
    info, files = data.info, data.files()
    sizes = [(str(path), stat.st_size, stat.st_mtime_ns) for path in files if (stat := path.stat())]
    notes = data.notes if isinstance(data, FolderDataset) else {}
    started = begun({name: each.get("started") for name, each in notes.items()})
    readers = data.readers() if hasattr(data, "readers") else ()
    if not readers:
        everything = sum(size for _, size, _ in sizes)
        key = _digest(info.name, data.cache_key(), sizes)
        yield Unit(key, info.name, None, everything, _Whole(data))
        return
    by_path = {path: (size, changed) for path, size, changed in sizes}
    each = sum(size for _, size, _ in sizes) // len(readers)
    for number, reader in enumerate(readers):
        if isinstance(reader, FolderReader):
            name: str | None = reader.entry.name
            own = [by_path[path] for s in reader.entry.streams if (path := str(reader.root / s.file)) in by_path]
            n_bytes, stamp = sum(size for size, _ in own), _digest(own, str(reader.entry))
            noted = notes.get(reader.entry.name, {})
            begun_at = started.get(reader.entry.name)
            about = _One(reader, _file(noted), begun_at, info.gravity, _text(noted.get("timezone")))
        else:
            name, n_bytes, stamp, about = None, each, _digest(sizes), _One(reader, "", None, info.gravity)
        yield Unit(_digest(info.name, data.cache_key(), number, stamp), info.name, name, n_bytes, about)


@dataclass(frozen=True)
class _One:
    """Reads one recording of a data set."""

    reader: Callable[[], Recording]
    file: str
    started: datetime | None
    gravity: str | None
    timezone: str | None = None

    def __call__(self, hints: Hints, ask: Ask | None, scratch: Path | None = None) -> Read:
        return Read(self._given(scratch))

    def _given(self, scratch: Path | None) -> Iterator[Given]:
        from otolith.prediction.long import is_long, read_long

        if scratch is not None and isinstance(self.reader, FolderReader) and is_long(self.reader):
            recording = read_long(self.reader, scratch)
        else:
            recording = self.reader()
        yield Given(recording, self.file or recording.name, self.started, self.gravity, self.timezone)


@dataclass(frozen=True)
class _Whole:
    """Reads a data set whose recordings cannot be read one by one."""

    data: Dataset

    def __call__(self, hints: Hints, ask: Ask | None, scratch: Path | None = None) -> Read:
        return Read(Given(each, each.name, None, self.data.info.gravity) for each in self.data.recordings())


def _file(notes: Mapping[str, Any]) -> str:
    """Return the name of the file that a recording was imported from, or of the folder of its files."""
    sources = notes.get("sources")
    if not (isinstance(sources, Sequence) and sources):
        return ""
    paths = list(dict.fromkeys(str(source).partition(": ")[0] for source in sources))
    return os.path.basename(paths[0] if len(paths) == 1 else os.path.dirname(paths[0]))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _of_exports(
    paths: Sequence[Path], options: ImportOptions, left_out: LeftOut, passed_over: list[str]
) -> Iterator[Unit]:
    from otolith.importing.parts import check_labels, file_of, list_parts, stamp_of

    parts, others = list_parts(paths, left_out, options.labels, options.place)
    check_labels(options, len(parts))
    passed_over += others
    for part in parts:
        file = file_of(part)
        size = sum(sheet.member.size or sheet.member.packed for sheet in part.sheets)
        yield Unit(_digest(stamp_of(part), str(options)), file, None, size, _Exported(part, options, file))


@dataclass(frozen=True)
class _Exported:
    """Reads a part of exports."""

    part: Folder
    options: ImportOptions
    file: str

    def __call__(self, hints: Hints, ask: Ask | None, scratch: Path | None = None) -> Read:
        from otolith.importing.parts import labelled, read_part
        from otolith.importing.questions import Questions

        questions: Questions = Questions(self.options, ask)
        questions.hints.update(hints)
        found = read_part(self.part, questions, scratch)
        given = []
        for recording, findings in labelled(found.recordings, questions):
            started = begun({recording.name: findings.started}).get(recording.name)
            gravity = next((each.value for each in findings.decisions if each.what == "gravity"), None)
            given.append(Given(recording, self.file, started, gravity, _text(getattr(findings, "timezone", None))))
        return Read(iter(given), found.passed_over, dict(questions.hints))
