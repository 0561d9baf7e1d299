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


def carried_on(table: Table, values: NDArray[np.float64], findings: Findings) -> NDArray[np.float64]:
    """Return the numbers of a counter that goes on where it began again, which is told; the same where it did not."""
    found, bits, again = unwrapped(values)
    if bits is not None:
        what = f"a counter of {bits} bits begins again and was carried on"
        findings.repair(table.at(int(again[0])), what, len(again))
    return found
