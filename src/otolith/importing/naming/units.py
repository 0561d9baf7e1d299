"""Units as headers spell them, and what each is in SI units."""

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
    "ms": ("ms", "msecs", "millis", "milliseconds", "millisecond"),
    "us": ("us", "usecs", "micros", "microseconds", "microsecond"),
    "ns": ("ns", "nsecs", "nanos", "nanoseconds", "nanosecond"),
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
_SENSOR_UNITS, _TIME_UNITS = (
    {spelling: unit for unit, spellings in spelled.items() for spelling in spellings}
    for spelled in (_SPELLED, _TIME_SPELLED)
)
_COUNT = r"(?:lsb|lsbs|counts?|digits?)"
_VALUE = r"(?P<number>\d{1,7}(?:\.\d{1,9})?)"
_PER_UNIT = re.compile(rf"{_VALUE}\s*{_COUNT}?\s*/\s*(?P<unit>\D.*)", re.IGNORECASE)
_RANGE = re.compile(
    rf"(?:\+-|\+/-|±)?\s*{_VALUE}\s*(?P<unit>\D.*?)\s*/\s*(?P<bits>[89]|1\d|2\d|3[0-2])\s*-?bits?", re.IGNORECASE
)
_PER_COUNT = re.compile(rf"{_VALUE}\s*(?P<unit>[^\d/].*?)(?:\s*/\s*{_COUNT})?", re.IGNORECASE)
_BRACKETS = re.compile(r"[(\[]([^()\[\]]*)[)\]]\s*$")


def split_header(header: str) -> tuple[str, str | None]:
    """Return name and sensor's unit of a header with brackets.

    >>> split_header("Acceleration x (m/s^2)"), split_header("Gyr_X [°/s]"), split_header("time")
    (('Acceleration x', 'm/s^2'), ('Gyr_X', 'deg/s'), ('time', None))
    """
    text = header.strip()
    match = _BRACKETS.search(text)
    if match is None:
        return text, None
    return text[: match.start()].strip(), unit_of_text(match[1])


def bracketed(header: str) -> str:
    """Return the text in the brackets that end a header; "" where there are none.

    >>> bracketed("x-axis (deg/s)"), bracketed("x")
    ('deg/s', '')
    """
    match = _BRACKETS.search(header.strip())
    return "" if match is None else match[1].strip()


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


def factor_of(text: str, units: dict[str, float]) -> float | None:
    """Return SI units in one of a file's numbers, by a unit or by what raw counts mean; None for any other text.

    Counts are said as counts a unit ("4096/g", "16.4 LSB/dps"), as units a count ("0.061 mg"), or as the range on
    either side of zero and the bits of a number ("8g/16bit").

    >>> [round(factor_of(text, ACC_UNITS) or 0, 6) for text in ("g", "4096/g", "8g/16bit", "0.5 mg/LSB")]
    [9.80665, 0.002394, 0.002394, 0.004903]
    >>> round(factor_of("131 LSB/(deg/s)", GYRO_UNITS) or 0, 8), factor_of("4096", ACC_UNITS)
    (0.00013323, None)
    """
    if (factor := in_si(unit_of_text(text) if text not in units else text, units)) is not None:
        return factor
    for pattern, scale in (
        (_PER_UNIT, lambda number, _: 1 / number),
        (_RANGE, lambda number, bits: number / 2 ** (int(bits) - 1)),
        (_PER_COUNT, lambda number, _: number),
    ):
        match = pattern.fullmatch(text.strip())
        unit = None if match is None else in_si(unit_of_text(match["unit"]), units)
        if match is not None and unit is not None and float(match["number"]) > 0:
            return unit * scale(float(match["number"]), match.groupdict().get("bits"))
    return None


LONGEST = 100
"""Characters of the longest text that may be a unit."""


def is_unit_text(text: str) -> bool:
    """Tell if a text is a unit, of motion, time or something else, or a pattern for dates, as rows of units have.

    >>> is_unit_text("m/(sec^2)"), is_unit_text("mSecs"), is_unit_text("yyyy/mm/dd hh:mm:ss"), is_unit_text("Acc_X")
    (True, True, True, False)
    """
    word = plain_unit(text)
    known = unit_of_text(text) is not None or word in _TIME_UNITS or word in OTHER
    return known or (len(word) > 7 and bool(_DATE_PATTERN.fullmatch(word)))


def time_unit_of_text(text: str) -> str | None:
    """Return a unit of time as people spell it; None for any other.

    >>> time_unit_of_text("mSecs"), time_unit_of_text("g")
    ('ms', None)
    """
    return _TIME_UNITS.get(plain_unit(text))


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


def unit_in_name(header: str, units: dict[str, float]) -> str | None:
    """Return a unit that stands in a header with or without brackets; None where there is none or several.

    >>> unit_in_name("acc_x_g", ACC_UNITS), unit_in_name("gyro_x 0.1 dps", GYRO_UNITS), unit_in_name("a_x", ACC_UNITS)
    ('g', '0.1 dps', None)
    """
    bracketed = split_header(header)[1]
    words = re.split(r"[_\s]+", header.strip().lower())
    words = words[:1] + [word for word in words[1:] if word != "gravity"]  # such as acc_x_no_gravity
    scaled = next((" ".join(words[at:]) for at, word in enumerate(words) if at and re.match(r"\d+\.\d", word)), "")
    if bracketed is None and factor_of(scaled, units) is not None:
        return scaled
    last = _unit_at_the_end(words)
    if last is not None and bracketed is None and in_si(last[1], units) is not None:
        return last[1]
    named = {unit_of_text(word) for word in words[1:]}
    found = {bracketed} if bracketed else {unit for unit in named if in_si(unit, units) is not None}
    unit = found.pop() if len(found) == 1 else None
    return unit if in_si(unit, units) is not None else None


def without_unit(words: str) -> str:
    """Return words of a header without the sensor's unit that ends them.

    >>> without_unit("acc x g"), without_unit("x acceleration meters per second squared"), without_unit("acc x")
    ('acc x', 'x acceleration', 'acc x')
    """
    each = words.split()
    last = _unit_at_the_end(each)
    return words if last is None else " ".join(each[: len(each) - last[0]])


def _unit_at_the_end(words: list[str]) -> tuple[int, str] | None:
    """Return how many words at the end are a sensor's unit, at most five and never all of them, and the unit."""
    for count in range(min(5, len(words) - 1), 0, -1):
        for joined in (" ".join(words[-count:]), "/".join(words[-count:])):
            unit = unit_of_text(joined)
            if unit is not None:
                return count, unit
    return None


def time_unit_in_name(header: str) -> str | None:
    """Return the unit of time in a header's last word; None where it says none.

    >>> time_unit_in_name("time (ms)"), time_unit_in_name("timestamp_ns"), time_unit_in_name("seconds")
    ('ms', 'ns', None)
    """
    words = re.findall(r"[^\W_]+", header.lower())
    return _TIME_UNITS.get(words[-1]) if len(words) > 1 else None
