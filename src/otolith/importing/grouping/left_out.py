"""Files that are left out of a collection because they cannot be read or used, so that the others are still done.

Files that may belong to one recording are left out together: half a recording would pass for a whole one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from otolith.errors import DataError
from otolith.importing.naming.files import sensor_of_file, without_sensor
from otolith.importing.questions import Undecided
from otolith.importing.session import Folder, Sheet

T = TypeVar("T")
_RATE = re.compile(r"\d+(?:[.,]\d+)?\s?hz", re.IGNORECASE)
_NAMED_BESIDE = re.compile(r"(.+)_(?:motion|channels)")
"""Motion in BIDS, whose columns a file beside it names."""
_MOST_TOLD = 20


@dataclass
class LeftOut:
    """Collects the reasons for what is left out.

    Args:
        allowed: leave out what cannot be read or used; False: the first such file is an error.

    Attributes:
        reasons: a sentence for each file or recording, in the order in which they were met.
        undecided: those of them that an option would cure.
    """

    allowed: bool = False
    reasons: list[str] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)

    def attempt(self, work: Callable[[], list[T]]) -> list[T]:
        """Return what `work` returns or, where that cannot be read and may be left out, nothing.

        Raises:
            DataError: `work` raised it, and nothing may be left out.
        """
        try:
            return work()
        except DataError as error:
            self.add(error)
            return []

    def add(self, error: DataError) -> None:
        """Note an error.

        Raises:
            DataError: this very error, where nothing may be left out.
        """
        if not self.allowed:
            raise error
        text = str(error)
        if text not in self.reasons:
            self.reasons.append(text)
            if isinstance(error, Undecided):
                self.undecided.append(text)

    def require_answers(self) -> None:
        """Make sure that no question is open.

        Raises:
            Undecided: an option would cure what was left out; has all that has to be answered or cured, in one go.
        """
        if self.undecided:
            rest = [reason for reason in self.reasons if reason not in self.undecided]
            raise Undecided(listed([*self.undecided, *rest]))


def listed(reasons: Iterable[str]) -> str:
    """Return reasons as lines of one message.

    >>> listed(["a.csv: is empty."])
    'a.csv: is empty.'
    """
    found = list(reasons)
    if len(found) == 1:
        return found[0]
    more = [f"and {len(found) - _MOST_TOLD:,} more"] if len(found) > _MOST_TOLD else []
    return "\n  ".join([f"{len(found):,} things have to be put right:", *found[:_MOST_TOLD], *more])


def parts_of(folder: Folder) -> list[Folder]:
    """Return the files of a folder in groups, of which each can be read without the others.

    Files whose names differ in the sensor and its rate alone belong together (`walk_acc.csv`, `walk_gyro.csv`). Where a
    name is nothing but a sensor's (`Gyroscope.csv`), all files are of one recording.
    """
    groups: dict[str, list[Sheet]] = {}
    for sheet in folder.sheets:
        key = sheet.where
        if sensor_of_file(sheet.stem) is not None:
            key = without_sensor(_RATE.sub("", sheet.stem)).strip()
            if not key:
                return [folder]
        elif (named := _NAMED_BESIDE.fullmatch(sheet.stem)) is not None:
            key = named[1]
        groups.setdefault(key, []).append(sheet)
    return [replace(folder, sheets=tuple(sheets)) for sheets in groups.values()]
