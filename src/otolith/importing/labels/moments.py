"""Times in files of labels: seconds since a start, times of clocks, and points in time."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

from otolith.errors import DataError
from otolith.importing.labels.rows import Row
from otolith.importing.naming.unit_words import TIME_UNITS
from otolith.importing.times.dates import NONE, read_dates
from otolith.importing.times.moments import parse_moment
from otolith.importing.times.time_of_day import CLOCK, MINUTES, SPAN
from otolith.importing.times.timing import EPOCH

HOURS, PAIR, OF_DAY = "h:mm:ss", "m:ss or h:mm", "time of day"
"""Forms of times of which something else has to tell what they count."""
_PAIR = re.compile(r"(\d{1,3}):([0-5]\d)(?:\s*([AaPp])\.?\s?[Mm]\.?)?")
_NUMBER = re.compile(r"[+\-−]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")


class Moment(NamedTuple):
    """One time: `seconds` since 1970 if `absolute`, else since a start or midnight.

    `form` is one of those above, "" where there is no doubt. `unit` is that of a number since 1970, in seconds.
    """

    seconds: float
    absolute: bool = False
    zoned: bool = False
    form: str = ""
    unit: float | None = None


def moment_of(text: str, unit: float | None = None) -> Moment | None:
    """Return a time; None where the text is none that can be read by itself.

    Args:
        unit: of numbers, in seconds; None where nothing says it: seconds, or what numbers since 1970 tell.

    >>> moment_of("1:02:03.5").seconds, moment_of("1500", 0.001).seconds, moment_of("soon")
    (3723.5, 1.5, None)
    """
    number = _number(text, unit)
    if number is not None:
        return number
    clock = re.match(CLOCK, text)
    if clock and clock[4] and len(clock[4]) < 3 and re.search(r":\d+\s*$", text[clock.end(3) :]):
        return None  # the last two digits may count pictures
    if clock:
        hours, minutes, seconds, fraction, half = clock.groups()
        part = float(f"0.{fraction or 0}")
        hour = int(hours) if half is None else int(hours) % 12 + 12 * (half in "pP")
        form = OF_DAY if half else HOURS if hour < 24 else ""
        return Moment(hour * 3600 + int(minutes) * 60 + int(seconds) + part, form=form)
    minutes_only = re.match(MINUTES, text)
    if minutes_only:
        return Moment(int(minutes_only[2]) * 60 + int(minutes_only[3]) + float(f"0.{minutes_only[4]}"))
    pair = _PAIR.fullmatch(text.strip())
    if pair:
        if pair[3]:
            return Moment(3600 * (int(pair[1]) % 12 + 12 * (pair[3] in "pP")) + 60 * int(pair[2]), form=OF_DAY)
        return Moment(int(pair[1]) * 60 + int(pair[2]), form=PAIR)
    span = re.match(SPAN, text)
    if span:
        days, hours, minutes, seconds, fraction = (
            float(part or 0) for part in (*span.groups()[:4], f"0.{span[5] or 0}")
        )
        return Moment(86_400 * days + 3600 * hours + 60 * minutes + seconds + fraction)
    moment = parse_moment(text)
    if moment is not None:
        return Moment(moment[0] / 1e9, True, moment[1])
    return None


def _number(text: str, unit: float | None) -> Moment | None:
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text.replace(",", ".").replace("−", "-"))
    for name, (lo, hi) in EPOCH.items():
        scale = TIME_UNITS[name] / 1e9
        if lo <= value <= hi and unit in (None, scale):
            return Moment(value * scale, True, True, unit=scale)
    return Moment(value * (unit or 1.0)) if math.isfinite(value) else None


def read_moments(rows: Sequence[Row]) -> dict[tuple[str, float | None], Moment]:
    """Return what the starts and ends of rows mean, by their text and unit; dates in any usual form count together.

    Raises:
        DataError: dates of which nothing tells the day from the month.
    """
    import polars as pl

    found: dict[tuple[str, float | None], Moment] = {}
    unread: dict[tuple[str, float | None], str] = {}
    for row in rows:
        for text, unit in ((row.start, row.unit), (row.end, row.end_unit)):
            moment = moment_of(text, unit) if text else None
            if moment is not None:
                found[text, unit] = moment
            elif text:
                unread.setdefault((text, unit), row.where)
    _refuse_thousands(rows)
    dates = read_dates(pl.Series([text for text, _ in unread])) if unread else None
    if dates is not None and dates.orders and dates.odd is None:
        (text, _), where = next(iter(unread.items()))
        raise DataError(
            f"{where}: nothing tells the day from the month in {text[:40]!r}. Write dates such as 2026-03-01T10:00:00."
        )
    if dates is not None and dates.odd is None:
        for key, value in zip(unread, dates.nanoseconds.tolist(), strict=True):
            if value != NONE:
                found[key] = Moment(value / 1e9, True, bool(dates.zone))
    forms = {moment.form for moment in found.values()}
    if PAIR in forms and HOURS in forms:  # a program that leaves out hours that are none
        found = {key: each._replace(form="") if each.form in (PAIR, HOURS) else each for key, each in found.items()}
    return found


def _refuse_thousands(rows: Sequence[Row]) -> None:
    """Refuse milliseconds and finer units in which a sign may separate thousands.

    Raises:
        DataError: every number has three digits after its sign.
    """
    pairs = [(text, unit, row.where) for row in rows for text, unit in ((row.start, row.unit), (row.end, row.end_unit))]
    fine = [(text, where) for text, unit, where in pairs if text and unit is not None and unit < 1]
    if fine and all(re.fullmatch(r"0|\d{1,3}[.,]\d{3}", text) for text, _ in fine):
        text, where = next(each for each in fine if each[0] != "0") if any(t != "0" for t, _ in fine) else ("", "")
        if text:
            raise DataError(f"{where}: in {text!r} a sign may separate thousands. Write numbers without such signs.")
