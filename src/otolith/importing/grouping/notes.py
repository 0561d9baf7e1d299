"""Notes on a whole study: what is told of its people, its activities and what it holds twice."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from otolith.importing.grouping.people import OF_TRAINING, named, notes_on_activities, notes_on_people
from otolith.importing.grouping.twice import COPIES, ends_of, notes_on_copies, notes_on_one_time

if TYPE_CHECKING:
    from otolith.importing.findings import Findings
    from otolith.importing.options import ImportOptions
    from otolith.importing.session import Folder
    from otolith.recording import Recording

SHARED = 0.5
"""Share of the time of a recording that both of its sensors are to cover."""


def notes_on_study(
    recordings: Sequence[Recording],
    findings: Mapping[str, Findings],
    unsaid: Collection[str],
    folders: Sequence[Folder],
    options: ImportOptions,
) -> tuple[str, ...]:
    """Return sentences on what may be wrong in recordings as a whole.

    Args:
        recordings: all of them.
        findings: by their names.
        unsaid: names of those of which nothing says the person.
        folders: all files.
        options: of the import.
    """
    return (
        *notes_on_people(recordings, unsaid, folders, options),
        *notes_on_activities(recordings, folders, options),
        *notes_on_copies(recordings),
        *notes_on_one_time(recordings, findings, options),
        *notes_on_sensors(recordings),
    )


def notes_on_sensors(recordings: Sequence[Recording]) -> list[str]:
    """Return what is to be told of recordings whose sensors share less than half of the time."""
    apart = []
    for each in recordings:
        spans = [ends_of(stream) for stream in each.streams]
        shared = min(stop for _, stop in spans) - max(start for start, _ in spans)
        if len(spans) > 1 and shared < SHARED * (max(stop for _, stop in spans) - min(start for start, _ in spans)):
            apart.append(each.name)
    if not apart:
        return []
    return [
        f"Accelerometer and gyroscope of {named(apart)} share less than half of the time, and only that is used. "
        "Check that their files are of one recording."
    ]


def is_of_training(note: str) -> bool:
    """Tell if a note matters only where recordings are trained on."""
    return note.startswith((OF_TRAINING, COPIES))


def axes_apart(folders: Sequence[Folder]) -> str:
    """Return what to do where files hold an axis each (`acc_x.txt`, `acc_y.txt`, `acc_z.txt`), "" where none do."""
    stems = {(folder.place, sheet.stem) for folder in folders for sheet in folder.sheets}
    for place, stem in sorted(stems):
        for match in re.finditer(r"(?<![a-z])x(?![a-z])", stem, re.IGNORECASE):
            x, y, z = (f"{stem[: match.start()]}{chr(ord(match[0]) + n)}{stem[match.end() :]}" for n in range(3))
            if {(place, y), (place, z)} <= stems:
                return f"{x}, {y} and {z} seem to hold an axis each: put them side by side, as columns of one table"
    return ""
