"""Users' own recordings: from phone exports and tables to recordings in SI units on one clock, or to a data set folder.

    found = otolith.importing.read_recordings("walk.zip")      # Recordings, and what was decided and why
    otolith.import_recordings("exports/", out="my-walks")      # a data set folder with its quality.html

Nothing is guessed silently: what header and data do not decide is asked, or refused with the option to give.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from otolith.importing.findings import Decision, Findings, Flag, Gap, Repair
    from otolith.importing.options import ImportOptions
    from otolith.importing.questions import Ask
    from otolith.importing.read import Imported, read_recordings
    from otolith.importing.write import import_recordings

_HOME = {
    "Ask": "questions",
    "Decision": "findings",
    "Findings": "findings",
    "Flag": "findings",
    "Gap": "findings",
    "ImportOptions": "options",
    "Imported": "read",
    "Repair": "findings",
    "import_recordings": "write",
    "read_recordings": "read",
}

__all__ = [
    "Ask",
    "Decision",
    "Findings",
    "Flag",
    "Gap",
    "ImportOptions",
    "Imported",
    "Repair",
    "import_recordings",
    "read_recordings",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'otolith.importing' has no attribute {name!r}")
    return getattr(importlib.import_module(f"otolith.importing.{_HOME[name]}"), name)
