"""Units that headers state in brackets, or a row beneath them: which are understood, and which a person has to say.

Brackets hold units, scales ("0.1 deg/s"), ranges ("2g") and remarks ("left", "calibrated"). What looks like a unit and
is none that is known, and words for raw counts, are told, so that nobody guesses a unit that the file says otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from otolith.importing.naming.unit_words import LONGEST, OTHER, in_si, plain_unit, unit_of_text
from otolith.importing.naming.units import factor_of, unit_in_name
from otolith.importing.naming.words import KNOWN

COUNTS = frozenset(("raw", "lsb", "lsbs", "count", "counts", "cnt", "cnts", "adc", "adu", "bits", "digits", "unitless",
                    "dimensionless"))  # fmt: skip
"""Words for numbers as a sensor's converter gives them."""
_ALONE = (OTHER - {"n/a", "c", "deg", "rad"}) | {
    "n", "kn", "mn", "newton", "newtons", "cm", "um", "ft", "feet", "inch", "inches", "kg", "rpm", "rev", "revs", "cps",
    "kdps", "udps", "au", "a.u.", "volt", "volts", "tesla", "mt", "mph", "kmh", "gon", "grad",
}  # fmt: skip
"""Texts that are a unit where they are all that brackets hold; single letters and short words may be remarks."""
_PART = re.compile(
    r"(?:[kmcdun]|milli|micro|centi|deci|kilo)?(?:m|g|gn|gal|gals|deg|degs|dps|rad|rads|s|v|lsb)|"
    r"kn|n|grad|gon|revs?|revolutions?|turns?|cycles?|rotations?|rp[msh]|ft|foot|feet|inch|inches|in|sec|secs|min|mins|"
    r"minutes?|h|hr|hrs|hours?|volts?|newtons?|counts?|digits?|bits?|standard|units?|per|squared|sq"
)
"""Words that units are made of."""
_ABOUT_GRAVITY = frozenset(("no", "without", "with", "minus", "plus", "excluding", "excl", "including", "incl", "ohne",
                            "mit", "sans", "avec", "sin", "con", "senza", "removed", "included", "half"))  # fmt: skip
"""Words beside which "g" or "gravity" is not the unit."""
_INTRODUCED = re.compile(r"(?:in|units?)\b\s*[:=]?\s*(?=\S)", re.IGNORECASE)
_RANGE = re.compile(r"(?:\+-|\+/-|±)\s*\d.*|(?!1\D)\d+\s*(?:g|deg/s|dps|m/s\^2|rad/s)")
_LETTERS = re.compile(r"[^\W\d_]+")


@lru_cache(maxsize=KNOWN)
def _texts(header: str) -> tuple[tuple[str, ...], str]:
    """Return what stands in a header's brackets, and the header without them.

    >>> _texts("Acc x (left) (m/(s^2))"), _texts("x [g")
    ((('left', 'm/(s^2)'), 'Acc x'), ((), 'x [g'))
    """
    found, outside, depth, begin = [], [], 0, 0
    for at, letter in enumerate(header):
        if letter in "([":
            if not depth:
                outside.append(header[begin:at])
                begin = at
            depth += 1
        elif letter in ")]" and depth:
            depth -= 1
            if not depth:
                found.append(header[begin + 1 : at].strip())
                begin = at + 1
    return tuple(found), " ".join("".join([*outside, header[begin:]]).split()) if found else header


def stated_unit(header: str, beneath: str, units: dict[str, float]) -> tuple[str | None, str]:
    """Return the unit of a sensor's column, as `factor_of` reads it, and a text in place of one that is not understood.

    Args:
        header: name of the column.
        beneath: text below it in a row of units, "" where there is none.
        units: those of the sensor.

    >>> from otolith.importing.naming.unit_words import GYRO_UNITS
    >>> [stated_unit(f"gyro_x ({text})", "", GYRO_UNITS) for text in ("°/s", "0.1 deg/s", "mrad/s", "LSB", "left")]
    [('deg/s', ''), ('0.1 deg/s', ''), ('mrad/s', ''), (None, 'LSB'), (None, '')]
    """
    inside, outside = _texts(header)
    texts = [text for text in (*reversed(inside), beneath.strip()) if 0 < len(text) <= LONGEST]
    unit = next((found for text in texts if (found := _unit_within(text, units))), None)
    unit = unit or unit_in_name(outside, units)
    return unit, "" if unit else next((text for text in texts if _is_no_known_unit(text, units)), "")


def stated_units(columns: Sequence[tuple[str, str]], units: dict[str, float]) -> tuple[str | None, str]:
    """Return the same for all columns of a sensor, of (name, text beneath): their one unit, None where some state none.

    >>> from otolith.importing.naming.unit_words import ACC_UNITS
    >>> stated_units([("x [g]", ""), ("y [g]", "")], ACC_UNITS), stated_units([("x [g]", ""), ("y", "mg")], ACC_UNITS)
    (('g', ''), (None, 'g and mg'))
    """
    found = [stated_unit(name, beneath, units) for name, beneath in columns]
    stated = list(dict.fromkeys(unit for unit, _ in found))
    if len(known := [unit for unit in stated if unit]) > 1:
        return None, " and ".join(known)
    return (stated[0] if len(stated) == 1 else None), next((unread for _, unread in found if unread), "")


def says_raw(header: str) -> bool:
    """Tell if words in a header say that its numbers are raw counts.

    >>> says_raw("gyro_x_raw"), says_raw("gyroRawx"), says_raw("drawer_x")
    (True, True, False)
    """
    words = re.sub(r"(?<=[a-zXYZ])(?=[A-Z])", " ", header[:LONGEST])
    return any(word.lower().rstrip("xyz") in COUNTS for word in _LETTERS.findall(words))


def _unit_within(text: str, units: dict[str, float]) -> str | None:
    """Return the one unit of a sensor in a text, which may have remarks beside it."""
    text = text[match.end() :] if (match := _INTRODUCED.match(text)) else text
    text = re.sub(r"^0,(?=\d)", "0.", text)
    for part in (text, *re.split(r"[;|]|,(?!\d)", text)):
        unit = unit_of_text(part)
        if unit is not None and in_si(unit, units) is not None:
            return unit
        if factor_of(part, units) is not None and not _RANGE.fullmatch(plain_unit(part)):
            return part.strip()
    words = re.split(r"[\s,;:]+", text)
    found = {unit for word in words if (unit := unit_of_text(word)) and in_si(unit, units) is not None}
    others = [word.lower() for word in words if unit_of_text(word) is None]
    remarks = all(word.isalpha() and not _PART.fullmatch(word) and word not in _ABOUT_GRAVITY for word in others)
    return found.pop() if len(found) == 1 and remarks else None


def _is_no_known_unit(text: str, units: dict[str, float]) -> bool:
    """Tell if a text that is no unit of a sensor looks like a unit, or says that numbers are raw."""
    plain = plain_unit(text)
    words = _LETTERS.findall(plain)
    if COUNTS & set(words) or plain in _ALONE or re.search(r"\w\^-?\d|^\d+,\d+\s*[a-z]", plain):
        return True
    if (unit := unit_of_text(text)) is not None:  # of the other sensor
        return in_si(unit, units) is None
    if _RANGE.fullmatch(plain) or not words:
        return False
    several = len(words) > 1 or (bool(re.search(r"\d", plain)) and len(words[0]) > 1)
    return several and all(_PART.fullmatch(word) for word in words) and not re.search(r"[^\w\s./*^+±%,:°-]", plain)
