"""Files of labels: intervals or marks, as a person writes them or a program for annotation exports them.

- A table with columns for start, end (or duration) and activity, and perhaps the recording. Where it has a time instead
  of start and end, each mark lasts until the next, as apps write those that a person sets while recording.
- A table without names: Audacity's label tracks (start, end, label) and ELAN's tab-delimited text (tier, times, value).
- JSON of Label Studio.

Times are seconds (or hh:mm:ss) since the recording's first sample, or points in time: numbers since 1970, or ISO 8601.
"""

from __future__ import annotations

import csv
import math
import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from otolith.datasets.tables import read_bytes
from otolith.errors import DataError
from otolith.importing.labels.activities import is_label
from otolith.importing.labels.label_studio import rows_of
from otolith.importing.labels.rows import Row
from otolith.importing.naming.units import TIME_UNITS
from otolith.importing.naming.words import words_of
from otolith.importing.session import table_of
from otolith.importing.tables.table import Table
from otolith.importing.tables.text import decode
from otolith.importing.times.moments import parse_moment
from otolith.importing.times.time_of_day import CLOCK
from otolith.importing.times.timing import EPOCH

NAMES = {
    "recording": ("recording", "recording id", "file", "name", "session", "trial"),
    "start": ("start", "start s", "begin", "from", "start time", "onset", "begin time", "start sec"),
    "mark": ("time", "timestamp", "time s", "seconds elapsed"),
    "end": ("end", "end s", "stop", "stop s", "to", "end time", "offset", "end sec", "finish"),
    "duration": ("duration", "duration s", "duration sec"),
    "activity": ("activity", "label", "class", "annotation", "text", "annotation value", "value", "event", "marker",
                 "note", "behavior", "behaviour"),
}  # fmt: skip
EXAMPLE = "recording,start,end,activity\nwalk,0,12.5,walking"
_FORM = re.compile(r" (?:hh mm ss ms|ss msec|msec|seconds|sec|s)$")
"""Ending of ELAN's names of columns, which says the form of the times."""


@dataclass(frozen=True)
class Interval:
    """One row: `start` and `end` in seconds, since 1970 if `absolute`, else on the recording's clock.

    `end` is infinite for the last of marks that last until the next.
    """

    where: str
    recording: str | None
    start: float
    end: float
    activity: str
    absolute: bool
    zoned: bool
    until_next: bool = False


def read_intervals(path: Path, kept: Collection[str] = ()) -> list[Interval]:
    """Read the intervals in a file.

    Args:
        kept: see `otolith.importing.labels.activities.is_label`.

    Raises:
        DataError: no such file or column, a time that cannot be read, or an interval that does not end after its
            start; names file and line.
    """
    content = read_bytes(path)
    if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"[", b"{"):
        return _intervals(rows_of(str(path), content), kept)
    kind = path.suffix.lower()
    bare = None if kind == ".parquet" else _without_names(str(path), content)
    return _intervals(bare if bare is not None else _of_table(table_of(str(path), kind, content)), kept)


def _of_table(table: Table) -> list[Row]:
    by_words = {_FORM.sub("", words_of(column)): column for column in reversed(table.columns)}
    by_words |= {words_of(column): column for column in reversed(table.columns)}
    found = {what: [by_words[name] for name in names if name in by_words] for what, names in NAMES.items()}
    columns = {what: each[0] for what, each in found.items() if each}
    if "activity" not in columns and "begin time" in by_words:  # ELAN may call the column of values after the tier
        rest = [column for column in table.columns if not re.match(r"begin|end|duration|tier", words_of(column))]
        columns |= {"activity": rest[-1]} if rest else {}
    if "start" not in columns and not columns.keys() & {"end", "duration"} and "mark" in columns:
        columns["start"] = columns["mark"]
    lacking = [what for what in ("start", "end", "activity") if what not in columns]
    if "duration" in columns or columns.get("start") == columns.get("mark", 0):
        lacking = [what for what in lacking if what != "end"]
    if lacking:
        raise DataError(
            f"{table.where}: has no column for the {lacking[0]} of an interval (it has {', '.join(table.columns)}). "
            f"Expected lines such as:\n{EXAMPLE}"
        )
    cells = {what: table.texts(columns[what]) if what in columns else [""] * table.height for what in NAMES}
    if "end" in columns and "" in cells["end"]:
        raise DataError(f"{table.at(cells['end'].index(''))}: names no {columns['end']}. Fill it, or remove the line.")
    return [
        Row(table.at(row), *(cells[what][row] for what in ("recording", "start", "end", "activity", "duration")))
        for row in range(table.height)
    ]


def _without_names(where: str, content: bytes) -> list[Row] | None:
    """Return the rows of a table without names; None where the first line names columns."""
    text, _ = decode(where, content)
    lines = [(n, line) for n, line in enumerate(text.split("\n"), 1) if line.strip() and not line.startswith("\\")]
    if not lines:
        return None
    separator = max("\t;,", key=lambda each: sum(each in line for _, line in lines[:50]))
    rows = [(number, [cell.strip() for cell in _cells(line, separator)]) for number, line in lines]
    first = rows[0][1]
    times = [at for at, cell in enumerate(first) if _moment(cell) is not None]
    words = [at for at, cell in enumerate(first) if cell and at not in times]
    if len(times) < 2:
        return None
    start = times[0]
    clock = bool(re.match(CLOCK, first[start]))
    ends = [at for at in times[1:] if bool(re.match(CLOCK, first[at])) == clock and not _same(rows, start, at)]
    later = [at for at in words if at > start]
    if not ends or not (later or len(first) <= max(times) + 1):
        return None
    label = later[-1] if later else max(times) + 1
    before = [at for at in words if at < start]  # ELAN's tier, and who it is about
    tiers = {row[before[0]] for _, row in rows if len(row) > before[0]} if before else set()
    if len(tiers) > 1:
        raise DataError(
            f"{where}: has {len(tiers)} tiers ({', '.join(sorted(tiers)[:5])}); a moment can have one activity. Export "
            "the one of the activities."
        )
    out = []
    for number, row in rows:
        if len(row) <= ends[0]:
            raise DataError(f"{where}, line {number}: {len(row)} cells, expected start, end and activity. Repair it.")
        out.append(Row(f"{where}, line {number}", "", row[start], row[ends[0]], row[label] if len(row) > label else ""))
    return out


def _cells(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return line.split(separator)


def _same(rows: Sequence[tuple[int, list[str]]], first: int, second: int) -> bool:
    """Tell if two columns say the same moments."""
    pairs = [(_moment(row[first]), _moment(row[second])) for _, row in rows if len(row) > max(first, second)]
    return all(a is not None and b is not None and math.isclose(a[0], b[0], abs_tol=1e-3) for a, b in pairs)


def _intervals(rows: Sequence[Row], kept: Collection[str]) -> list[Interval]:
    """Return what rows mean; those without an end last until the next of their recording begins."""
    starts = [_required(row, row.start) for row in rows]
    begins: dict[str, list[float]] = defaultdict(list)
    for row, (start, _, _) in zip(rows, starts, strict=True):
        begins[row.recording].append(start)
    out = []
    for row, (start, absolute, zoned) in zip(rows, starts, strict=True):
        marked = not row.end and not row.duration
        if row.end:
            end, *kind = _required(row, row.end)
            if kind != [absolute, zoned]:
                raise DataError(f"{row.where}: start and end are times of two kinds. Write both in the same way.")
        elif row.duration:
            end = start + _required(row, row.duration)[0]
        else:
            end = min((each for each in begins[row.recording] if each > start), default=math.inf)
        if not start < end:
            raise DataError(f"{row.where}: ends at {end:g} s, not after its start at {start:g} s. Correct it.")
        if not row.activity and not marked:
            raise DataError(f"{row.where}: names no activity. Fill it, or remove the line.")
        if is_label(row.activity, kept):
            out.append(Interval(row.where, row.recording or None, start, end, row.activity, absolute, zoned, marked))
    return out


def _required(row: Row, text: str) -> tuple[float, bool, bool]:
    moment = _moment(text)
    if moment is None:
        raise DataError(
            f"{row.where}: {text[:40]!r} is no time; expected seconds, hh:mm:ss or ISO 8601 such as "
            "2026-03-01T10:00:00Z."
        )
    return moment


def _moment(text: str) -> tuple[float, bool, bool] | None:
    """Return (seconds, since 1970 or not, with a zone or not); None where the text is no time."""
    clock = re.match(CLOCK, text)
    if clock and clock[5] is None:
        hours, minutes, seconds, fraction = clock.groups()[:4]
        return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + float(f"0.{fraction or 0}"), False, False
    moment = parse_moment(text)
    if moment is not None:
        return moment[0] / 1e9, True, moment[1]
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    for unit, (lo, hi) in EPOCH.items():
        if lo <= value <= hi:
            return value * TIME_UNITS[unit] / 1e9, True, True
    return (value, False, False) if np.isfinite(value) else None
