"""GENEActiv: the raw CSV of its PC software, a hundred lines about device and person above a table without names.

The columns are time, x, y, z, light, button and temperature. Accelerations are in g and show gravity (GENEActiv's
manual); times are those of the wall's clock, with a colon before the thousandths.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from otolith.importing.formats.base import Claim, Format
from otolith.importing.session import ACC, Sensor, Session, axes
from otolith.importing.times.timing import read_clock

if TYPE_CHECKING:
    from otolith.importing.questions import Questions
    from otolith.importing.session import Folder, Sheet

ABOUT = ("device type", "geneactiv")
BETWEEN = re.compile(r"[,;\t]")
TIME, AXES = "column 1", ("column 2", "column 3", "column 4")
WIDTH = 7
"""Columns of the raw table; those of summaries of many samples have more."""
KEPT = {
    "device": "device type",
    "serial": "device unique serial code",
    "subject": "subject code",
    "worn at": "device location code",
    "time zone": "time zone",
}
"""Names of what is kept of the lines above the table, and the words for it there."""
DOCUMENTED = "GENEActiv documents it"


class GeneActivCsv(Format):
    """Each file is a recording."""

    name = "geneactiv_csv"
    title = "a raw CSV of GENEActiv"
    device = "GENEActiv, the raw CSV of its PC software"
    decided = "columns, start, units, gravity; the person, where the file names one"

    def sniff(self, folder: Folder) -> Claim | None:
        """Claim the tables of seven columns below GENEActiv's lines."""
        ours = tuple(sheet for sheet in folder.sheets if len(sheet.columns) == WIDTH and _said(sheet))
        return Claim(ours, 0.95, "it says 'Device Type,GENEActiv' and has seven columns") if ours else None

    def sessions(self, folder: Folder, sheets: Sequence[Sheet], questions: Questions) -> Iterator[Session]:
        for sheet in sheets:
            said = _said(sheet)
            table = sheet.table()
            findings = self.findings(table)
            clock = read_clock(table, TIME, questions, findings, order="year first")
            findings.about = {name: said[key][:200] for name, key in KEPT.items() if said.get(key)}
            zone = findings.about.get("time zone", "")
            findings.decide("clock", "local time" + (f", {zone}" if zone else ""), "GENEActiv's software sets it so")
            person = "" if questions.options.subject_folder else findings.about.get("subject", "")
            sensor = Sensor(ACC, table, clock, axes(table, AXES), "g", DOCUMENTED, "included", DOCUMENTED)
            yield Session(folder.join(sheet.stem), [sensor], findings, person or None, folder=folder.top)


def _said(sheet: Sheet) -> dict[str, str]:
    """Return what the lines above a table of GENEActiv say, the first of each name; empty for any other table."""
    lines = sheet.layout.preamble if sheet.layout is not None and not sheet.layout.names else ()
    found: dict[str, str] = {}
    for line in lines:
        name, *rest = BETWEEN.split(line, maxsplit=1)
        if rest and name.strip():
            found.setdefault(name.strip().lower(), rest[0].strip(" ,;\t\r\n"))
    name, device = ABOUT
    return found if found.get(name, "").lower().startswith(device) else {}


SPEC = GeneActivCsv()
