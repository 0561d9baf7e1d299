"""HARTH and HAR70+ (Logacjov et al., 2021; Ustad et al., 2023): accelerometers at back and thigh, and a code.

`timestamp,back_x,back_y,back_z,thigh_x,thigh_y,thigh_z,label`; some files count their rows in a first column.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from otolith.importing.formats.base import Claim, Format
from otolith.importing.sensors.places import chosen_for_all, is_all
from otolith.importing.session import ACC, Sensor, Session, axes
from otolith.importing.times.timing import read_clock

if TYPE_CHECKING:
    from otolith.importing.questions import Questions
    from otolith.importing.session import Folder, Sheet

SITES = {site: tuple(f"{site}_{axis}" for axis in "xyz") for site in ("back", "thigh")}
COLUMNS = {"timestamp", "label", *(column for columns in SITES.values() for column in columns)}
ACTIVITIES = {
    "1": "walking", "2": "running", "3": "shuffling", "4": "stairs up", "5": "stairs down", "6": "standing",
    "7": "sitting", "8": "lying", "13": "cycling (sit)", "14": "cycling (stand)", "130": "cycling (sit, inactive)",
    "140": "cycling (stand, inactive)",
}  # fmt: skip


class Harth(Format):
    """Each file is a person."""

    name = "harth"
    title = "a file of HARTH or HAR70+"
    device = "Axivity AX3, data sets HARTH and HAR70+"
    decided = "places, times, people by the files' names, activities by the publishers' codes"
    asked = "the place"

    def sniff(self, folder: Folder) -> Claim | None:
        """Claim the files with these columns, and no others but a count, whose labels are codes that occur there."""
        ours = tuple(sheet for sheet in folder.sheets if _is_ours(sheet))
        return Claim(ours, 0.9, "its columns and its codes are those of the data set") if ours else None

    def sessions(self, folder: Folder, sheets: Sequence[Sheet], questions: Questions) -> Iterator[Session]:
        for sheet in sheets:
            table = sheet.table()
            meanings = [(site, f"{columns[0]} ..., no gyroscope") for site, columns in SITES.items()]
            for place in chosen_for_all("HARTH", meanings, questions):
                findings = self.findings(table)
                findings.decide("place", place, "one of those in the file")
                clock = read_clock(table, "timestamp", questions, findings)
                labels = [ACTIVITIES.get(code.removesuffix(".0"), "") for code in table.texts("label")]
                name = folder.join(sheet.stem)
                sensors = [Sensor(ACC, table, clock, axes(table, SITES[place]))]
                yield Session(
                    f"{name} {place}" if is_all(questions) else name, sensors, findings, sheet.stem, labels, folder.top
                )


def _is_ours(sheet: Sheet) -> bool:
    if not set(sheet.columns) >= COLUMNS or len(set(sheet.columns) - COLUMNS) > 1 or sheet.layout is None:
        return False
    at = sheet.columns.index("label")
    codes = {row[at].strip().removesuffix(".0") for row in sheet.first_rows if len(row) > at}
    return bool(codes) and codes <= ACTIVITIES.keys()


SPEC = Harth()
