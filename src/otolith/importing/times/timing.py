"""Time in any usual form, as seconds on the clock of a table.

Numbers since 1970 (in s, ms, us or ns), numbers since a start, ISO 8601 with or without zone, hh:mm:ss or mm:ss
with a fraction, a format of the user's, or no time at all but a rate.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from otolith.errors import DataError
from otolith.importing.naming.units import TIME_UNITS
from otolith.importing.questions import Undecided
from otolith.importing.tables.table import Table
from otolith.importing.times.counters import carried_on
from otolith.importing.times.dates import DAY_FIRST, MONTH_FIRST, USUAL, YEAR_FIRST, read_dates
from otolith.importing.times.epochs import other_epoch
from otolith.importing.times.local_time import place_of
from otolith.importing.times.spacing import is_rounded, rate_at, spacing_of
from otolith.importing.times.time_of_day import CLOCK, MINUTES, refuse_odd, time_of_day

if TYPE_CHECKING:
    import polars as pl

    from otolith.importing.findings import Findings
    from otolith.importing.questions import Questions

RATES = (4.0, 1200.0)
"""Hz between which a motion sensor samples; the two ends are less than a factor of 1000 apart, so that at most one of
s, ms, us and ns makes a step of time plausible."""
EPOCH = {"s": (3e8, 1e10), "ms": (3e11, 1e13), "us": (3e14, 1e16), "ns": (3e17, 9.2e18)}
"""Range of numbers since 1970 in each unit, from 1979 to 2286 (ns: 2261)."""
OLDEST_S = 946_684_800
"""The year 2000: no sensor of this kind is older, but some count from 2000 or 2001."""
DAY_NS = 86_400_000_000_000
SERIAL, SERIAL_1970 = (36_526.0, 73_050.0), 25_569.0
"""Days since the end of 1899 as spreadsheets count them, from the year 2000 to 2099, and the first of 1970."""
LEAST_ROWS = 3
"""Rows from which on anything can be said of a clock."""
LATEST = 1e19
"""Largest number in any unit: beyond the last nanosecond that 64 bits hold."""
PACKED = r"(19|20|21)\d{12}([.,]\d{1,9}|\d{3}|\d{6})?$"
ORDERS = {"day-first": DAY_FIRST, "month-first": MONTH_FIRST, "year-first": YEAR_FIRST}
"""Values of `--time-format` that say the order of dates alone."""


@dataclass(frozen=True)
class Clock:
    """Time of every row in seconds since `origin_ns`, NaN where it is missing.

    `origin_ns`: nanoseconds since 1970, as if in UTC where no zone is named; None where time counts from a start.
    `regular` is the rate where there is no time but a rate, `local` the zone of the wall's clock, where it is said.
    `about_ns` is the moment of 0 where only another column tells it, to the second: it compares no two clocks.
    """

    seconds: NDArray[np.float64]
    origin_ns: int | None = None
    zone: str = ""
    regular: float | None = None
    local: str | None = None
    about_ns: int | None = None


def usual_rate(text: str) -> float | None:
    """Return a rate in Hz that a file states in digits; None for one at which nothing samples."""
    return rate if 1 <= (rate := float(text)) <= RATES[1] else None


def counted(n_rows: int, rate_hz: float, origin_ns: int | None = None) -> Clock:
    """Return a clock for rows without time; `origin_ns` is the moment of the first, where that is known."""
    return Clock(np.arange(n_rows) / rate_hz, origin_ns, regular=rate_hz)


def read_clock(
    table: Table,
    column: str,
    questions: Questions,
    findings: Findings,
    unit: str | None = None,
    order: str | None = None,
) -> Clock:
    """Return the clock in a column.

    Args:
        unit: of numbers, where format or header say it.
        order: "day first" or "month first" in dates, where the format says it.

    Raises:
        DataError: values that are not times, names file, line and value; or numbers whose unit nothing decides.
    """
    table.require(column)
    typed = _typed(table, column)
    if typed is not None:
        return typed
    if table.is_number(column):
        if unit is None and questions.options.time_unit is None and _is_packed(table, column):
            return _dates(table, column, table.text(column).fill_null(""), questions, findings, order)
        return _numbers(table, column, questions, findings, unit)
    if questions.options.time_format in ORDERS:
        order = ORDERS[questions.options.time_format]
    elif questions.options.time_format:
        return _formatted(table, column, questions.options.time_format)
    text = table.text(column).fill_null("")
    first = next(iter(text.filter(text != "")), "")
    if re.match(CLOCK, first) or re.match(MINUTES, first):
        return Clock(time_of_day(table, column, findings))
    return _dates(table, column, text, questions, findings, order)


def _is_packed(table: Table, column: str) -> bool:
    """Tell if numbers are dates and times without signs between, such as 20240305100000.02."""
    text = table.text(column).fill_null("")
    if not re.match(PACKED, next(iter(text.filter(text != "")), "")):
        return False
    found = read_dates(text)
    return found is not None and found.odd is None


def _typed(table: Table, column: str) -> Clock | None:
    """A Parquet column of dates or durations."""
    import polars as pl

    values = table.series(column)
    if isinstance(values.dtype, pl.Datetime):
        zone = values.dtype.time_zone or ""
        return _since(values.dt.epoch("ns").fill_null(-(2**63)).to_numpy(), "UTC" if zone else "")
    if isinstance(values.dtype, pl.Duration):
        nanoseconds = values.dt.total_nanoseconds().cast(pl.Float64).fill_null(np.nan).to_numpy()
        return Clock(nanoseconds / 1e9)
    return None


def _since(nanoseconds: NDArray[np.int64], zone: str) -> Clock:
    """A clock from nanoseconds since 1970; the smallest integer stands for none."""
    known = nanoseconds != -(2**63)
    origin = int(nanoseconds[known][0]) if known.any() else 0
    # the difference is small and exact; a float cannot tell the instants apart
    with np.errstate(over="ignore"):
        seconds = np.where(known, (nanoseconds - origin) / 1e9, np.nan)
    return Clock(seconds, origin, zone)


def _numbers(table: Table, column: str, questions: Questions, findings: Findings, unit: str | None) -> Clock:
    values = table.numbers(column)
    finite = values[np.isfinite(values)]
    if not finite.size:
        raise DataError(f"{table.where}: no value of its time column {column!r} is a number. Name another with --time.")
    if np.abs(finite).max() > LATEST:
        raise DataError(
            f"{table.where}: its time column {column!r} holds {finite[np.abs(finite).argmax()]:g}, which is not a time "
            "in any unit. Repair or remove that row."
        )
    counted_on = carried_on(table, values, findings)
    wrapped = counted_on is not values
    values, finite = counted_on, counted_on[np.isfinite(counted_on)]
    typical = float(np.median(finite))
    unit = questions.options.time_unit or unit
    spacing = spacing_of(finite)
    if is_rounded(table, column, finite):
        raise Undecided(
            f"{table.where}: its time column {column!r} has {len(np.unique(finite))} different value(s) in "
            f"{len(finite):,} rows, such as {table.first(column)}: the times were lost, as where a spreadsheet saves "
            "them rounded. Export the file again, or give the rate: --rate HZ."
        )
    if unit is None and SERIAL[0] <= typical <= SERIAL[1] and RATES[0] <= rate_at(spacing, DAY_NS) <= RATES[1]:
        findings.decide("time", "days since 1900", f"column {column!r} is about {typical:.6g}, as spreadsheets count")
        first = round((finite[0] - SERIAL_1970) * 86_400 * 1000) * 1_000_000
        return Clock((values - finite[0]) * 86_400.0, first)
    other = other_epoch(typical, spacing, RATES) if unit is None else None
    if other is not None:
        findings.decide("time", other.words, f"column {column!r} is about {typical:.6g}")
        first = int(finite[0])
        return Clock((values - first) * (other.scale / 1e9), (first - other.zero) * other.scale, "UTC")
    plausible = [name for name, scale in TIME_UNITS.items() if RATES[0] <= rate_at(spacing, scale) <= RATES[1]]
    overall = float(finite.max() - finite.min()) / max(1, len(finite) - 1)
    if not plausible:  # samples that came in groups
        spacing = overall
        plausible = [name for name, scale in TIME_UNITS.items() if RATES[0] <= rate_at(spacing, scale) <= RATES[1]]
    moments = [n for n, (lo, hi) in EPOCH.items() if max(lo, OLDEST_S * 1e9 / TIME_UNITS[n]) <= typical <= hi]
    since_1970 = [  # also where samples came in groups, or so rarely that no unit makes them usual
        name
        for name in moments
        if name in plausible or not plausible or RATES[0] <= rate_at(overall, TIME_UNITS[name]) <= RATES[1]
    ]
    too_fast = unit is not None and rate_at(overall, TIME_UNITS[unit]) > 4 * RATES[1]
    if too_fast and plausible and questions.options.time_unit is None:  # such as seconds under the name `time (ms)`
        unit = None
    if unit is None and since_1970:
        unit = since_1970[0]
        findings.decide("time", f"{unit} since 1970", f"column {column!r} is about {typical:.6g}")
    elif unit is None:
        counter = spacing == 1.0 and overall < 1.5 and bool(np.all(finite == np.round(finite)))
        if len(plausible) == 1 and not counter:
            unit = plausible[0]
            rate = rate_at(spacing, TIME_UNITS[unit])
            findings.decide("time", f"{unit} since the start", f"{spacing:.4g} from row to row make {rate:.4g} Hz")
        else:
            rows = " It counts the rows: if it is no time, give the rate: --time none --rate HZ." if counter else ""
            unit = _asked_unit(table, column, spacing, rows, questions, findings)
    lo, hi = EPOCH[unit]
    scale = TIME_UNITS[unit]
    if lo <= typical < OLDEST_S * 1_000_000_000 // scale:
        year = 1970 + int(typical * scale / 1e9 / 31_556_952)
        findings.decide("start", "unknown", f"since 1970 column {column!r} would begin in {year}; it counts from later")
        lo = OLDEST_S * 1_000_000_000 // scale
    if not lo <= typical <= hi:
        return Clock(values * (scale / 1e9))
    whole = None if wrapped else table.integers(column)
    if whole is not None and abs(whole).max() <= 2**63 // scale - 1:
        return _since(whole * scale, "UTC")
    origin = int(finite[0])  # in the column's unit; a whole number of them keeps the fraction's digits
    return Clock((values - origin) * (scale / 1e9), origin * scale, "UTC")


def _asked_unit(table: Table, column: str, spacing: float, hint: str, questions: Questions, findings: Findings) -> str:
    if table.height < LEAST_ROWS:
        raise DataError(f"{table.where}: {table.height} row(s), too short for a recording. Leave the file out.")
    question = f"In which unit is the time in column {column!r}, with {spacing:.4g} from row to row?{hint}"
    choices = [(unit, f"{rate_at(spacing, scale):.3g} Hz") for unit, scale in TIME_UNITS.items()]
    unit = questions.choose(("time", column, table.columns), table.where, question, choices, "--time-unit")
    findings.decide("time", unit, "asked")
    return unit


def _dates(
    table: Table, column: str, text: pl.Series, questions: Questions, findings: Findings, order: str | None
) -> Clock:
    found = read_dates(text, order)
    if found is not None and found.orders:
        there = next(iter(text.filter(text != "")), "")
        question = f"Which is the day in {there!r} of column {column!r}?"
        choices = [(value, order) for value, order in ORDERS.items() if order in found.orders]
        chosen = questions.choose(("dates", table.columns), table.where, question, choices, "--time-format")
        found = read_dates(text, ORDERS[chosen])
    if found is None and not (text != "").any():
        raise DataError(f"{table.where}: its time column {column!r} is empty. Name another with --time.")
    odd = (text != "").arg_max() or 0 if found is None else found.odd
    if found is None or odd is not None:
        at = odd or 0
        alone = read_dates(text[at : at + 1])
        if found is not None and alone is not None and alone.odd is None and bool(alone.zone) != bool(found.zone):
            raise DataError(
                f"{table.at(at)}: {column} is {text[at][:40]!r}; some times name their zone and some do not. Write "
                "all of them in one way."
            )
        raise DataError(
            f"{table.at(at)}: {column} is {text[at][:40]!r}, expected a number, a date with the time of day such as "
            "2026-03-01T10:00:00.02, written like those before it, or hh:mm:ss.fff. Say how to read it, such as "
            "--time-format '%d.%m.%Y %H:%M:%S%.f'."
        )
    zone = questions.options.timezone
    placed = None if zone is None else found.placed(zone)
    found, row = found.carried_on() if placed is None else (placed, None)
    if row is not None:
        findings.repair(
            table.at(row), "the clock was changed by an hour, to or from summer time, and was carried on", 1
        )
    if found.how != USUAL:
        findings.decide("dates", found.how, f"column {column!r}")
    return replace(_since(found.nanoseconds, "UTC" if found.zone else ""), local=place_of(found.zone, found.local_s))


def _formatted(table: Table, column: str, time_format: str) -> Clock:
    import polars as pl

    text = table.text(column)
    try:
        moments = text.str.to_datetime(time_format, time_unit="ns", strict=False)
    except pl.exceptions.PolarsError as error:
        raise DataError(
            f"{table.where}: --time-format {time_format!r} is not a format of dates ({error}). Give one such as "
            "'%d.%m.%Y %H:%M:%S%.f'."
        ) from error
    refuse_odd(table, column, text, moments.is_not_null().to_numpy())
    zone = "UTC" if getattr(moments.dtype, "time_zone", None) else ""
    return _since(moments.dt.epoch("ns").fill_null(-(2**63)).to_numpy(), zone)
