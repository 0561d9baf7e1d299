"""Columns of numbers as clocks: since 1970 or another moment, or since a start, in any unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from otolith.errors import DataError
from otolith.importing.naming.unit_words import TIME_UNITS
from otolith.importing.questions import Undecided
from otolith.importing.tables.table import Table
from otolith.importing.times.clock import EPOCH, LATEST, OLDEST_S, RATES, Clock, since_1970
from otolith.importing.times.counters import carried_on
from otolith.importing.times.dates import fractions
from otolith.importing.times.epochs import YEAR_S, Epoch, other_epochs
from otolith.importing.times.spacing import is_rounded, rate_at, spacing_of
from otolith.importing.times.ticks import tick_in_header

if TYPE_CHECKING:
    from otolith.importing.findings import Findings
    from otolith.importing.questions import Questions

LEAST_ROWS = 3
"""Rows from which on anything can be said of a clock."""
RUNS_S = 10 * YEAR_S
"""Seconds for which no device runs before a recording: larger numbers count from no start."""
EVEN = 0.8
"""Least share of steps near their median where seconds are taken to lack the zeros of their parts."""


def read_numbers(table: Table, column: str, questions: Questions, findings: Findings, unit: str | None) -> Clock:
    """Return the clock in a column of numbers; `unit` is theirs where format or header say it.

    Raises:
        DataError: no number is a time, or nothing decides their unit.
    """
    values = table.numbers(column)
    finite = values[np.isfinite(values)]
    _refuse_wild(table, column, finite)
    if (questions.options.time_unit or unit) in (None, "s") and (
        padded := _with_zeros(table, column, values)
    ) is not None:
        findings.decide("parts of a second", "without leading zeros", f"column {column!r} would run back otherwise")
        values = padded
    counted_on = carried_on(table, values, findings)
    wrapped = counted_on is not values
    values, finite = counted_on, counted_on[np.isfinite(counted_on)]
    typical = float(np.median(finite))
    tick = tick_in_header(column, table.units.get(column, "")) if questions.options.time_unit is None else None
    unit = questions.options.time_unit or unit
    spacing = spacing_of(finite)
    if is_rounded(table, column, finite):
        raise Undecided(
            f"{table.where}: its time column {column!r} has {len(np.unique(finite))} different value(s) in "
            f"{len(finite):,} rows, such as {table.first(column)}: the times were lost, as where a spreadsheet saves "
            "them rounded. Export the file again, or give the rate: --rate HZ."
        )
    scale = tick[0] if tick is not None else None if unit is None else TIME_UNITS[unit]
    others = other_epochs(typical, spacing, RATES, scale)
    if others:
        return _since_other(column, values, others, findings)
    if tick is not None:
        return _in_ticks(table, column, values, tick, findings)
    plausible = [name for name, scale in TIME_UNITS.items() if RATES[0] <= rate_at(spacing, scale) <= RATES[1]]
    overall = float(finite.max() - finite.min()) / max(1, len(finite) - 1)
    if not plausible:  # samples that came in groups
        spacing = overall
        plausible = [name for name, scale in TIME_UNITS.items() if RATES[0] <= rate_at(spacing, scale) <= RATES[1]]
    moments = [n for n, (lo, hi) in EPOCH.items() if max(lo, OLDEST_S * 1e9 / TIME_UNITS[n]) <= typical <= hi]
    moments = [  # also where samples came in groups, or so rarely that no unit makes them usual
        name
        for name in moments
        if name in plausible or not plausible or RATES[0] <= rate_at(overall, TIME_UNITS[name]) <= RATES[1]
    ]
    too_fast = unit is not None and rate_at(overall, TIME_UNITS[unit]) > 4 * RATES[1]
    if too_fast and plausible and questions.options.time_unit is None:  # such as seconds under the name `time (ms)`
        unit = None
    if unit is None and moments:
        unit = moments[0]
        findings.decide("time", f"{unit} since 1970", f"column {column!r} is about {typical:.6g}")
    elif unit is None:
        counter = spacing == 1.0 and overall < 1.5 and bool(np.all(finite == np.round(finite)))
        late = len(plausible) == 1 and _begins_late(typical, plausible[0])
        if len(plausible) == 1 and not counter and not late:
            unit = plausible[0]
            rate = rate_at(spacing, TIME_UNITS[unit])
            findings.decide("time", f"{unit} since the start", f"{spacing:.4g} from row to row make {rate:.4g} Hz")
        else:
            rows = " It counts the rows: if it is no time, give the rate: --time none --rate HZ." if counter else ""
            if late:
                years = typical * TIME_UNITS[plausible[0]] / 1e9 / YEAR_S
                rows = f" In {plausible[0]} it would have begun to count {years:.0f} years before."
                rows += " If it is in another unit, give the rate: --time none --rate HZ."
            unit = _asked_unit(table, column, spacing, rows, questions, findings)
    return _since_start_or_1970(table, column, values, unit, findings, wrapped)


def _refuse_wild(table: Table, column: str, finite: NDArray[np.float64]) -> None:
    """Refuse a column without numbers, or with one that is no time.

    Raises:
        DataError: names the number.
    """
    if not finite.size:
        raise DataError(f"{table.where}: no value of its time column {column!r} is a number. Name another with --time.")
    if np.abs(finite).max() > LATEST:
        raise DataError(
            f"{table.where}: its time column {column!r} holds {finite[np.abs(finite).argmax()]:g}, which is not a time "
            "in any unit. Repair or remove that row."
        )


def _with_zeros(table: Table, column: str, values: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return seconds whose parts stand without their leading zeros, such as 7.20 for 7 s and 20 ms; None for others.

    They run back again and again as they are written, and are evenly spaced with the zeros.
    """
    import polars as pl

    back = np.diff(values) < 0
    if not back.any() or table.series(column).dtype.is_numeric():
        return None
    cells = table.text(column).fill_null("")
    parts = cells.str.extract_groups(r"^(\d{1,10})(?:[.,](0|[1-9]\d{0,8}))?$").struct.unnest()
    whole, digits = parts["1"], parts["2"]
    if whole.null_count() or digits.null_count() > len(cells) // 10:
        return None
    seconds = whole.cast(pl.Int64).to_numpy()
    if (np.diff(seconds) < 0).any():
        return None
    nanoseconds, unpadded = fractions(digits, seconds)
    found = np.asarray(seconds + nanoseconds / 1e9)
    steps = np.diff(found)
    even = float(np.mean(np.abs(steps - np.median(steps)) <= 0.5 * np.median(steps)))
    return found if unpadded and (steps >= 0).all() and even >= EVEN else None


def _since_other(column: str, values: NDArray[np.float64], epochs: list[Epoch], findings: Findings) -> Clock:
    """Return the clock of numbers that count from another moment than 1970."""
    epoch = epochs[0]
    finite = values[np.isfinite(values)]
    why = f"column {column!r} is about {float(np.median(finite)):.6g}"
    for each in epochs[1:]:
        years = (each.moment_s(finite[0]) - epoch.moment_s(finite[0])) / YEAR_S
        why += f"; in {each.words} it would be {abs(years):.0f} years {'earlier' if years < 0 else 'later'}"
    findings.decide("time", epoch.words, why)
    if float(finite[0]) == int(finite[0]) or epoch.scale <= TIME_UNITS["s"]:
        first = int(finite[0])  # in the column's unit; a whole number of them keeps the fraction's digits
        return Clock((values - first) * (epoch.scale / 1e9), round((first - epoch.zero) * epoch.scale), epoch.zone)
    begin = round(epoch.moment_s(float(finite[0])) * 1000) * 1_000_000
    return Clock((values - finite[0]) * (epoch.scale / 1e9), begin, epoch.zone)


def _in_ticks(
    table: Table, column: str, values: NDArray[np.float64], tick: tuple[float, str], findings: Findings
) -> Clock:
    """Return the clock of numbers since a start whose ticks a header says.

    Raises:
        Undecided: rows would come as those of no sensor do.
    """
    finite = values[np.isfinite(values)]
    length, said = tick
    overall = float(finite.max() - finite.min()) / max(1, len(finite) - 1)
    rates = [1e9 / (step * length) for step in (spacing_of(finite), overall) if step > 0]
    too_late = abs(float(finite[0])) * length / 1e9 > RUNS_S
    if too_late or not any(RATES[0] <= rate <= RATES[1] for rate in rates):
        raise Undecided(
            f"{table.where}: its time column {column!r} says {said}, by which its {len(finite):,} rows would "
            f"{'begin years after the start' if too_late else f'come at {max(rates, default=0.0):.3g} Hz'}. Give their "
            "unit, such as --time-unit ms, or the rate: --time none --rate HZ."
        )
    findings.decide("time", f"{said} since the start", f"the header of column {column!r} or the unit beneath it")
    return Clock(values * (length / 1e9))


def _begins_late(typical: float, unit: str) -> bool:
    """Tell if no device runs for so long, and the number is none of the last century since 1970 either."""
    lo, scale = EPOCH[unit][0], TIME_UNITS[unit]
    return abs(typical) * scale / 1e9 > RUNS_S and not lo <= typical < OLDEST_S * 1_000_000_000 // scale


def _since_start_or_1970(
    table: Table, column: str, values: NDArray[np.float64], unit: str, findings: Findings, wrapped: bool
) -> Clock:
    finite = values[np.isfinite(values)]
    typical = float(np.median(finite))
    lo, hi = EPOCH[unit]
    scale = TIME_UNITS[unit]
    if lo <= typical < OLDEST_S * 1_000_000_000 // scale:
        year = 1970 + int(typical * scale / 1e9 / 31_556_952)
        why = f"since 1970 column {column!r} would begin in {year}; it counts from later, such as from 2000 or 2001"
        findings.decide("start", "unknown", why)
        lo = OLDEST_S * 1_000_000_000 // scale
    if not lo <= typical <= hi:
        return Clock(values * (scale / 1e9))
    whole = None if wrapped else table.integers(column)
    if whole is not None and abs(whole).max() <= 2**63 // scale - 1:
        return since_1970(whole * scale, "UTC")
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
