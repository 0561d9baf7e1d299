"""Counters of a few bits, which begin again at their end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from otolith.importing.findings import Findings
    from otolith.importing.tables.table import Table

BITS = (16, 24, 32)
NEAR = 0.02
"""Share of a counter's range within which its last and its first value lie when it begins again."""
LONGEST = 20.0
"""Usual steps that a counter may take where it begins again: a few samples may be lost just then."""
SHORT_BITS = (10, 12, 14, 15)
PERIODS = {
    60: "a minute of s", 3600: "an hour of s", 86_400: "a day of s", 10_000: "10 s of ms", 60_000: "a minute of ms",
    3_600_000: "an hour of ms", 86_400_000: "a day of ms", 60_000_000: "a minute of us", 3_600_000_000: "an hour of us",
    86_400_000_000: "a day of us",
}  # fmt: skip
STEPS = (0.5, 2.5)
"""Usual steps between which one is where a counter of such a period begins again."""


def unwrapped(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], int | None, NDArray[np.int64]]:
    """Return a counter that goes on where it began again, its bits, and the rows at which it did.

    It may count from 0 or, signed, from minus half of its range. NaN stands for no value. Jumps elsewhere in the range
    are left as they are, with None for the bits.

    >>> unwrapped(np.array([65534.0, 65535.0, 0.0, 1.0]))
    (array([65534., 65535., 65536., 65537.]), 16, array([2]))
    """
    rows = np.flatnonzero(np.isfinite(values))
    known = values[rows]
    steps = np.diff(known)
    none = np.zeros(0, np.int64)
    if not (steps > 0).any() or not (steps < 0).any():
        return values, None, none
    usual = float(np.median(steps[steps > 0]))
    for bits in BITS:
        period = float(2**bits)
        low = -period / 2 if known.min() < 0 else 0.0
        if not (low <= known.min() and known.max() < low + period):
            continue
        passed = steps + period
        begins = (steps < 0) & (passed >= 0) & (passed <= LONGEST * usual)
        at_ends = (known[:-1] >= low + (1 - NEAR) * period) & (known[1:] <= low + NEAR * period)
        if (begins & at_ends).any():
            added = np.concatenate([[0.0], np.cumsum(begins & at_ends) * period])
            out = values.copy()
            out[rows] = known + added
            return out, bits, rows[1:][begins & at_ends]
    return values, None, none


def begun_again(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], str, NDArray[np.int64]]:
    """Return a counter that goes on where it began again after few bits or a whole time, what it is, and the rows.

    Each step back has to be a period less a usual step. Recordings of a minute each, one after another, look the same:
    a whole time counts only where the first row is within it, a few bits also where each round begins elsewhere.

    >>> begun_again(np.array([58.0, 58.5, 59.0, 59.5, 0.0, 0.5, 1.0]))[1:]
    ('a counter of a minute of s', array([4]))
    """
    rows = np.flatnonzero(np.isfinite(values))
    known = values[rows]
    steps = np.diff(known)
    again = np.flatnonzero(steps < 0) + 1
    if not again.size or not (steps > 0).any() or known.min() < 0:
        return values, "", again
    usual = float(np.median(steps[steps > 0]))
    within = known[0] > STEPS[1] * usual
    elsewhere = bool(np.ptp(np.append(known[again], known[0])) > 0.1 * usual)
    whats = {2.0**bits: f"{bits} bits" for bits in SHORT_BITS if within or elsewhere}
    for period, what in (whats | (PERIODS if within else {})).items():
        passed = steps[again - 1] + period
        fits = known.max() < period and (STEPS[0] * usual <= passed).all() and (passed <= STEPS[1] * usual).all()
        if fits and usual < period / 10:
            out = values.copy()
            out[rows] = known + np.concatenate([[0.0], np.cumsum(steps < 0) * period])
            return out, f"a counter of {what}", rows[again]
    return values, "", again[:0]


def carried_on(table: Table, values: NDArray[np.float64], findings: Findings) -> NDArray[np.float64]:
    """Return the numbers of a counter that goes on where it began again, which is told; the same where it did not."""
    found, bits, again = unwrapped(values)
    what = f"a counter of {bits} bits" if bits is not None else ""
    if not what:
        found, what, again = begun_again(values)
    if what:
        findings.repair(table.at(int(again[0])), f"{what} begins again and was carried on", len(again))
    return found
