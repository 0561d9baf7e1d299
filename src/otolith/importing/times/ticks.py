"""Ticks that a header says, such as 10 ms, 1/32768 s or minutes."""

from __future__ import annotations

import re

from otolith.importing.naming.unit_words import TIME_UNITS, time_unit_of_text
from otolith.importing.naming.units import bracketed

_LONG = {
    **dict.fromkeys(("min", "mins", "minute", "minutes", "minuten", "minutos", "minuti"), 60_000_000_000),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours", "stunden", "heures", "horas", "ore"), 3_600_000_000_000),
    **dict.fromkeys(("d", "day", "days", "tage", "jours"), 86_400_000_000_000),
}
"""Nanoseconds in units that are longer than a second."""
_TICK = re.compile(r"(?:(?P<over>1)\s?/\s?)?[x×*]?\s?(?P<number>\d{1,9}(?:\.\d{1,9})?)?[\s-]?(?P<unit>[^\W\d_]{1,12})")
_GLUED = re.compile(r"[\s_](\d{1,9}[^\W\d_]{1,2})$")
LONGEST = 100
"""Characters of the longest text that may be one."""


def tick_in_header(header: str, beneath: str = "") -> tuple[float, str] | None:
    """Return the nanoseconds in a tick that a header or the unit beneath it says, and what it says.

    None where it says none, or one of the usual units alone.

    >>> tick_in_header("time (10ms)"), tick_in_header("t [1/1000 s]"), tick_in_header("time", "min")
    ((10000000.0, '10ms'), (1000000.0, '1/1000 s'), (60000000000.0, 'min'))
    >>> tick_in_header("time (ms)"), tick_in_header("time_10us"), tick_in_header("Time 1 (s)")
    (None, (10000.0, '10us'), None)
    """
    if len(header) > LONGEST or len(beneath) > LONGEST:
        return None
    glued = _GLUED.search(header.strip())
    said = bracketed(header) or beneath.strip() or (glued[1] if glued else "")
    match = _TICK.fullmatch(said)
    if match is None:
        return None
    unit = time_unit_of_text(match["unit"])
    scale = TIME_UNITS[unit] if unit is not None else _LONG.get(match["unit"].lower())
    number = float(match["number"] or 1)
    if scale is None or number <= 0 or (match["over"] and not match["number"]):
        return None
    tick = scale / number if match["over"] else scale * number
    return None if tick in TIME_UNITS.values() and not match["number"] else (tick, said)
