"""Files of labels without names of columns, as programs for annotation write them, or people by hand."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence

from otolith.errors import DataError
from otolith.importing.labels.moments import moment_of
from otolith.importing.labels.rows import Row
from otolith.importing.tables.text import decode
from otolith.importing.times.time_of_day import CLOCK

Cells = tuple[int, list[str]]
"""Number of a line, and its cells."""


def rows_without_names(where: str, content: bytes) -> list[Row] | None:
    """Return the rows of a table without names: start, end and label, or what ELAN writes; None where it has names.

    Raises:
        DataError: a line without end, several tiers, or columns of which nothing tells which is meant.
    """
    text, _ = decode(where, content)
    lines = [
        (n, line)
        for n, line in enumerate(text.split("\n"), 1)
        if line.strip() and not line.lstrip().startswith(("\\", "#"))
    ]
    top = next((line for line in text.split("\n") if line.strip()), "")
    if not lines or (top.startswith("#") and _as_wide(top, lines[0][1])):  # which names the columns
        return None
    separator = max("\t;,", key=lambda each: sum(each in line for _, line in lines[:50]))
    if not any(separator in line for _, line in lines[:50]):
        separator = " "
    rows = [(number, [cell.strip() for cell in _cells(line, separator)]) for number, line in lines]
    first = rows[0][1]
    times = [at for at, cell in enumerate(first) if moment_of(cell) is not None]
    if len(times) < 2 or (times[0] > 2 and separator != "\t"):
        return None
    start = times[0]
    clock = bool(re.match(CLOCK, first[start]))
    ends = [at for at in times[1:] if bool(re.match(CLOCK, first[at])) == clock and not _same(rows, start, at)]
    ends = ends or [at for at in times[1:] if bool(re.match(CLOCK, first[at])) == clock and len(times) == 2]
    if not ends:
        return None
    end = ends[0]
    _require_explained(where, rows, [at for at in times if at not in (start, end)], start, end)
    label = _label(where, rows, times, start, end)
    before = [at for at in _worded(rows, times) if at < start and at != label]  # ELAN's tier, and who it is about
    tiers = {row[before[0]] for _, row in rows if len(row) > before[0]} if before else set()
    if len(tiers) > 1:
        raise DataError(
            f"{where}: has {len(tiers)} tiers ({', '.join(sorted(tiers)[:5])}); a moment can have one activity. Export "
            "the one of the activities, or put names above the columns: recording,start,end,activity"
        )
    out = []
    for number, row in rows:
        if len(row) <= end:
            raise DataError(f"{where}, line {number}: {len(row)} cells, expected start, end and activity. Repair it.")
        out.append(Row(f"{where}, line {number}", "", row[start], row[end], row[label] if len(row) > label else ""))
    return out


def _label(where: str, rows: Sequence[Cells], times: list[int], start: int, end: int) -> int:
    """Return the column of labels.

    Raises:
        DataError: several columns may hold them.
    """
    words = _worded(rows, times)
    later = [at for at in words if at > start]
    others = [at for at in words if at < start]
    if len(later) > 1:
        examples = ", ".join(repr(next(row[at] for _, row in rows if len(row) > at and row[at])) for at in later[:4])
        raise DataError(
            f"{where}: nothing tells which column is the activity, those of {examples}. Put names above the columns: "
            "start,end,activity"
        )
    if later:
        return later[0]
    if len(others) == 1 and max(times) + 1 >= max(len(row) for _, row in rows):
        return others[0]
    numbers = [at for at in times if at not in (start, end)]
    if len(numbers) == 1 and numbers[0] > end and len(rows[0][1]) == 3:
        return _numbered(where, rows, numbers[0])
    return max(times) + 1


def _numbered(where: str, rows: Sequence[Cells], at: int) -> int:
    """Return the third of three columns of numbers, if it is one of labels.

    Raises:
        DataError: it may be an end, and the first the label.
    """
    whole = all(len(row) > at and re.fullmatch(r"-?\d{1,6}", row[at]) for _, row in rows)
    values = [[_seconds(cell) for cell in row[:3]] for _, row in rows if len(row) > at]
    if all(math.isclose(c, b - a, abs_tol=2e-3) for a, b, c in values) or not whole:
        return at + 1
    if all(b < c for _, b, c in values) and all(a == int(a) for a, _, _ in values):
        raise DataError(
            f"{where}: nothing tells which of its three numbers are start, end and activity. Put names above the "
            "columns: start,end,activity"
        )
    return at


def _require_explained(where: str, rows: Sequence[Cells], others: list[int], start: int, end: int) -> None:
    """Refuse numbers before the label that say neither start, end nor duration once more, in seconds or milliseconds.

    Raises:
        DataError: nothing tells what such numbers are.
    """
    width = max(len(row) for _, row in rows)
    words = _worded(rows, [start, end, *others])
    for at in others:
        if not any(word > at for word in words) and (at == width - 1 or words):
            continue  # beside or after the label
        values = [
            [_seconds(row[column]) for column in (start, end, at)] for _, row in rows if len(row) > max(start, end, at)
        ]
        same = any(
            all(
                math.isclose(c, scale * x, rel_tol=1e-9, abs_tol=2e-3 * scale)
                for a, b, c in values
                for x in ((a, b, b - a)[i],)
            )
            for scale in (1, 1000)
            for i in range(3)
        )
        if not same:
            raise DataError(
                f"{where}: nothing tells which of its numbers are start and end. Put names above the columns: "
                "start,end,activity"
            )


def _as_wide(first: str, second: str) -> bool:
    """Tell if a line of remarks has as many cells as a row, and more than one."""
    return any(0 < first.count(each) == second.count(each) for each in "\t;,")


def _seconds(text: str) -> float:
    moment = moment_of(text)
    return math.nan if moment is None else moment.seconds


def _worded(rows: Sequence[Cells], times: list[int]) -> list[int]:
    """Return the columns besides those of times in which something stands."""
    width = max(len(row) for _, row in rows)
    return [at for at in range(width) if at not in times and any(len(row) > at and row[at] for _, row in rows)]


def _cells(line: str, separator: str) -> list[str]:
    if separator == " ":
        return line.split(None, 2)
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return line.split(separator)


def _same(rows: Sequence[Cells], first: int, second: int) -> bool:
    """Tell if two columns say the same moments."""
    pairs = [(_seconds(row[first]), _seconds(row[second])) for _, row in rows if len(row) > max(first, second)]
    return all(math.isclose(a, b, abs_tol=1e-3) for a, b in pairs)
