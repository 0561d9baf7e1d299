"""Numbers that count from another moment than 1970: ticks of Windows, and seconds of LabVIEW."""

from __future__ import annotations

from dataclasses import dataclass

from otolith.importing.naming.units import TIME_UNITS

FIRST_S, LAST_S = 946_684_800, 3_155_760_000
"""The years 2000 and 2070, between which recordings are made."""


@dataclass(frozen=True)
class Epoch:
    """A way to count.

    Attributes:
        words: what it is called.
        scale: nanoseconds in a unit.
        zero: the number that stands for 1970.
    """

    words: str
    scale: int
    zero: int

    def holds(self, number: float) -> bool:
        """Tell if a number is a moment between 2000 and 2070."""
        return FIRST_S <= (number - self.zero) * self.scale / 1e9 <= LAST_S


OTHERS = (
    Epoch("ticks of 100 ns since the year 1 (.NET)", 100, 621_355_968_000_000_000),
    Epoch("ticks of 100 ns since 1601 (Windows)", 100, 116_444_736_000_000_000),
    Epoch("s since 1904 (LabVIEW)", TIME_UNITS["s"], 2_082_844_800),
    Epoch("ms since 1904 (LabVIEW)", TIME_UNITS["ms"], 2_082_844_800_000),
)


def other_epoch(number: float, spacing: float, rates: tuple[float, float]) -> Epoch | None:
    """Return how numbers count whose typical one is a moment in none of the usual ways; None where it is in one.

    Args:
        number: a typical one.
        spacing: from row to row.
        rates: Hz between which rows may come.

    >>> other_epoch(638_948_735_900_000_000, 200_000, (4.0, 1200.0)).words
    'ticks of 100 ns since the year 1 (.NET)'
    """
    if any(Epoch(unit, scale, 0).holds(number) for unit, scale in TIME_UNITS.items()) or spacing <= 0:
        return None
    fits = (each for each in OTHERS if each.holds(number) and rates[0] <= 1e9 / (spacing * each.scale) <= rates[1])
    return next(fits, None)
