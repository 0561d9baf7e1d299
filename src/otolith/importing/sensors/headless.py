"""Columns of a table without names, by what their numbers do: a clock, a triad as long as gravity, a triad around 0."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from otolith.importing.naming.triads import Place
from otolith.importing.naming.unit_words import ACC_UNITS
from otolith.importing.sensors.columns import Mapping
from otolith.importing.sensors.evidence import acc_unit_of_data, blocks_of, turning_of_gravity
from otolith.importing.tables.layout import is_number
from otolith.importing.times.dates import read_dates
from otolith.recording import STANDARD_GRAVITY

LEAST_ROWS = 30
LARGEST = 1e20
"""Beyond any number in any unit, and small enough to be squared."""
ROWS_HZ = 25.0
"""Rate at which rows are taken to come while nothing is known of it."""
_TIMES = re.compile(r"\d+[-/.:]\d")
Numbers = Sequence[NDArray[np.float64] | None]
"""Values of each column; None for one of words."""
SHARE = 0.8
"""Least share of a column's cells that are numbers, where it is one of numbers."""


def guess_by_values(rows: Sequence[Sequence[str]], hint: str | None = None) -> Mapping:
    """Return the meaning of the columns "column 1", "column 2", ... of a table's first rows.

    A clock is the first column of dates, or of numbers that never fall; an accelerometer three columns side by side
    whose length is mostly about that of gravity; a gyroscope three columns beside it, if their mean is near 0 and they
    move. Several triads that may be the accelerometer are places, and none is mapped. Whole numbers in the last
    column that hardly change look like labels, which is noted; they are not taken for them.

    Args:
        rows: cells.
        hint: what the file's name says of its sensor, where three columns are left beside the clock.

    >>> rows = [[str(n / 50), "0.1", "0.2", f"{9.7 + n / 99}"] for n in range(40)]
    >>> guess_by_values(rows).rows()
    [('time', 'column 1'), ('acc', 'column 2,column 3,column 4')]
    """
    width = min((len(row) for row in rows), default=0)
    if len(rows) < LEAST_ROWS or width < 3:
        return Mapping({})
    columns = [[row[column].strip() for row in rows] for column in range(width)]
    numbers = [_numbers(cells) for cells in columns]
    found: dict[str, tuple[str, ...]] = {}
    clocks = [i for i in range(width) if _is_clock(columns[i], numbers[i])]
    # no count of rows, where there is another one; the one that tells rows apart best, rather than when several of
    # them arrived; of equals the first
    time = max(
        clocks, key=lambda i: (not _counts(numbers[i]), round(len(set(columns[i])) / len(rows), 2)), default=None
    )
    if time is not None:
        found["time"] = (_name(time),)
    off = {first: _gravity(numbers, first) for first in range(width - 2) if time not in range(first, first + 3)}
    triads: list[int] = []
    for first in (each for each, found_off in off.items() if found_off is not None):
        if triads and first - triads[-1] < 3:  # of triads that share columns, the first but for a much better one
            if 2 * (off[first] or 0.0) < (off[triads[-1]] or 0.0):
                triads[-1] = first
        else:
            triads.append(first)
    free = [i for i in range(width) if i != time and not any(i in range(first, first + 3) for first in triads)]
    places = tuple(_place(numbers, first, free) for first in triads)
    if len(triads) == 1:
        found["acc"] = places[0].acc
        if places[0].gyro:
            found["gyro"] = places[0].gyro
    left = [i for i in range(width) if i != time and (values := numbers[i]) is not None and not _are_codes(values)]
    if not triads and hint in ("acc", "gyro", "linear") and len(left) == 3 and left[2] - left[0] == 2:
        found["gyro" if hint == "gyro" else "acc"] = _three(left[0])
    words = [i for i in range(width) if i != time and _is_words(columns[i])]
    if triads and len(words) == 1:
        found["label"] = (_name(words[0]),)
    last = numbers[-1]
    passed: tuple[tuple[str, str], ...] = ()
    if not words and last is not None and _are_codes(last):
        passed = ((_name(width - 1), "holds whole numbers that hardly change, as labels do; --label takes it"),)
    return Mapping(found, frozenset(found), places if len(places) > 1 else (), passed)


def _place(numbers: Numbers, first: int, free: Sequence[int]) -> Place:
    """Return an accelerometer with the gyroscope among the columns that are free.

    The likeliest are the three columns after it, or else those before it, or after one column between; of several that
    move around 0, those are taken which turn as gravity does.
    """
    near = [
        at
        for at in (first + 3, first - 3, first + 4, first - 4, first + 6, first - 6)
        if {at, at + 1, at + 2} <= set(free)
    ]
    near = [at for at in near if _turns(numbers, at)]
    alike = {at: _turns_gravity(numbers, first, at) for at in near} if len(near) > 1 else {}
    gyro = max(near, key=lambda at: alike.get(at, 0.0), default=None)  # of equals the first
    return Place(f"columns {first + 1}-{first + 3}", _three(first), () if gyro is None else _three(gyro))


def _three(first: int) -> tuple[str, ...]:
    return tuple(_name(first + i) for i in range(3))


def _turns_gravity(numbers: Numbers, acc: int, gyro: int) -> float:
    triads = [np.stack([each for each in numbers[at : at + 3] if each is not None]) for at in (acc, gyro)]
    known = np.isfinite(np.concatenate(triads)).all(axis=0)
    times = np.arange(int(known.sum())) / ROWS_HZ
    found = turning_of_gravity(times, triads[0][:, known], times, triads[1][:, known])
    return 0.0 if found is None else found[1]


def _are_codes(values: NDArray[np.float64]) -> bool:
    known = values[np.isfinite(values)]
    whole = (known == np.round(known)).all() and (known >= -1).all() and (known < 100).all()
    return bool(known.size == values.size and whole and np.mean(np.diff(known) != 0) < 0.05)


def _name(column: int) -> str:
    return f"column {column + 1}"


def _numbers(cells: Sequence[str]) -> NDArray[np.float64] | None:
    """Return the numbers of a column, NaN for none; None for a column in which most cells are no number."""
    plain = [cell.replace(",", ".") if is_number(cell) else "nan" for cell in cells]
    values = np.array([float(cell.replace("−", "-")) for cell in plain])
    values[np.abs(values) > LARGEST] = np.nan
    return values if np.isfinite(values).mean() >= SHARE else None


def _is_clock(cells: Sequence[str], values: NDArray[np.float64] | None) -> bool:
    if values is None:
        import polars as pl

        dates = read_dates(pl.Series(cells))
        return dates is not None and dates.odd is None
    steps = np.diff(values[np.isfinite(values)])
    return bool(len(steps) and (steps >= 0).all() and (steps > 0).mean() >= 0.1 and np.abs(values[-1]) > 0)


def _counts(values: NDArray[np.float64] | None) -> bool:
    """Tell if a column counts the rows."""
    return values is not None and bool((np.diff(values) == 1).all())


def _gravity(numbers: Numbers, first: int) -> float | None:
    """Return by what share the length of three columns is off that of gravity; None where they do not show it."""
    triad = [each for each in numbers[first : first + 3] if each is not None]
    if len(triad) < 3:
        return None
    values = np.stack(triad)
    values = values[:, np.isfinite(values).all(axis=0)]
    if values.shape[1] < LEAST_ROWS or (values.std(axis=1) == 0).sum() > 1:
        return None
    unit = acc_unit_of_data(blocks_of((np.arange(values.shape[1]) / ROWS_HZ, values)))
    if unit is None or any(_is_quaternion(numbers[each : each + 4]) for each in (first - 1, first) if each >= 0):
        return None
    return float(np.median(np.abs(np.sqrt((values**2).sum(axis=0)) * ACC_UNITS[unit] / STANDARD_GRAVITY - 1)))


def _is_quaternion(numbers: Numbers) -> bool:
    """Tell if four columns are as long as 1 in nearly all rows, which no accelerometer is so exactly."""
    four = [each for each in numbers if each is not None]
    if len(four) < 4:
        return False
    off = np.abs(np.sqrt((np.stack(four) ** 2).sum(axis=0)) - 1)
    return bool(np.nanmedian(off) < 1e-3 and np.nanmean(off < 5e-3) > 0.95)


def _turns(numbers: Numbers, first: int) -> bool:
    triad = numbers[first : first + 3]
    if any(each is None for each in triad):
        return False
    values = np.stack([each for each in triad if each is not None])
    spread = np.nanstd(values, axis=1)
    return bool((spread > 0).all() and (np.abs(np.nanmean(values, axis=1)) <= 2 * spread).all())


def _is_words(cells: Sequence[str]) -> bool:
    return all(cell and not is_number(cell) and not _TIMES.match(cell) for cell in cells)
