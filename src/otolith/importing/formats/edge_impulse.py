"""Edge Impulse: a sample as its studio exports it, JSON with names, units, the step in time, and rows.

What stands before the first dot of a file's name is its label, as Edge Impulse's own uploader takes it; its studio
writes such names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from otolith.importing.formats.base import Claim, Format
from otolith.importing.naming.triads import Place, places_of
from otolith.importing.naming.unit_words import ACC_UNITS, GYRO_UNITS
from otolith.importing.naming.units import unit_in_name
from otolith.importing.options import NONE as NO_COLUMN
from otolith.importing.session import ACC, GYRO, Sensor, Session, axes
from otolith.importing.tables.text import HEAD_BYTES
from otolith.importing.times.timing import read_clock

if TYPE_CHECKING:
    from otolith.importing.questions import Questions
    from otolith.importing.session import Folder, Sheet

MARKS = (b'"payload"', b'"interval_ms"', b'"sensors"')
TIME = "time (ms)"
BEFORE_ID = ".ingestion-"
"""Part of the names that the studio gives, after label and number."""


class EdgeImpulse(Format):
    """Each file is a recording of seconds."""

    name = "edge_impulse"
    title = "a sample of Edge Impulse"
    device = "Edge Impulse, JSON of its studio"
    decided = "columns, units and rate; the activity, which begins the file's name"
    asked = "units that are not said, where the data do not decide them"

    def sniff(self, folder: Folder) -> Claim | None:
        """Claim the JSON files with a payload of one accelerometer."""
        ours = tuple(sheet for sheet in folder.sheets if sheet.is_json and _place(sheet) is not None)
        return Claim(ours, 0.9, "it has a payload with sensors and interval_ms") if ours else None

    def sessions(self, folder: Folder, sheets: Sequence[Sheet], questions: Questions) -> Iterator[Session]:
        for sheet in sheets:
            place = _place(sheet)
            assert place is not None
            table = sheet.table()
            findings = self.findings(table)
            clock = read_clock(table, TIME, questions, findings, "ms")
            wanted = [(ACC, place.acc, ACC_UNITS), (GYRO, () if questions.options.acc_only else place.gyro, GYRO_UNITS)]
            sensors = [
                Sensor(kind, table, clock, axes(table, names), unit_in_name(names[0], units), f"its sensor {names[0]}")
                for kind, names, units in wanted
                if names
            ]
            label = sheet.stem.split(".")[0] if BEFORE_ID in sheet.stem else ""
            labels = None
            if label and questions.options.label != NO_COLUMN and questions.options.labels is None:
                findings.decide("labels", "the file's name", "Edge Impulse begins it with the label; --label none")
                labels = [label] * table.height
            yield Session(folder.join(sheet.stem), sensors, findings, labels=labels, folder=folder.top)


def _place(sheet: Sheet) -> Place | None:
    """Return the columns of the one accelerometer in a sample; None for all other files."""
    head = sheet.member.read_some(HEAD_BYTES)
    if not all(mark in head for mark in MARKS) or TIME not in sheet.columns:
        return None
    found = [place for place in places_of(sheet.columns) if place.acc]
    return found[0] if len(found) == 1 else None


SPEC = EdgeImpulse()
