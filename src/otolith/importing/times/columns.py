"""Columns of time in a table: found by their names, and of several the one whose values serve best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from otolith.importing.naming.triads import axis_of
from otolith.importing.naming.unit_words import TIME_UNITS
from otolith.importing.naming.words import TIME_WORDS, words_of
from otolith.importing.tables.layout import is_number, number_of
from otolith.importing.tables.table import Table
from otolith.importing.times.dates import read_dates
from otolith.importing.times.parts import parts_of_time
from otolith.importing.times.time_of_day import form_of_time
from otolith.importing.times.timing import EPOCH, LATEST, OLDEST_S

NAMES = (
    "time", "timestamp", "t", "times", "datetime", "date time", "timestamp s", "timestamp ms", "timestamp us",
    "timestamp ns", "time s", "time ms", "time us", "time ns", "t s", "t ms", "seconds", "seconds elapsed", "elapsed",
    "elapsed time", "epoch", "epoch ms", "epoc", "epoc ms", "unix time", "unixtime", "unix timestamp", "ts", "utc",
    "time utc", "date", "logging time", "header time stamp", "time stamp", "attr time",
    "sample time", *sorted(TIME_WORDS), "t us", "t ns", "milliseconds", "millisecond",
    "milli sec", "millisec", "msec", "ms", "microseconds", "usec", "us", "stamp",
    "sec", "secs", "clock", "nanoseconds", "ns", "epochtime", "date and time", "datum uhrzeit", "local time", "datum",
    "fecha", "tv sec",
)  # fmt: skip
"""In order of preference where values do not tell."""
_WORDS = frozenset((
    "time", "timestamp", "timestamps", "datetime", "epoch", "epoc", "unixtime", "ts", "millis", "micros", *TIME_WORDS,
))  # fmt: skip
"""One of these among others may mean time, too."""
_NOT = frozenset((
    "zone", "offset", "delta", "interval", "duration", "diff", "step", "zeitzone", "error", "accuracy",
    "location", "gps", "real", "activity", "lifetime", "runtime", "uptime", "overtime",
))  # fmt: skip
"""With one of these it means something else, or the time of another thing."""
_DATES = frozenset(("date", "datum", "fecha", "data", "day", "dd mm yyyy", "yyyy mm dd"))
_FRACTIONS = {
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds", "millis", "milisecond"), 3),
    **dict.fromkeys(("us", "usec", "usecs", "microsecond", "microseconds"), 6),
    **dict.fromkeys(("ns", "nsec", "nsecs", "nanosec", "nanosecs", "nanosecond", "nanoseconds"), 9),
}
"""Last words of columns of parts of a second, and the digits that these have."""
LATEST_S = 2_900_000_000
"""The year 2061: larger numbers of seconds count in other units since the start of a device."""
ENOUGH = 10
"""Rows that tell columns apart."""


def time_column(columns: Sequence[str], rows: Sequence[Sequence[str]] = ()) -> str | None:
    """Return the column of time; None where no name says so.

    Of several, one that increases with every row is preferred to a coarse one, and a moment to seconds since a start.

    Args:
        rows: cells of the first rows, as far as they are known.

    >>> time_column(["timestamp (-0700)", "elapsed (s)", "x"]), time_column(["Shimmer_1_Timestamp_Unix_CAL", "x"])
    ('timestamp (-0700)', 'Shimmer_1_Timestamp_Unix_CAL')
    """
    names = {words_of(column): column for column in reversed(columns)}
    known = [names[name] for name in NAMES if name in names]
    others = [column for name, column in names.items() if _may_be_time(name) and axis_of(column) is None]
    usable = [row for row in rows if len(row) >= len(columns)]
    parts = parts_of_time(columns, usable)
    if parts:
        apart = {*parts.values(), *(column for column in columns if _is_fraction(column, list(columns), usable))}
        known, others = ([column for column in some if column not in apart] for some in (known, others))
    if len(usable) < ENOUGH:
        return next(iter(known), others[0] if len(others) == 1 else parts.get("second"))
    worths = {column: worth([row[list(columns).index(column)].strip() for row in usable]) for column in known + others}
    if parts and not any(worths[column][:2] == (1, 1) for column in known + others):
        return parts["second"]
    for some in (known, [column for column in others if worths[column] > (0,)]):
        if some:
            return max(some, key=lambda column: worths[column])  # of equals the first
    return None


def with_date(table: Table, time: str) -> tuple[Table, str]:
    """Return a table whose column of time has the date from a column beside it, and that column; the same without one.

    >>> import polars as pl
    >>> from otolith.importing.tables.table import Table
    >>> table = Table("walk.csv", pl.DataFrame({"Date": ["2026-03-01"], "Time": ["10:00:00.5"]}))
    >>> joined, column = with_date(table, "Time")
    >>> joined.texts(column)
    ['2026-03-01 10:00:00.5']
    """
    dates = [column for column in table.columns if column != time and words_of(column) in _DATES]
    if len(dates) != 1 or table.is_number(time) or not table.height:
        return table, time
    text = table.text(dates[0]) + " " + table.text(time)
    found = read_dates(text.head(1))
    if found is None or found.odd is not None or read_dates(table.text(time).head(1)) is not None:
        return table, time
    name = f"{dates[0]} {time}"
    return replace(table, frame=table.frame.with_columns(text.alias(name))), name


def with_fraction(table: Table, time: str) -> tuple[Table, str]:
    """Return a table whose column of time has the part of a second from a column beside it; the same without one.

    So whole seconds and `nsec`, or a date with whole seconds and `ms`, make one time.

    >>> import polars as pl
    >>> from otolith.importing.tables.table import Table
    >>> table = Table("walk.csv", pl.DataFrame({"secs": ["17", "17"], "nsecs": ["5000000", "25000000"]}))
    >>> joined, column = with_fraction(table, "secs")
    >>> joined.texts(column)
    ['17.005000000', '17.025000000']
    """
    beside = [(column, _FRACTIONS[last]) for column in table.columns if (last := _last_word(column)) in _FRACTIONS]
    beside = [(column, digits) for column, digits in beside if column != time and table.is_number(column)]
    if len(beside) != 1 or table.height < 2:
        return table, time
    column, digits = beside[0]
    whole, part = table.text(time).fill_null(""), table.numbers(column)
    inside = np.isfinite(part).all() and (part == np.round(part)).all() and part.min() >= 0 and part.max() < 10**digits
    if not inside or not part.max() or not whole.head(1000).str.contains(r"^\d+$|:\d{2}$").all():
        return table, time
    import polars as pl

    name = f"{time} {column}"
    text = whole + "." + pl.Series(part.astype(np.int64)).cast(pl.String).str.zfill(digits)
    return replace(table, frame=table.frame.with_columns(text.alias(name))), name


def start_beside(table: Table, time: str) -> tuple[int, str, str] | None:
    """Return the moment of the first row in ns since 1970, its zone, and the column of dates beside time since a start.

    The column may be too coarse to tell rows apart. None: there is none, or its order of day and month is open.

    >>> import polars as pl
    >>> from otolith.importing.tables.table import Table
    >>> cells = {"Timestamp": ["2026-03-01 10:00:00"] * 2, "Milliseconds": ["1", "21"]}
    >>> start_beside(Table("walk.csv", pl.DataFrame(cells)), "Milliseconds")
    (1772359200000000000, '', 'Timestamp')
    """
    for column in table.columns:
        words = words_of(column)
        if column == time or not may_name_time(words) or table.is_number(column):
            continue
        found = read_dates(table.said(column).head(1))
        if found is not None and found.odd is None and not found.orders:
            return int(found.nanoseconds[0]), "UTC" if found.zone else "", column
    return None


def _last_word(column: str) -> str:
    return (words_of(column).split() or [""])[-1]


def _is_fraction(column: str, columns: list[str], rows: Sequence[Sequence[str]]) -> bool:
    """Tell if a column has parts of a second, as far as rows are known."""
    digits = _FRACTIONS.get(_last_word(column))
    cells = [row[columns.index(column)].strip() for row in rows] if digits else []
    return digits is not None and all(cell.isdigit() and len(cell) <= digits for cell in cells)


def _may_be_time(words: str) -> bool:
    split = set(words.split())
    named = bool(split & _WORDS) or any(word.endswith(("timestamp", "time")) for word in split)
    return named and not split & _NOT


def may_name_time(words: str) -> bool:
    """Tell if words of a column's name may mean time.

    >>> may_name_time("t"), may_name_time("elapsed time"), may_name_time("temperature")
    (True, True, False)
    """
    return words in NAMES or _may_be_time(words)


def worth(cells: Sequence[str]) -> tuple[int, ...]:
    """Return how well cells serve as time: can be read, tell rows apart, never fall, are moments."""
    import polars as pl

    said = [cell for cell in cells if cell]
    if len(said) < 0.5 * len(cells) or len(said) < 2:
        return (0,)
    moment = 0
    if all(map(is_number, said)):
        values = np.clip([number_of(cell) for cell in said], -LATEST, LATEST)
        middle = float(np.median(values))
        since = [
            OLDEST_S <= middle * TIME_UNITS[unit] / 1e9 <= LATEST_S and middle >= lo for unit, (lo, _) in EPOCH.items()
        ]
        moment = 2 * int(any(since))
        fine = len(set(values.tolist()))
    elif all(map(form_of_time, said)):
        values = np.arange(2.0)
        fine = len(set(said))
    else:
        dates = read_dates(pl.Series(said))
        if dates is None or dates.odd is not None:
            return (0,)
        values = dates.nanoseconds.astype(np.float64)
        fine = len(set(dates.nanoseconds.tolist()))
        moment = 2 if dates.zone else 1
    steps = np.diff(values)
    return (1, int(fine >= 0.8 * len(said)), int((steps >= 0).mean() >= 0.95), int(bool(steps.any())), moment)
