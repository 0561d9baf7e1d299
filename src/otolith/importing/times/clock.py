"""A table's clock: the time of every row, and what numbers of time can mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATES = (4.0, 1200.0)
"""Hz between which a motion sensor samples; the two ends are less than a factor of 1000 apart, so that at most one of
s, ms, us and ns makes a step of time plausible."""
EPOCH = {"s": (3e8, 1e10), "ms": (3e11, 1e13), "us": (3e14, 1e16), "ns": (3e17, 9.2e18)}
"""Range of numbers since 1970 in each unit, from 1979 to 2286 (ns: 2261)."""
OLDEST_S = 946_684_800
"""The year 2000: no sensor of this kind is older, but some count from 2000 or 2001."""
DAY_NS = 86_400_000_000_000
LATEST = 1e19
"""Largest number in any unit: beyond the last nanosecond that 64 bits hold."""


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


def since_1970(nanoseconds: NDArray[np.int64], zone: str) -> Clock:
    """Return a clock from nanoseconds since 1970; the smallest integer stands for none."""
    known = nanoseconds != -(2**63)
    origin = int(nanoseconds[known][0]) if known.any() else 0
    # the difference is small and exact; a float cannot tell the instants apart
    with np.errstate(over="ignore"):
        seconds = np.where(known, (nanoseconds - origin) / 1e9, np.nan)
    return Clock(seconds, origin, zone)
