"""Numbers that count from another moment than 1970: ticks of Windows, seconds of LabVIEW or Apple, days."""

from __future__ import annotations

import time
from dataclasses import dataclass

from otolith.importing.naming.unit_words import TIME_UNITS

FIRST_S, LAST_S = 946_684_800, 3_155_760_000
"""The years 2000 and 2070, between which recordings are made."""
YEAR_S = 31_556_952
"""Seconds in a year. What would begin later than so long after today counts from another moment."""
DAY_NS = 86_400_000_000_000
FIRST_OF_2010_S = 1_262_304_000


@dataclass(frozen=True)
class Epoch:
    """A way to count.

    Attributes:
        words: what it is called.
        scale: nanoseconds in a unit.
        zero: the number that stands for 1970.
        zone: of the clock that counts; "" where it is the one on the wall.
        first_s: the moment, in seconds since 1970, before which numbers are not taken for it.
    """

    words: str
    scale: int
    zero: float
    zone: str = "UTC"
    first_s: int = FIRST_S

    def moment_s(self, number: float) -> float:
        """Return seconds since 1970."""
        return (number - self.zero) * self.scale / 1e9

    def holds(self, number: float) -> bool:
        """Tell if a number is a moment between 2000 and 2070."""
        return self.first_s <= self.moment_s(number) <= LAST_S


OTHERS = (
    Epoch("days since 1900", DAY_NS, 25_569.0, zone=""),
    Epoch("days of the modified Julian date", DAY_NS, 40_587.0),
    Epoch("days of the Julian date", DAY_NS, 2_440_587.5),
    Epoch("days since the year 0 (MATLAB)", DAY_NS, 719_529.0, zone=""),
    Epoch("ticks of 100 ns since the year 1 (.NET)", 100, 621_355_968_000_000_000),
    Epoch("ticks of 100 ns since 1601 (Windows)", 100, 116_444_736_000_000_000),
    Epoch("ticks of 100 ns since 1970", 100, 0),
    Epoch("s since 1904 (LabVIEW)", TIME_UNITS["s"], 2_082_844_800),
    Epoch("ms since 1904 (LabVIEW)", TIME_UNITS["ms"], 2_082_844_800_000),
    Epoch("s since 1900 (NTP)", TIME_UNITS["s"], 2_208_988_800),
    Epoch("s since 2001 (Apple)", TIME_UNITS["s"], -978_307_200, first_s=FIRST_OF_2010_S),
)


def other_epochs(number: float, spacing: float, rates: tuple[float, float], scale: float | None = None) -> list[Epoch]:
    """Return how numbers may count whose typical one is a moment in none of the usual ways, the likeliest way first.

    Of several ways, one by which the recording would be of the future is none.

    Args:
        number: a typical one.
        spacing: from row to row.
        rates: Hz between which rows may come.
        scale: nanoseconds in a unit, where that is known.

    >>> [each.words for each in other_epochs(638_948_735_900_000_000, 200_000, (4.0, 1200.0))]
    ['ticks of 100 ns since the year 1 (.NET)']
    >>> other_epochs(1_770_000_000, 0.02, (4.0, 1200.0))
    []
    """
    if any(Epoch(unit, each, 0).holds(number) for unit, each in TIME_UNITS.items()) or spacing <= 0:
        return []
    fits = [
        each
        for each in OTHERS
        if each.holds(number) and scale in (None, each.scale) and rates[0] <= 1e9 / (spacing * each.scale) <= rates[1]
    ]
    latest = time.time() + YEAR_S
    past = [each for each in fits if each.moment_s(number) <= latest]
    return past or [each for each in fits if each.first_s == FIRST_S]
