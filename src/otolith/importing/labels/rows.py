"""Rows of files of labels as they are written, whatever program wrote them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One row as it is written; `end` is "" where it says none."""

    where: str
    recording: str
    start: str
    end: str
    activity: str
    duration: str = ""
