"""Recordings that lie in a study in two stages of their processing, such as raw and filtered."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from otolith.importing.naming.files import without_sensor
from otolith.importing.questions import Undecided

if TYPE_CHECKING:
    from otolith.importing.grouping.left_out import LeftOut
    from otolith.importing.session import Folder
    from otolith.importing.signals.assemble import Prepared

_STAGES = frozenset((
    "raw", "original", "originals", "unprocessed", "unfiltered", "uncalibrated", "processed", "preprocessed",
    "filtered",
    "cleaned", "resampled", "interpolated", "normalized", "normalised", "denoised", "calibrated", "smoothed",
    "downsampled",
))  # fmt: skip


def require_one_stage(prepared: Sequence[Prepared], folders: Sequence[Folder], left_out: LeftOut) -> None:
    """Make sure that no recording is there in two stages, by the names of its files and folders.

    Raises:
        DataError: names of two recordings differ in words such as raw and processed alone, and `left_out` raises it.
    """
    places = {sheet.where: sheet.member for folder in folders for sheet in folder.sheets}
    found: dict[tuple[str, ...], dict[frozenset[str], str]] = {}
    for each in prepared:
        for where in each.session.findings.sources[:1]:
            if where in places:
                source, place = places[where].source, places[where].place
                words = _words(place)
                rest = (str(source), *(word for word in words if word not in _STAGES))
                found.setdefault(rest, {}).setdefault(frozenset(_STAGES.intersection(words)), where)
    twice = [list(several.values()) for several in found.values() if len(several) > 1]
    if twice:
        more = f" (and so do {len(twice) - 1:,} more pairs)" if len(twice) > 1 else ""
        left_out.add(
            Undecided(
                f"{twice[0][0]} and {twice[0][1]} seem to be one recording in two stages, since their names differ in "
                f"nothing else{more}. It would count twice. Name as source the folder of one stage, or leave the other "
                "files out; if they are different recordings, rename them."
            )
        )


def _words(place: PurePosixPath) -> list[str]:
    """Return the words of a path without those of sensors, folders first."""
    return [word for part in (*place.parts[:-1], place.stem) for word in without_sensor(part).split()]
