"""Sources in parts that can be read without each other, so that processes share the work and one failure stays one.

What a collection of recordings needs as a whole (equal channels, labels in one file, subjects for splits) does not
count here: `otolith.importing.read` looks after that.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from otolith.errors import DataError
from otolith.importing.containers.sources import Member, gather
from otolith.importing.disk_buffer import in_memory
from otolith.importing.findings import Findings
from otolith.importing.formats import TAKEN, tells_places
from otolith.importing.grouping.folders import folders_of
from otolith.importing.grouping.left_out import LeftOut, parts_of
from otolith.importing.labels.activities import read_map, tidied
from otolith.importing.labels.intervals import read_intervals
from otolith.importing.labels.segments import segments_of_intervals
from otolith.importing.labels.which import those_of
from otolith.importing.options import ImportOptions
from otolith.importing.questions import Questions
from otolith.importing.read import prepare_folder, span
from otolith.importing.sensors.places import of_place
from otolith.importing.session import Folder
from otolith.importing.signals.assemble import assemble
from otolith.progress import Stage
from otolith.recording import Recording


@dataclass(frozen=True)
class Part:
    """The recordings in a part, and the files in which there is no motion."""

    recordings: list[tuple[Recording, Findings]]
    passed_over: tuple[str, ...]


def list_parts(
    sources: Sequence[Path], left_out: LeftOut, labels: Path | None = None, place: str | None = None
) -> tuple[list[Folder], list[str]]:
    """List files in parts that can be read without each other, and files that are no recordings.

    `left_out` is told of what cannot be opened. Files that say another place than the given one are passed over.

    Raises:
        DataError: a source is missing, or what `left_out` does not allow to be left out.
    """
    with gather(sources, TAKEN, left_out.add, apart=True) as gathered:
        if not gathered.members:
            return [], gathered.passed_over
        folders, elsewhere = of_place(folders_of(list(sources), gathered.members, labels), place, tells_places)
    return [part for folder in folders for part in parts_of(folder)], [*gathered.passed_over, *elsewhere]


def read_part(part: Folder, questions: Questions, scratch: Path | None = None) -> Part:
    """Read one part.

    Args:
        scratch: folder on the disk for the samples of long files; None: all are held in memory.

    Raises:
        DataError: it is damaged, or cannot be used.
        Undecided: an option has to say something.
    """
    passed: list[str] = []
    prepared = prepare_folder(part, questions, in_memory, passed, Stage(), scratch)
    found = [each for ready in prepared for each in assemble(ready, questions)]
    for _, findings in found:
        passed += findings.passed_over
    return Part(found, tuple(dict.fromkeys(passed)))


def check_labels(options: ImportOptions, n_parts: int) -> None:
    """Refuse a file of labels that does not say of which recording, where there are several files.

    Raises:
        DataError: an interval names none.
    """
    if options.labels is None or n_parts < 2:
        return
    for each in read_intervals(options.labels):
        if each.recording is None:
            raise DataError(f"{each.where}: does not say of which recording; there are {n_parts} files.")


def labelled(found: Sequence[tuple[Recording, Findings]], questions: Questions) -> list[tuple[Recording, Findings]]:
    """Return recordings with the activities that options give them: intervals of a file, and their names.

    Raises:
        DataError: see `otolith.importing.labels.segments.segments_of_intervals`.
    """
    options, out = questions.options, list(found)
    if options.labels is not None:
        spans = {each.name: span(each) for each, _ in out}
        findings = {each.name: told for each, told in out}
        ours = those_of(read_intervals(options.labels, questions.kept_words), spans)
        placed = segments_of_intervals(ours, spans, findings, options.timezone)
        out = [(replace(each, segments=placed[each.name]), told) for each, told in out]
    mapping = None if options.label_map is None else read_map(options.label_map)
    recordings, _ = tidied([each for each, _ in out], mapping, options.keep_case)
    return list(zip(recordings, (told for _, told in out), strict=True))


def file_of(part: Folder) -> str:
    """Return the name by which a study knows a part: its file below the source, or the folder of its files."""
    files = list(dict.fromkeys(_file(sheet.member) for sheet in part.sheets))
    if len(files) == 1:
        return files[0]
    return os.path.commonpath([str(PurePosixPath(file).parent) for file in files]) or part.source


def stamp_of(part: Folder) -> list[tuple[str, int, int]]:
    """Return what tells a part from another, or from itself before its files changed: name, size and time of each."""
    out = []
    for sheet in part.sheets:
        member = sheet.member
        path = member.source if member.source.is_file() else member.source / _file(member)
        try:
            changed = path.stat().st_mtime_ns
        except OSError:
            changed = 0
        out.append((member.where, member.size or member.packed, changed))
    return out


def _file(member: Member) -> str:
    """Return the file that holds a member, with an archive as one file, below a source that is a folder."""
    path = member.where.partition(": ")[0]
    if member.source.is_dir():
        return PurePosixPath(Path(os.path.relpath(path, member.source)).as_posix()).as_posix()
    return member.source.name
