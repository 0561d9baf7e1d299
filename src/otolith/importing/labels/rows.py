"""Rows of files of labels as they are written, whatever program wrote them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One row as it is written; `end` is "" where it says none.

    `unit` and `duration_unit` are those in which numbers are, in seconds; None where nothing says them.
    """

    where: str
    recording: str
    start: str
    end: str
    activity: str
    duration: str = ""
    unit: float | None = None
    end_unit: float | None = None
    duration_unit: float | None = None

    @property
    def empty(self) -> bool:
        """True where it says nothing, as the last rows of spreadsheets do."""
        return not (self.start or self.end or self.activity or self.duration)
