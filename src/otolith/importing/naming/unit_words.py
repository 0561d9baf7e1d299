"""Words for units in many spellings and languages, and what each is in SI units."""

from __future__ import annotations

import math
import re
from functools import lru_cache

from otolith.recording import STANDARD_GRAVITY

ACC_UNITS = {"m/s^2": 1.0, "g": STANDARD_GRAVITY, "mg": STANDARD_GRAVITY / 1000}
"""m/s² in each unit."""
GYRO_UNITS = {"rad/s": 1.0, "deg/s": math.pi / 180, "mdeg/s": math.pi / 180_000}
"""rad/s in each unit."""
TIME_UNITS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
"""Nanoseconds in each unit of time."""
GRAVITY = ("included", "removed")

_SPELLED = {
    "m/s^2": (
        "m/s^2",
        "m/s2",
        "m/s/s",
        "ms-2",
        "ms^-2",
        "m.s-2",
        "m*s^-2",
        "m.s^-2",
        "m*s-2",
        "m/s**2",
        "mps2",
        "м/с^2",
        "м/с2",
        "米/秒^2",
    ),
    "g": ("g", "gs", "g's", "gforce", "g-force", "gravity", "g0", "gn"),
    "mg": ("mg", "milli-g", "millig", "milligs"),
    "rad/s": (
        "rad/s",
        "rads/s",
        "rads",
        "rps",
        "radps",
        "rads-1",
        "rads^-1",
        "rad.s-1",
        "rad.s^-1",
        "rad*s^-1",
        "rad*s-1",
        "1/s",
        "s^-1",
        "рад/с",
    ),
    "deg/s": (
        "deg/s",
        "dps",
        "degps",
        "degs-1",
        "deg.s-1",
        "degs^-1",
        "deg.s^-1",
        "deg*s^-1",
        "deg*s-1",
        "град/с",
        "度/秒",
    ),
    "mdeg/s": ("mdps", "mdeg/s"),
    "cm/s^2": (
        "cm/s^2",
        "cm/s2",
        "cm/s/s",
        "cms-2",
        "cms^-2",
        "cm.s-2",
        "cm.s^-2",
        "cm*s^-2",
        "cm/s**2",
        "cmps2",
        "gal",
        "gals",
    ),
    "mm/s^2": ("mm/s^2", "mm/s2", "mm/s/s", "mms-2", "mms^-2", "mm.s-2", "mm.s^-2", "mm*s^-2", "mm/s**2", "mmps2"),
    "ft/s^2": ("ft/s^2", "ft/s2", "ft/s/s", "feet/s^2", "feet/s/s", "foot/s^2", "fts^-2", "ft.s^-2", "ftps2"),
    "ug": ("ug", "micro-g", "microg"),
    "mrad/s": (
        "mrad/s",
        "mrads/s",
        "mrads-1",
        "mrads^-1",
        "mrad.s-1",
        "mrad.s^-1",
        "mrad*s^-1",
        "mradps",
        "milliradian/s",
        "milliradians/s",
    ),
    "urad/s": ("urad/s", "urads-1", "urads^-1", "urad.s^-1"),
    "cdeg/s": ("cdeg/s", "cdps"),
    "ddeg/s": ("ddeg/s", "ddps"),
    "deg/min": ("deg/min", "deg/minute", "dpm"),
    "deg/h": ("deg/h", "deg/hr", "deg/hour", "dph"),
    "rpm": ("rpm", "r/min", "rev/min", "revs/min", "revolutions/min", "revolutions/minute", "turns/min"),
    "turn/s": ("turn/s", "turns/s", "rev/s", "revs/s", "revolution/s", "revolutions/s", "r/s"),
}
_SCALED = {
    "cm/s^2": (0.01, "m/s^2"), "mm/s^2": (0.001, "m/s^2"), "ft/s^2": (0.3048, "m/s^2"), "ug": (1e-6, "g"),
    "mrad/s": (0.001, "rad/s"), "urad/s": (1e-6, "rad/s"), "cdeg/s": (0.01, "deg/s"), "ddeg/s": (0.1, "deg/s"),
    "deg/min": (1 / 60, "deg/s"), "deg/h": (1 / 3600, "deg/s"), "rpm": (6.0, "deg/s"), "turn/s": (360.0, "deg/s"),
}  # fmt: skip
"""Units that headers may state and that no data tell: how many of which unit above each is."""
_TIME_SPELLED = {
    "s": ("s", "secs", "second", "seconds", "sek", "sekunden", "segundos", "secondes"),
    "ms": ("ms", "msec", "msecs", "millis", "milliseconds", "millisecond"),
    "us": ("us", "usec", "usecs", "micros", "microseconds", "microsecond"),
    "ns": ("ns", "nsec", "nsecs", "nanos", "nanoseconds", "nanosecond"),
}
OTHER = {"ut", "nt", "gauss", "ga", "mgauss", "v", "mv", "uv", "ohm", "kohm", "siemens", "hz", "c", "celsius", "hpa",
         "kpa", "pa", "mbar", "m", "km", "km/h", "m/s", "deg", "rad", "%", "bpm", "lux", "lx", "db", "no_units",
         "no units", "unitless", "n/a", "arb", "count", "counts", "local_flux", "mm"}  # fmt: skip
"""Units of what is no motion; they only tell a row of units."""
_DATE_PATTERN = re.compile(r"[ymdhsf./:\- tz0]+", re.IGNORECASE)
_WORDS = tuple((re.compile(pattern), plain) for pattern, plain in (
    (r"â(?=[²°µ·])", ""), (r"⁻¹", "^-1"), (r"⁻²", "^-2"), (r"−", "-"), (r"[·⋅∙]", "."), (r"^[\ufffd?]/", "deg/"),
    (r"(?<=/s)[\ufffd?]$", "^2"), (r"[²₂]", "^2"), (r"[°º]", "deg"), (r"[µμ]", "u"), (r"[()]", ""), (r"\bper\b", "/"),
    (r"\bmet(er|re)s?\b", "m"), (r"\bdegrees?\b", "deg"), (r"\bradians?\b", "rad"), (r"\bsec(ond)?s?\b", "s"),
    (r"\bsquared\b", "^2"), (r"\s*([/^*])\s*", r"\1"),
))  # fmt: skip
"""Words and signs of units, and how they are written here, in this order."""
_SENSOR_UNITS, TIMES_AS_SPELLED = (
    {spelling: unit for unit, spellings in spelled.items() for spelling in spellings}
    for spelled in (_SPELLED, _TIME_SPELLED)
)
LONGEST = 100
"""Characters of the longest text that may be a unit."""


def unit_of_text(text: str) -> str | None:
    """Return a sensor's unit as people spell it; None for any other.

    >>> unit_of_text("m/s²"), unit_of_text("m/(sec^2)"), unit_of_text("degrees per second"), unit_of_text("hPa")
    ('m/s^2', 'm/s^2', 'deg/s', None)
    """
    return _SENSOR_UNITS.get(plain_unit(text)) or _SENSOR_UNITS.get(plain_unit(text).replace(" ", ""))


def in_si(unit: str | None, units: dict[str, float]) -> float | None:
    """Return SI units in one of a sensor's units, or of a multiple of it; None for a unit of something else.

    >>> in_si("mg", ACC_UNITS), in_si("cm/s^2", ACC_UNITS), in_si("cm/s^2", GYRO_UNITS)
    (0.00980665, 0.01, None)
    """
    number, plain = _SCALED.get(unit or "", (1.0, unit or ""))
    return number * units[plain] if plain in units else None


def is_unit_text(text: str) -> bool:
    """Tell if a text is a unit, of motion, time or something else, or a pattern for dates, as rows of units have.

    >>> is_unit_text("m/(sec^2)"), is_unit_text("mSecs"), is_unit_text("yyyy/mm/dd hh:mm:ss"), is_unit_text("Acc_X")
    (True, True, True, False)
    """
    word = plain_unit(text)
    known = unit_of_text(text) is not None or word in TIMES_AS_SPELLED or word in OTHER
    return known or (len(word) > 7 and bool(_DATE_PATTERN.fullmatch(word)))


def time_unit_of_text(text: str) -> str | None:
    """Return a unit of time as people spell it; None for any other.

    >>> time_unit_of_text("mSecs"), time_unit_of_text("g")
    ('ms', None)
    """
    return TIMES_AS_SPELLED.get(plain_unit(text))


def plain_unit(text: str) -> str:
    """Return a unit in small letters, with the signs and words that are spelled in many ways spelled in one.

    A text that is too long for a unit is returned as it is: patterns would take minutes for a damaged line.
    """
    word = text.strip().lower()
    return word if len(word) > LONGEST else _plain_of_word(word)


@lru_cache(maxsize=4096)  # each file of a folder asks for the same words many times
def _plain_of_word(word: str) -> str:
    for pattern, plain in _WORDS:
        word = pattern.sub(plain, word)
    return word.strip()
