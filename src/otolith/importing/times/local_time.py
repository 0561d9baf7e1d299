"""Zones of the clock on the wall, as files name them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import polars as pl

HOUR_S = 3600.0
STEP_BACK_S = 60
"""Seconds by which times run backwards where clocks were put back, perhaps while nothing was recorded."""
ZONE = (
    r"\s*(?P<utc>[Zz]|UTC|GMT)?\s*(?:\(?(?P<word>[A-Z]{2,4}T|MEZ|MESZ|MSK|WIB)\)?)?"
    r"\s*(?:(?P<sign>[+\-−])(?P<oh>\d{1,2}):?(?P<om>\d{2})?)?\s*(?:\[(?P<name>[A-Za-z_+\-/0-9]+)\])?"
    r"(?:\s*\([^()]*\))?(?:\s+(?P<place>[A-Z][A-Za-z]+(?:/[A-Za-z_\-]+){1,2}))?"
)
"""Zone after a time, in any notation: letters, hours, a place in brackets or after a blank."""

HOURS = {
    "UTC": 0.0, "GMT": 0.0, "Z": 0.0, "WET": 0.0, "WEST": 1.0, "CET": 1.0, "CEST": 2.0, "MEZ": 1.0, "MESZ": 2.0,
    "EET": 2.0, "EEST": 3.0, "MSK": 3.0, "TRT": 3.0, "SAST": 2.0, "CAT": 2.0, "EAT": 3.0, "WAT": 1.0, "PKT": 5.0,
    "NPT": 5.75, "ICT": 7.0, "WIB": 7.0, "SGT": 8.0, "HKT": 8.0, "PHT": 8.0, "AWST": 8.0, "JST": 9.0, "KST": 9.0,
    "ACST": 9.5, "ACDT": 10.5, "AEST": 10.0, "AEDT": 11.0, "NZST": 12.0, "NZDT": 13.0, "EST": -5.0, "EDT": -4.0,
    "CDT": -5.0, "MDT": -6.0, "MST": -7.0, "PST": -8.0, "PDT": -7.0, "AKST": -9.0, "AKDT": -8.0, "HST": -10.0,
    "NST": -3.5, "NDT": -2.5, "BRT": -3.0, "ART": -3.0, "CLT": -4.0, "CLST": -3.0, "COT": -5.0, "PET": -5.0,
}  # fmt: skip
"""Hours by which the clock on the wall is ahead of UTC, by abbreviations that mean one zone."""


def known_zone(name: str) -> str | None:
    """Return a name that is one of a time zone; None for any other text.

    >>> known_zone("Europe/Berlin"), known_zone("here")
    ('Europe/Berlin', None)
    """
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def ahead_s(zone: str, local_s: int) -> int:
    """Return the seconds by which a zone's clocks are ahead of UTC at a moment of theirs, in seconds since 1970.

    >>> ahead_s("Europe/Berlin", 1_782_900_000), ahead_s("UTC", 0)
    (7200, 0)
    """
    return int(all_ahead_s(np.array([local_s], np.int64), ZoneInfo(zone))[0])


def place_of(zone: str, ahead_s: int | None) -> str | None:
    """Return a zone's name or its distance from UTC; None where neither is said, and for UTC.

    >>> place_of("UTC", 19800), place_of("Europe/Berlin", 3600), place_of("UTC", 0)
    ('+05:30', 'Europe/Berlin', None)
    """
    if zone not in ("", "UTC"):
        return zone
    if not ahead_s:
        return None
    minutes = abs(ahead_s) // 60
    return f"{'-' if ahead_s < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"


def zones_of(
    groups: pl.DataFrame, whole: NDArray[np.int64], good: NDArray[np.bool_]
) -> tuple[str, NDArray[np.int64], NDArray[np.bool_], str]:
    """Return the zone, the seconds by which each clock is ahead of UTC, the rows that say it as the first does, doubts.

    Letters that mean several zones, such as IST, say nothing: times are then those of the wall's clock.

    Args:
        groups: those of `ZONE`, of every row.
        whole: seconds of the wall's clock since 1970.
        good: rows that hold a date.
    """
    import polars as pl

    offset = groups["sign"].is_not_null().to_numpy()
    words = groups["word"].is_in(list(HOURS)).fill_null(False).to_numpy()
    said = offset | words | groups["utc"].is_not_null().to_numpy()
    first = int(np.argmax(good))
    if good.any() and said[first]:
        hours, minutes = (groups[name].cast(pl.Int64, strict=False).fill_null(0).to_numpy() for name in ("oh", "om"))
        sign = np.where(groups["sign"].fill_null("+").eq("+").to_numpy(), 1, -1)
        by_word = groups["word"].replace_strict(HOURS, default=0.0, return_dtype=pl.Float64).fill_null(0).to_numpy()
        ahead = np.where(words, (3600 * by_word).astype(np.int64), 0)
        return "UTC", np.where(offset, sign * (3600 * hours + 60 * minutes), ahead), said, ""
    name = (groups["name"][first] or groups["place"][first]) if good.any() else None
    if name:
        try:
            zone = ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            zone = None
        if zone is not None:
            return name, all_ahead_s(whole, zone), ~said, ""
    letters = groups["word"][first] if good.any() else None
    doubt = f", without a zone, since {letters} is not one alone" if letters else ""
    return "", np.zeros(len(whole), np.int64), ~said, doubt


def all_ahead_s(local: NDArray[np.int64], zone: ZoneInfo) -> NDArray[np.int64]:
    """Return the seconds (n,) by which a zone's clocks are ahead of UTC at moments of theirs, (n,) seconds since 1970.

    Of an hour, or half of one, that comes twice, rows until the step back are in the first.
    """
    quarters, which = np.unique(local // 900, return_inverse=True)  # zones change at quarters of an hour
    found = np.zeros((2, len(quarters)), np.int64)
    for number, quarter in enumerate(quarters.tolist()):
        for fold in (0, 1):
            try:
                moment = datetime.fromtimestamp(quarter * 900, UTC).replace(tzinfo=zone, fold=fold)
                found[fold, number] = (moment.utcoffset() or timedelta(0)).total_seconds()
            except (OverflowError, ValueError, OSError):
                continue
    first, second = found[:, which]
    twice = np.flatnonzero(second < first)
    back = np.flatnonzero(np.diff(local[twice]) < -STEP_BACK_S)
    if back.size:
        first[twice[back[0] + 1 :]] = second[twice[back[0] + 1 :]]
    return first
