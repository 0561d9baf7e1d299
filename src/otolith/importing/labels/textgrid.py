"""Praat's TextGrid, in its long and its short form, with one tier of intervals that has labels."""

from __future__ import annotations

import re
from collections.abc import Iterator

from otolith.errors import DataError
from otolith.importing.labels.rows import Row
from otolith.importing.tables.text import decode

_TOKEN = re.compile(r'"((?:[^"]|"")*)"|(?<![\w\[.])(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w\].:])')
"""Texts and numbers; names and numbers of items stand for readers alone."""


def is_textgrid(text: str) -> bool:
    """Tell if a text is a TextGrid of Praat.

    >>> is_textgrid('File type = "ooTextFile"\\nObject class = "TextGrid"'), is_textgrid("start,end")
    (True, False)
    """
    return text.lstrip("\ufeff \r\n").startswith("File type") and '"TextGrid"' in text[:500]


def rows_of_textgrid(where: str, content: bytes) -> list[Row]:
    """Return a row for each interval that has a text.

    Raises:
        DataError: it breaks off, or several or no tiers have intervals with a text.
    """
    text, _ = decode(where, content)
    tokens = [
        match[1].replace('""', '"') if match[1] is not None else float(match[2]) for match in _TOKEN.finditer(text)
    ]
    try:
        tiers = dict(_tiers(where, iter(tokens[tokens.index("TextGrid") + 1 :])))
    except (StopIteration, RuntimeError, ValueError, TypeError):
        raise DataError(f"{where}: breaks off, or is no TextGrid of intervals. Save it again in Praat.") from None
    used = [name for name, rows in tiers.items() if rows]
    if len(used) != 1:
        listed = f" ({', '.join(used[:5])})" if used else ""
        raise DataError(
            f"{where}: has {len(used)} tiers of intervals with labels{listed}; a moment can have one activity. Save "
            "the tier of the activities alone."
        )
    return tiers[used[0]]


def _tiers(where: str, tokens: Iterator[str | float]) -> Iterator[tuple[str, list[Row]]]:
    next(tokens), next(tokens)
    for number in range(int(next(tokens))):
        kind, name = next(tokens), next(tokens)
        next(tokens), next(tokens)
        rows = []
        for item in range(int(next(tokens))):
            start = next(tokens)
            end = next(tokens) if kind == "IntervalTier" else start
            label = next(tokens)
            if not isinstance(label, str):
                raise ValueError(label)
            if label.strip() and kind == "IntervalTier":
                place = f"{where}, tier {name!r}, interval {item + 1}"
                rows.append(Row(place, "", f"{float(start):.9f}", f"{float(end):.9f}", label.strip()))
        yield f"{name}" if rows else f"{name} {number}", rows
