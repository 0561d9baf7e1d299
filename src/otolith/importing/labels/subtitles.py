"""Subtitles, SRT and WebVTT: what a person wrote to a video, from when until when."""

from __future__ import annotations

import re

from otolith.importing.labels.rows import Row
from otolith.importing.tables.text import decode

_TIME = r"(?:(\d{1,3}):)?([0-5]?\d):([0-5]?\d(?:[.,]\d{1,3})?)"
_SPAN = re.compile(rf"^\s*{_TIME}\s*-->\s*{_TIME}(?:\s.*)?$")
_TAG = re.compile(r"<[^<>]{0,100}>|\{\\[^{}]{0,100}\}")


def is_subtitles(text: str) -> bool:
    """Tell if a text is one of subtitles.

    >>> is_subtitles("1\\n00:00:01,000 --> 00:00:02,500\\nwalk\\n"), is_subtitles("start,end")
    (True, False)
    """
    return any(_SPAN.match(line) for line in text[:2000].splitlines())


def rows_of_subtitles(where: str, content: bytes) -> list[Row]:
    """Return a row for each subtitle; the lines of one are joined by blanks, and styles are left out."""
    text, _ = decode(where, content)
    lines = text.split("\n")
    out: list[Row] = []
    at = 0
    while at < len(lines):
        span = _SPAN.match(lines[at])
        at += 1
        if span is None:
            continue
        number, words = at, []
        while at < len(lines) and lines[at].strip() and not _SPAN.match(lines[at]):
            words.append(_TAG.sub("", lines[at]).strip())
            at += 1
        start, end = (f"{_seconds(*span.groups()[first : first + 3]):.3f}" for first in (0, 3))
        out.append(
            Row(f"{where}, line {number}", "", start, end, " ".join(filter(None, words)), unit=1.0, end_unit=1.0)
        )
    return out


def _seconds(hours: str | None, minutes: str, seconds: str) -> float:
    return 3600 * int(hours or 0) + 60 * int(minutes) + float(seconds.replace(",", "."))
