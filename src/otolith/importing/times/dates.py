"""Dates with times of day as people and programs write them: which part is the day, and in which zone they are.

One pattern has to fit the whole column; columns of many million rows are read at once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from otolith.importing.times.forms import AFTERNOON, MONTHS, forms_of
from otolith.importing.times.local_time import HOUR_S, all_ahead_s, zones_of

if TYPE_CHECKING:
    import polars as pl

NONE = -(2**63)
"""Stands for no time among nanoseconds since 1970."""
UNPADDED = ", parts of a second without their leading zeros"
DAY_FIRST, MONTH_FIRST, YEAR_FIRST = "day first", "month first", "year first"
USUAL = "year, month, day"
"""The order that needs no explanation."""


@dataclass(frozen=True)
class Dates:
    """Moments of a column.

    Attributes:
        nanoseconds: since 1970, as if in UTC where no zone is named; `NONE` for empty cells.
        zone: "UTC" where each moment names its zone or distance from UTC, a zone's name where that is all there is,
            "" where nothing is said.
        local_s: seconds by which the clock on the wall was ahead of UTC at the first moment; None where not said.
        how: the form, in words.
        odd: number of the first row that does not have that form, None where all have.
        orders: "day first", "month first" and "year first", as far as the numbers leave them open.
    """

    nanoseconds: NDArray[np.int64]
    zone: str
    local_s: int | None
    how: str
    odd: int | None = None
    orders: tuple[str, ...] = ()

    def placed(self, zone: str) -> Dates | None:
        """Return the moments of a clock on the wall in a zone; None where it was not changed as clocks there are."""
        rows = np.flatnonzero(self.nanoseconds != NONE)
        if self.zone or not rows.size:
            return None
        ahead = all_ahead_s(self.nanoseconds[rows] // 1_000_000_000, ZoneInfo(zone))
        steps = np.diff(self.nanoseconds[rows]) / 1e9
        usual = float(np.median(np.abs(steps))) if steps.size else 0.0
        if np.any((np.diff(ahead) != 0) & (steps >= 0) & (steps <= 2 + 2 * usual)):  # it went on evenly
            return None
        moved = self.nanoseconds.copy()
        moved[rows] -= 1_000_000_000 * ahead
        return replace(self, nanoseconds=moved, zone=zone, local_s=int(ahead[0]))

    def carried_on(self) -> tuple[Dates, int | None]:
        """Return the moments without the hour by which the clock on the wall was put back or forward, and its row.

        Only where no zone is named, and in the small hours of a Sunday, when clocks are changed.
        """
        rows = np.flatnonzero(self.nanoseconds != NONE)
        steps = np.diff(self.nanoseconds[rows]) / 1e9
        if self.zone or not steps.size:
            return self, None
        usual = float(np.median(np.abs(steps)))
        back = np.abs(steps + HOUR_S - usual) <= 2 + 2 * usual
        ahead = np.abs(steps - HOUR_S - usual) <= 2 + 2 * usual
        late = self.nanoseconds[rows[1:]] // 3_600_000_000_000 + 2  # from ten o'clock on Saturday to five on Sunday
        night = ((late // 24 + 4) % 7 == 0) & (late % 24 <= 6)
        changed = np.flatnonzero((back | ahead) & night)
        if len(changed) != 1:  # a clock changes once in a recording, or something else is wrong with it
            return self, None
        row = int(rows[changed[0] + 1])
        moved = self.nanoseconds.copy()
        later = moved[row:]
        later[later != NONE] += round((HOUR_S if back[changed[0]] else -HOUR_S) * 1e9)
        return replace(self, nanoseconds=moved), row


def read_dates(text: pl.Series, order: str | None = None) -> Dates | None:
    """Return the moments in a column of texts; None where its first text has none of the known forms.

    Args:
        text: cells without blanks around them; empty or null ones hold no moment.
        order: "day first", "month first" or "year first", where numbers alone do not tell.

    >>> import polars as pl
    >>> found = read_dates(pl.Series(["23/12/2024 23:59:59.5", "24/12/2024 0:00:00.5"]))
    >>> found.how, float(found.nanoseconds[1] - found.nanoseconds[0]) / 1e9
    ('day first, since there is no month 24', 1.0)
    >>> read_dates(pl.Series(["1970-01-01T02:00:01+02:00"])).nanoseconds.tolist()
    [1000000000]
    """

    filled = text.fill_null("")
    there = np.asarray(filled != "")
    if not there.any():
        return None
    first = filled[int(np.argmax(there))]
    best = None
    for pattern in forms_of(first):
        found = _in_form(filled, there, first, pattern, order)
        if found.odd is None:
            return found
        best = best or found
    return best


def _in_form(text: pl.Series, there: NDArray[np.bool_], first: str, pattern: str, order: str | None) -> Dates:
    """Return the moments in a column whose first text has a form."""
    import polars as pl

    groups = text.str.extract_groups(rf"^(?:{pattern})$").struct.unnest()

    def number(name: str) -> NDArray[np.int64]:
        if name not in groups.columns:
            return np.zeros(len(text), np.int64)
        return groups[name].cast(pl.Int64, strict=False).fill_null(0).to_numpy()

    good = groups["H"].is_not_null().to_numpy()
    year = number("y")
    orders = tuple[str, ...]()
    if "a" in groups.columns:
        order, orders = _year_first(number("a"), number("b"), year, good, first, order)
        if order == YEAR_FIRST:
            year, month, day, how = number("a"), number("b"), year, YEAR_FIRST
        else:
            day, month, how, left_open = _ordered(number("a"), number("b"), good, first, order)
            orders = orders or left_open
    elif "month" in groups.columns:
        names = groups["month"].str.to_lowercase()
        month = names.replace_strict(MONTHS, default=0, return_dtype=pl.Int64).fill_null(0).to_numpy()
        day, how = number("d"), "month by its name"
    else:
        day, month, how = number("d"), number("m"), USUAL
    year = np.where(year < 100, 2000 + year, year)
    hour = number("H")
    if "half" in groups.columns and groups["half"].is_not_null().any():
        after = groups["half"].str.to_lowercase().fill_null("").is_in(AFTERNOON).to_numpy()
        halves = groups["half"].is_not_null().to_numpy()
        good &= ~halves | ((hour >= 1) & (hour <= 12))
        hour = np.where(halves, hour % 12 + 12 * after, hour)
        how += ", AM and PM"
    months = 12 * (year - 1970) + month - 1
    days = _first_days(months) + day - 1
    good &= (month >= 1) & (month <= 12) & (day >= 1) & (days < _first_days(months + 1)) & (year > 1900) & (year < 2200)
    good &= (hour < 24) & (number("M") < 60) & (number("S") <= 60)
    whole = 86_400 * days + 3600 * hour + 60 * number("M") + number("S")
    fraction, unpadded = fractions(groups["F"], whole)
    how += UNPADDED if unpadded else ""
    zone, ahead, said, doubt = zones_of(groups, whole, good)
    how += doubt
    good &= said
    nanoseconds = np.where(good, (whole - ahead) * 1_000_000_000 + fraction, NONE)
    wrong = np.flatnonzero(there & ~good)
    odd = int(wrong[0]) if wrong.size else None
    local = int(ahead[int(np.argmax(good))]) if zone and good.any() else None
    return Dates(nanoseconds, zone, local, how, odd, orders)


def fractions(digits: pl.Series, whole_s: NDArray[np.int64]) -> tuple[NDArray[np.int64], bool]:
    """Return nanoseconds from the digits after whole seconds, and whether these are a number without its leading zeros.

    Some programs write 10:00:00.5 for 5 ms. They are told by the time, which would run back again and again otherwise.

    >>> import polars as pl
    >>> fractions(pl.Series(["5", "25", "105"]), np.zeros(3, np.int64))[0].tolist()
    [5000000, 25000000, 105000000]
    """
    import polars as pl

    lengths = digits.str.len_chars().drop_nulls().to_numpy()
    longest = int(lengths.max(initial=0))
    plain = digits.str.pad_end(9, "0").cast(pl.Int64, strict=False).fill_null(0).to_numpy()
    if longest not in (3, 6, 9) or lengths.min() == longest:
        return plain, False
    number = digits.cast(pl.Int64, strict=False).fill_null(0).to_numpy() * 10 ** (9 - longest)
    back = [int((np.diff(whole_s * 1_000_000_000 + each) < 0).sum()) for each in (plain, number)]
    return (number, True) if back[1] < back[0] else (plain, False)


def _ordered(
    a: NDArray[np.int64], b: NDArray[np.int64], good: NDArray[np.bool_], first: str, order: str | None
) -> tuple[NDArray[np.int64], NDArray[np.int64], str, tuple[str, ...]]:
    """Return day and month of dates such as 3/4/2024, the reason, and the orders that stay open."""
    most_a, most_b = (int(each[good].max(initial=0)) for each in (a, b))
    if most_a > 12:
        return a, b, f"day first, since there is no month {most_a}", ()
    if most_b > 12:
        return b, a, f"month first, since there is no month {most_b}", ()
    if order is None and re.match(r"\d{1,2}\.", first):
        return a, b, "day first, as dots between day, month and year are written", ()
    if order is None and len(np.unique(a[good])) != len(np.unique(b[good])):
        # over midnight the day changes, and the month with it only once in thirty times
        if len(np.unique(a[good])) > len(np.unique(b[good])):
            return a, b, "day first, since the first number changes at midnight", ()
        return b, a, "month first, since the second number changes at midnight", ()
    if order == "month first":
        return b, a, "month first", ()
    same = bool((a[good] == b[good]).all())
    return a, b, "day first", () if order or same else ("day first", "month first")


def _year_first(
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    c: NDArray[np.int64],
    good: NDArray[np.bool_],
    first: str,
    order: str | None,
) -> tuple[str | None, tuple[str, ...]]:
    """Return the order of dates such as 24/3/5 if they may begin with the year, and the orders that stay open."""
    lo, hi = ([int(f(each[good])) for each in (a, b, c)] if good.any() else [0, 0, 0] for f in (np.min, np.max))
    if order is not None or re.match(r"\d{1,2}\.", first) or lo[2] < 1 or hi[2] > 31 or hi[1] > 12:
        return order, ()
    changing = [len(np.unique(each[good])) for each in (a, b, c)]
    if hi[0] > 31 or changing[2] > max(changing[:2]):
        return YEAR_FIRST, ()
    if max(changing) > 1 or (lo[0] == lo[1] == lo[2]):
        return order, ()
    return order, (DAY_FIRST, MONTH_FIRST, YEAR_FIRST) if hi[0] <= 12 else (DAY_FIRST, YEAR_FIRST)


def _first_days(months: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the days from 1970 to the first of each month, months counted from 1970."""
    return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
