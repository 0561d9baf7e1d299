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
)
from otolith.importing.labels.pairs import paired, status_column
from otolith.importing.labels.rows import Row
from otolith.importing.labels.titles import Title, title_of
from otolith.importing.naming.words import LABEL_WORDS, words_of
from otolith.importing.tables.table import Table

MOST_OF_MARKS = 5
"""Columns of a table of marks, which other tables with an activity exceed."""
EXAMPLE = "recording,start,end,activity\nwalk,0,12.5,walking"


def rows_with_names(table: Table) -> list[Row]:
    """Return the rows of a table of intervals or marks.

    Raises:
        DataError: a column is not there, or cannot be told from another; or the rows are of several tiers, people or
            recordings that no column of recordings tells.
    """
    words = {column: words_of(column) for column in table.columns}
    titles = {column: title_of(column, table.units.get(column, "")) for column in table.columns}
    columns: dict[str, str] = {}
    for what, names in (("start", STARTS), ("end", ENDS), ("duration", DURATIONS)):
        found = [column for column in table.columns if _named(titles[column], names)]
        if what == "end" and not any("onset" in words[column] for column in table.columns):
            found = [column for column in found if "offset" not in words[column]]
        if found:
            columns[what] = min(found, key=lambda column: _worth(column, titles[column]))
            _require_one(table, what, found, titles)
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
    if "start" not in columns:
        marks = [column for column in table.columns if _is_mark(titles[column])]
        if marks:
            columns["start"] = marks[0]
            lone = not columns.keys() & {"end", "duration"}
    _require(table, columns, words, lone)
    for what in [each for each in ("start", "end", "duration") if each in columns]:
        _require_known(table, columns[what], titles[columns[what]].unknown)
    _require_one_source(table, words, columns)
    parts = ("recording", "start", "end", "activity", "duration")
    cells = {what: table.texts(columns[what]) if what in columns else [""] * table.height for what in parts}
    for what, dates in _dates(table, words, columns).items():
        cells[what] = [
            f"{date} {time}" if date and re.match(r"\s*\d{1,2}:\d\d", time) else time
            for date, time in zip(dates, cells[what], strict=True)
        ]
    for what in ("start", "end"):
        if what in columns:
            cells[what] = [_as_stated(text, titles[columns[what]]) for text in cells[what]]
    start, end, lasts = (titles[columns[w]].unit if w in columns else None for w in ("start", "end", "duration"))
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
    titles = [title_of(column) for column in columns]
    start = any(_named(title, STARTS) for title in titles)
    end = any(_named(title, ENDS | DURATIONS) for title in titles)
    if start and end:
        return bool(words & set(ACTIVITIES))
    return len(columns) <= MOST_OF_MARKS and bool(words & set(LABEL_WORDS)) and any(map(_is_mark, titles))


def _dates(table: Table, words: dict[str, str], columns: dict[str, str]) -> dict[str, list[str]]:
    """Return the dates that stand in columns beside starts and ends, if any do."""
    free = {name: column for column, name in reversed(words.items()) if column not in columns.values()}
    first = next((free[name] for name in DATES if name in free), None)
    if first is None:
        return {}
    last = next((free[name] for name in ("end date", "date end", "stop date") if name in free), first)
    return {"start": table.texts(first), "end": table.texts(last)}


def _named(title: Title, names: frozenset[str]) -> bool:
    """Tell if a column is a start, an end or a duration."""
    left = [word for word in title.words if word not in AROUND] if len(title.words) > 1 else title.words
    return len(left) == 1 and left[0] in names and "time offset" not in " ".join(title.words)


def _is_mark(title: Title) -> bool:
    return " ".join(title.words) in MARKS


def _as_stated(text: str, title: Title) -> str:
    """Return a time with the form or the zone that its column states."""
    if title.hours and re.fullmatch(r"\d{1,2}:\d\d", text):
        return f"{text}:00"
    date = re.search(r"\d[-/.]\d.*:\d\d(?:[.,]\d+)?$", text)
    if title.utc and date and not re.search(r"[+-]\d\d:?\d\d$", text[10:]):
        return f"{text}Z"
    return text


def _worth(column: str, title: Title) -> tuple[bool, bool, int]:
    """Return how plainly a column says a time, the least first: in seconds, by a number, in few words."""
    return title.unit not in (None, 1.0), " hh mm" in words_of(column), len(title.words)


def _require_one(table: Table, what: str, found: list[str], titles: dict[str, Title]) -> None:
    """Refuse a time in two columns, such as minutes and seconds, which may be its parts.

    Raises:
        DataError: there are two.
    """
    if len(found) > 1 and any((titles[column].unit or 0) >= 60 for column in found):
        raise DataError(
            f"{table.where}: the {what} stands in several columns ({', '.join(found)}). Keep one of them, such as in "
            "seconds, and remove the others."
        )


def _require_known(table: Table, column: str, unknown: str) -> None:
    """Refuse a time in a unit that is none.

    Raises:
        DataError: names the unit.
    """
    if set(unknown.split()) & COUNTS:
        _refuse_counts(table, column)
    if unknown:
        raise DataError(
            f"{table.where}: column {column!r} states {unknown!r}, which is no unit of time here. Write seconds, and "
            "call it start_s or end_s; ms, us, ns, min and h are known, too."
        )


def _refuse_counts(table: Table, column: str) -> None:
    raise DataError(
        f"{table.where}: column {column!r} counts samples or pictures, which says no time by itself. Divide by "
        "their rate, so that it holds seconds since the recording's first sample, and call it "
        f"{'end' if set(words_of(column).split()) & ENDS else 'start'}."
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
        _refuse_counts(table, counts[0])
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
