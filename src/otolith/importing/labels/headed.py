"""Files of labels as tables with names of columns, in the words of several languages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from otolith.errors import DataError
from otolith.importing.labels.label_studio import rows_of_cells
from otolith.importing.labels.names import (
    ACTIVITIES,
    AROUND,
    COUNTS,
    DATES,
    DURATIONS,
    ENDS,
    MARKS,
    OTHERS,
    RECORDINGS,
    STARTS,
    UNITS,
)
from otolith.importing.labels.pairs import paired, status_column
from otolith.importing.labels.rows import Row
from otolith.importing.naming.units import split_header
from otolith.importing.naming.words import LABEL_WORDS, words_of
from otolith.importing.tables.table import Table

MOST_OF_MARKS = 5
"""Columns of a table of marks, which other tables with an activity exceed."""
EXAMPLE = "recording,start,end,activity\nwalk,0,12.5,walking"
_FORM = re.compile(r" (?:hh mm ss ms|ss msec|hh mm ss)$")
"""Ending of ELAN's names of columns, which says the form of the times."""


def rows_with_names(table: Table) -> list[Row]:
    """Return the rows of a table of intervals or marks.

    Raises:
        DataError: a column is not there, or cannot be told from another; or the rows are of several tiers, people or
            recordings that no column of recordings tells.
    """
    words = {column: words_of(column) for column in table.columns}
    columns: dict[str, str] = {}
    units: dict[str, float | None] = {}
    for what, names in (("start", STARTS), ("end", ENDS), ("duration", DURATIONS)):
        found = [(column, unit) for column in table.columns for fits, unit in (_named(column, names),) if fits]
        if what == "end" and not any("onset" in words[column] for column in table.columns):
            found = [each for each in found if "offset" not in words[each[0]]]
        if found:
            columns[what], units[what] = min(found, key=lambda each: _worth(*each))
            _require_one(table, what, found)
    for what, among in (("recording", RECORDINGS), ("activity", ACTIVITIES)):
        column = next(
            (c for name in among for c in table.columns if words[c] == name and c not in columns.values()), None
        )
        if column is not None:
            columns[what] = column
    if "activity" not in columns and words.get(columns.get("recording", "")) == "name":
        columns["activity"] = columns.pop("recording")
    if "activity" not in columns and any(each.startswith("begin time") for each in words.values()):
        _add_value_of_elan(table, words, columns)
    if "activity" in columns and "start" not in columns and _is_json(table, columns["activity"]):
        return rows_of_cells(table)
    lone = False
    if "start" not in columns and "end" not in columns:
        marks = [(c, unit) for c in table.columns for fits, unit in (_mark(c),) if fits]
        if marks:
            columns["start"], units["start"] = marks[0]
            lone = "duration" not in columns
    _require(table, columns, words, lone)
    _require_one_source(table, words, columns)
    parts = ("recording", "start", "end", "activity", "duration")
    cells = {what: table.texts(columns[what]) if what in columns else [""] * table.height for what in parts}
    for what, dates in _dates(table, words, columns).items():
        cells[what] = [
            f"{date} {time}" if date and re.match(r"\s*\d{1,2}:\d\d", time) else time
            for date, time in zip(dates, cells[what], strict=True)
        ]
    start, end, lasts = (units.get(what) for what in ("start", "end", "duration"))
    rows = [
        Row(table.at(number), of, begins, ends, activity, duration, start, end, lasts)
        for number, (of, begins, ends, activity, duration) in enumerate(
            zip(*(cells[what] for what in parts), strict=True)
        )
    ]
    for row in rows:
        if "end" in columns and not row.end and not row.empty and not row.duration:
            raise DataError(f"{row.where}: names no {columns['end']}. Fill it, or remove the line.")
    if lone:
        return paired(rows, status_column(table, columns))
    return [row for row in rows if not row.empty]


def has_names_of_intervals(columns: Sequence[str]) -> bool:
    """Tell if columns are called as those of intervals, or of marks with an activity.

    >>> has_names_of_intervals(["start", "stop", "activity"]), has_names_of_intervals(["time", "heart rate"])
    (True, False)
    """
    words = {words_of(column) for column in columns}
    start = any(_named(column, STARTS)[0] for column in columns)
    end = any(_named(column, ENDS | DURATIONS)[0] for column in columns)
    if start and end:
        return bool(words & set(ACTIVITIES))
    return len(columns) <= MOST_OF_MARKS and bool(words & set(LABEL_WORDS)) and any(_mark(each)[0] for each in columns)


def _dates(table: Table, words: dict[str, str], columns: dict[str, str]) -> dict[str, list[str]]:
    """Return the dates that stand in columns beside starts and ends, if any do."""
    free = {name: column for column, name in reversed(words.items()) if column not in columns.values()}
    first = next((free[name] for name in DATES if name in free), None)
    if first is None:
        return {}
    last = next((free[name] for name in ("end date", "date end", "stop date") if name in free), first)
    return {"start": table.texts(first), "end": table.texts(last)}


def _parts(column: str) -> tuple[list[str], float | None]:
    """Return the words of a name without its unit, and the unit in seconds."""
    words = _FORM.sub("", words_of(column)).split()
    bracket = split_header(column)[1] or re.search(r"[(\[]\s*(\w+)\s*[)\]]", column)
    said = bracket if isinstance(bracket, str) else bracket[1] if bracket else ""
    unit = UNITS.get(said.lower())
    words = [word for word in words if word != said.lower()] if unit is not None else words
    if unit is None and len(words) > 1 and words[-1] in UNITS:
        unit = UNITS[words.pop()]
    return words, unit


def _named(column: str, names: frozenset[str]) -> tuple[bool, float | None]:
    """Tell if a column is a start, an end or a duration, and in which unit."""
    words, unit = _parts(column)
    left = [word for word in words if word not in AROUND] if len(words) > 1 else words
    if "time offset" in " ".join(words):
        return False, None
    return len(left) == 1 and left[0] in names, unit


def _mark(column: str) -> tuple[bool, float | None]:
    words, unit = _parts(column)
    name = " ".join(words)
    if name in UNITS:
        return name in MARKS, unit
    return name in MARKS, unit


def _worth(column: str, unit: float | None) -> tuple[bool, bool, int]:
    """Return how plainly a column says a time, the least first: in seconds, by a number, in few words."""
    return unit not in (None, 1.0), " hh mm" in words_of(column), len(_parts(column)[0])


def _require_one(table: Table, what: str, found: list[tuple[str, float | None]]) -> None:
    """Refuse a time in two columns, such as minutes and seconds, which may be its parts.

    Raises:
        DataError: there are two.
    """
    if any(unit is not None and unit >= 60 for _, unit in found) and len(found) > 1:
        listed = ", ".join(column for column, _ in found)
        raise DataError(
            f"{table.where}: the {what} stands in several columns ({listed}). Keep one of them, such as in seconds, "
            "and remove the others."
        )


def _add_value_of_elan(table: Table, words: dict[str, str], columns: dict[str, str]) -> None:
    """Add the column of values, which ELAN may call after the tier.

    Raises:
        DataError: there are several.
    """
    known = set(columns.values())
    others = {name for names in OTHERS.values() for name in names}
    rest = [
        column
        for column in table.columns
        if column not in known
        and words[column] not in others
        and not re.match(r"begin|end|duration|column \d+$", words[column])
        and any(table.texts(column))
    ]
    if len(rest) > 1:
        raise DataError(
            f"{table.where}: has {len(rest)} tiers ({', '.join(rest[:5])}); a moment can have one activity. Export the "
            "one of the activities."
        )
    if rest:
        columns["activity"] = rest[0]


def _require(table: Table, columns: dict[str, str], words: dict[str, str], marks: bool) -> None:
    lacking = [what for what in ("start", "end", "activity") if what not in columns]
    if "duration" in columns or marks:
        lacking = [what for what in lacking if what != "end"]
    if not lacking:
        return
    counts = [column for column in table.columns if set(words[column].split()) & COUNTS and _is_edge(words[column])]
    if counts and lacking[0] != "activity":
        raise DataError(
            f"{table.where}: column {counts[0]!r} counts samples or pictures, which says no time by itself. Divide by "
            "their rate, so that it holds seconds since the recording's first sample, and call it "
            f"{'end' if set(words[counts[0]].split()) & ENDS else 'start'}."
        )
    there = ", ".join(name[:60] for name in table.columns[:40])
    raise DataError(
        f"{table.where}: has no column for the {lacking[0]} of an interval (it has {there}). "
        f"Expected lines such as:\n{EXAMPLE}"
    )


def _is_edge(words: str) -> bool:
    return bool(set(words.split()) & (STARTS | ENDS))


def _require_one_source(table: Table, words: dict[str, str], columns: dict[str, str]) -> None:
    """Refuse rows of several tiers, of several people who annotated, or of recordings that no column tells."""
    for what, names in OTHERS.items():
        if what == "recording" and "recording" in columns:
            continue
        for column in _of(words, names, columns.values()):
            values = list(dict.fromkeys(filter(None, table.texts(column))))
            if len(values) < 2:
                continue
            listed = ", ".join(value[:40] for value in values[:5])
            if what == "recording":
                cure = "If these are recordings, call the column recording; else keep the rows of one."
            else:
                cure = f"A moment can have one activity: keep the rows of one {what}."
            raise DataError(f"{table.where}: column {column!r} has {len(values)} values ({listed}). {cure}")


def _of(words: dict[str, str], names: Iterable[str], known: Iterable[str]) -> list[str]:
    return [column for column in words if words[column] in set(names) and column not in set(known)]


def _is_json(table: Table, column: str) -> bool:
    return next(iter(filter(None, table.texts(column))), "").startswith("[{")
