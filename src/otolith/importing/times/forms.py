"""Forms of dates with times of day, and names of months."""

from __future__ import annotations

import re

from otolith.importing.times.local_time import ZONE

LONGEST = 100
"""Characters in a date; patterns would take long over more."""
_MONTHS = {
    1: "jan january januar janvier enero gennaio ene gen janv styczeń stycznia sty",
    2: "feb february februar février fevrier febrero febbraio févr fevr luty lutego lut",
    3: "mar march märz maerz mars marzo mär mrz marzec marca",
    4: "apr april avril abril aprile avr abr kwiecień kwietnia kwi",
    5: "may mai mayo maggio mag maj maja",
    6: "jun june juni juin junio giugno giu czerwiec czerwca cze",
    7: "jul july juli juillet julio luglio juil lug lipiec lipca lip",
    8: "aug august août aout agosto ago sierpień sierpnia sie",
    9: "sep sept september septembre septiembre settembre set wrzesień września wrz",
    10: "oct october oktober octobre octubre ottobre okt ott październik października paź",
    11: "nov november novembre noviembre",
    12: "dec december dezember décembre decembre diciembre dicembre dez déc dic grudzień grudnia gru",
}
MONTHS = {name: number for number, names in _MONTHS.items() for name in names.split()}
"""Number of each month's name and abbreviation in English, German, French, Spanish, Italian and Polish.

The Polish November is the Croatian October, and so is left out.
"""
AFTERNOON = ("p", "下午", "午後", "오후")
"""Words for the second half of the day, in small letters."""
_HALF = r"(?:\s*(?P<half>[AaPp])\.?\s?[Mm]\.?)?"
_FAR_HALF = "(?:(?P<half>上午|下午|午前|午後|오전|오후)\\s*)?"
_WEEKDAY = r"(?:\p{L}{2,10}\.?,?\s+)?"
_TIMES = (
    r"(?P<H>\d{1,2})\s?[:.h]\s?(?P<M>\d{2})(?:\s?[:.]\s?(?P<S>\d{2})(?:[.,:_](?P<F>\d{1,9}))?)?"
    + _HALF
    + r"(?:\s*Uhr)?",
    r"(?P<H>\d{1,2}):(?P<M>\d|[1-5]\d):(?P<S>\d|[1-5]\d)(?:[.,:](?P<F>\d{1,9}))?" + _HALF,
    _FAR_HALF + r"(?P<H>\d{1,2}):(?P<M>\d{2})(?::(?P<S>\d{2})(?:[.,:](?P<F>\d{1,9}))?)?",
    _FAR_HALF
    + r"(?P<H>\d{1,2})\s?[时時시]\s?(?P<M>\d{1,2})\s?[分분](?:\s?(?P<S>\d{1,2})(?:[.,](?P<F>\d{1,9}))?\s?[秒초])?",
)
"""The usual one; never with leading zeros, since a padded one may break off; as in China, Japan and Korea."""
_DASHED = r"(?P<H>\d{2})-(?P<M>\d{2})-(?P<S>\d{2})(?:[-.,_](?P<F>\d{3}|\d{6}))?"
_PACKED_TIME = r"(?P<H>\d{2})(?P<M>\d{2})(?P<S>\d{2})(?:[.,_]?(?P<F>\d{1,9}))?"
_BETWEEN = r"(?:\s*[Tt_,/]\s*|\s+(?:-\s+)?|-)"
_MONTH = r"(?P<month>\p{L}{3,12})\.?"
_OF, _YEAR = "(?:de )?", r"(?P<y>\d{4})"
_DATE = r"(?P<y>\d{4})[-/.:](?P<m>\d{1,2})[-/.:](?P<d>\d{1,2})"
_FAR_DATE = r"(?P<y>\d{4})\s?[-/.年년]\s?(?P<m>\d{1,2})\s?[-/.月월]\s?(?P<d>\d{1,2})[日일]?\s*"
PATTERNS = (
    *(
        pattern
        for each in _TIMES
        for pattern in (
            rf"{_WEEKDAY}{_DATE}{_BETWEEN}{each}{ZONE}",
            rf"(?P<a>\d{{1,2}})[-/.](?P<b>\d{{1,2}})[-/.](?P<y>\d{{4}}|\d{{2}}){_BETWEEN}{each}{ZONE}",
            rf"{_WEEKDAY}(?P<d>\d{{1,2}})[-/. ]\s?{_OF}{_MONTH}[-/., ]+{_OF}{_YEAR}{_BETWEEN}{each}{ZONE}",
            rf"{_WEEKDAY}{_MONTH}[- ](?P<d>\d{{1,2}}),?[- ](?P<y>\d{{4}}){_BETWEEN}{each}{ZONE}",
            rf"{_WEEKDAY}{_MONTH}\s+(?P<d>\d{{1,2}})\s+{each}{ZONE}\s+(?P<y>\d{{4}})",
        )
    ),
    rf"(?P<y>\d{{4}})(?P<m>\d{{2}})(?P<d>\d{{2}})[T_ -]?{_PACKED_TIME}{ZONE}",
    rf"{_DATE}[_ T]{_DASHED}{ZONE}",
    *(rf"{_FAR_DATE}{each}{ZONE}" for each in _TIMES[2:]),
)
"""With a and b for day and month in an order that the form does not tell."""


def forms_of(text: str) -> list[str]:
    """Return the patterns that a date has, the likeliest first.

    >>> len(forms_of("2024-06-03 10:00:00")) > 0, forms_of("now")
    (True, [])
    """
    return [pattern for pattern in PATTERNS if _fits(pattern, text)]


def _fits(pattern: str, text: str) -> bool:
    return len(text) <= LONGEST and re.fullmatch(pattern.replace(r"\p{L}", r"[^\W\d_]"), text) is not None
