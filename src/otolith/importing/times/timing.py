"""Time in any usual form, as seconds on the clock of a table.

Numbers since 1970 (in s, ms, us or ns), numbers since a start, ISO 8601 with or without zone, hh:mm:ss or mm:ss
with a fraction, a format of the user's, or no time at all but a rate.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from otolith.errors import DataError
from otolith.importing.tables.table import Table
from otolith.importing.times.clock import EPOCH, LATEST, OLDEST_S, RATES, Clock, counted, since_1970, usual_rate
from otolith.importing.times.dates import DAY_FIRST, MONTH_FIRST, USUAL, YEAR_FIRST, read_dates
from otolith.importing.times.local_time import place_of
from otolith.importing.times.numbers import read_numbers
from otolith.importing.times.time_of_day import form_of_time, refuse_odd, time_of_day

if TYPE_CHECKING:
    import polars as pl

    from otolith.importing.findings import Findings
    from otolith.importing.questions import Questions

__all__ = ("EPOCH", "LATEST", "OLDEST_S", "RATES", "Clock", "counted", "read_clock", "usual_rate")
PACKED = r"(19|20|21)\d{12}([.,]\d{1,9}|\d{3}|\d{6})?$"
ORDERS = {"day-first": DAY_FIRST, "month-first": MONTH_FIRST, "year-first": YEAR_FIRST}
"""Values of `--time-format` that say the order of dates alone."""


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
        return read_numbers(table, column, questions, findings, unit)
    if questions.options.time_format in ORDERS:
        order = ORDERS[questions.options.time_format]
    elif questions.options.time_format:
        return _formatted(table, column, questions.options.time_format)
    text = table.text(column).fill_null("")
    first = next(iter(text.filter(text != "")), "")
    if form_of_time(first) is not None:
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
        return since_1970(values.dt.epoch("ns").fill_null(-(2**63)).to_numpy(), "UTC" if zone else "")
    if isinstance(values.dtype, pl.Duration):
        nanoseconds = values.dt.total_nanoseconds().cast(pl.Float64).fill_null(np.nan).to_numpy()
        return Clock(nanoseconds / 1e9)
    return None


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
    return replace(
        since_1970(found.nanoseconds, "UTC" if found.zone else ""), local=place_of(found.zone, found.local_s)
    )


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
    return since_1970(moments.dt.epoch("ns").fill_null(-(2**63)).to_numpy(), zone)
