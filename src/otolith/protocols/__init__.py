"""Evaluation protocols (Section V), one file each.

A module here that holds a `SPEC` (see `ProtocolSpec`) is found by itself: the command line, the rows and the reports
read what it says. `cells/` does the work below them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from otolith.errors import DataError
from otolith.protocols.spec import ProtocolSpec, scores
from otolith.system.registry import Registry

if TYPE_CHECKING:
    from otolith.report.sections import Section
    from otolith.rows import Row

__all__ = ["PROTOCOLS", "ProtocolSpec", "sections"]

PROTOCOLS: Registry[ProtocolSpec] = Registry(
    "protocol", __name__, DataError, takes=lambda each: isinstance(each, ProtocolSpec)
)
"""All protocols by name: `PROTOCOLS.get("few-labels").title`."""


def sections(rows: Iterable[Row]) -> list[Section]:
    """Return what the protocols of `rows` show of them; rows of an unknown protocol are shown by their scores.

    >>> from otolith.rows import Row
    >>> key = {"protocol": "representation", "dataset": "watch", "split": "holdout", "method": "dynamic", "seed": 0}
    >>> [section.title for section in sections([Row(key, {"macro_f1": 0.9})])]
    ['Watch exercises, random hold-out of subjects']
    """
    known = {spec.in_rows: spec for spec in PROTOCOLS}
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(str(row.key.get("protocol", "")), []).append(row)
    return [
        section for name, each in found.items() for section in (known[name].sections if name in known else scores)(each)
    ]
