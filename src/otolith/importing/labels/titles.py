"""Names of columns of times in files of labels, and the unit, the form and the zone that they state."""

from __future__ import annotations

import re
from typing import NamedTuple

from otolith.importing.labels.names import COUNTS, UNITS
from otolith.importing.naming.units import bracketed
from otolith.importing.naming.words import words_of

_ELAN = re.compile(r" (?:hh mm ss ms|ss msec|hh mm ss)$")
"""Ending of ELAN's names of columns, which says the form of the times."""
_FORM = re.compile(r"[hmsfydtz:./,\- ]+|iso.*|utc|gmt|local|unix|epoch|elapsed|relative|since .*|date.*", re.IGNORECASE)
_UTC = re.compile(r"(?<![a-z])(?:utc|gmt)(?![a-z])", re.IGNORECASE)


class Title(NamedTuple):
    """Meaning of a name: `words` without its unit, `unit` in seconds, and what of that is not known.

    `hours` says that times without seconds are hours and minutes, `utc` that those without a zone are in UTC.
    """

    words: tuple[str, ...]
    unit: float | None = None
    unknown: str = ""
    hours: bool = False
    utc: bool = False


def title_of(column: str, below: str = "") -> Title:
    """Return what a name of a column says.

    Args:
        below: the unit in a row beneath the names.

    >>> title_of("Start (min)").unit, title_of("end_ms").words, title_of("start (samples)").unknown
    (60.0, ('end',), 'samples')
    """
    said = (bracketed(column) or below.strip(" ()[]")).lower()
    unit = UNITS.get(said)
    words = _ELAN.sub("", words_of(column)).split()
    if unit is not None and len(words) > 1 and words[-1] == said:
        words.pop()
    if unit is None and len(words) > 1 and words[-1] in UNITS:
        unit = UNITS[words.pop()]
    known = not said or unit is not None or (bool(_FORM.fullmatch(said)) and not set(said.split()) & COUNTS)
    hours = bool(re.fullmatch(r"h{1,2}:mm?", said))
    return Title(tuple(words), unit, "" if known else said, hours, bool(_UTC.search(column.replace("_", " "))))
