"""Units where headers and files state them: in brackets, at the end of a name, or as what a raw count means."""

from __future__ import annotations

import re

from otolith.importing.naming.unit_words import TIMES_AS_SPELLED, in_si, unit_of_text

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


def factor_of(text: str, units: dict[str, float]) -> float | None:
    """Return SI units in one of a file's numbers, by a unit or by what raw counts mean; None for any other text.

    Counts are said as counts a unit ("4096/g", "16.4 LSB/dps"), as units a count ("0.061 mg"), or as the range on
    either side of zero and the bits of a number ("8g/16bit").

    >>> from otolith.importing.naming.unit_words import ACC_UNITS, GYRO_UNITS
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


def unit_in_name(header: str, units: dict[str, float]) -> str | None:
    """Return a unit that stands in a header with or without brackets; None where there is none or several.

    >>> from otolith.importing.naming.unit_words import ACC_UNITS, GYRO_UNITS
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

    >>> time_unit_in_name("time (ms)"), time_unit_in_name("t/usec"), time_unit_in_name("seconds")
    ('ms', 'us', None)
    """
    words = re.findall(r"[^\W_]+", header.lower())
    return TIMES_AS_SPELLED.get(words[-1]) if len(words) > 1 else None
