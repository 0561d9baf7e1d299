"""RealWorld HAR (Sztyler & Stuckenschmidt, 2016): `acc_walking_chest.csv` with `id,attr_time,attr_x,attr_y,attr_z`.

Seven devices on the body record at once; person, sensor, activity and place stand in the names of files and folders:
`proband1/data/acc_walking_csv.zip` holds `acc_walking_chest.csv` and those of the other places.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from otolith.errors import DataError
from otolith.importing.formats.base import Claim, Format
from otolith.importing.sensors.places import chosen_for_all, is_all
from otolith.importing.session import ACC, GYRO, NO_ACC, Sensor, Session, axes
from otolith.importing.times.timing import read_clock

if TYPE_CHECKING:
    from otolith.importing.findings import Findings
    from otolith.importing.questions import Questions
    from otolith.importing.session import Folder, Sheet
    from otolith.importing.tables.table import Table

COLUMNS = ("attr_time", "attr_x", "attr_y", "attr_z")
ACTIVITIES = {
    "climbingdown": "climbing down", "climbingup": "climbing up", "jumping": "jumping", "lying": "lying",
    "running": "running", "sitting": "sitting", "standing": "standing", "walking": "walking",
}  # fmt: skip
_NAME = re.compile(
    rf"(?P<sensor>acc|gyr)[a-z]*_(?P<activity>{'|'.join(ACTIVITIES)})(?:_(?P<number>\d+))?_"
    r"(?P<place>chest|forearm|head|shin|thigh|upperarm|waist)(?:_(?P<last>\d+))?",
    re.IGNORECASE,
)
_PERSON = re.compile(r"proband[ _]?\d+", re.IGNORECASE)


class RealWorldHar(Format):
    """Each activity of a person is a recording, of the place that is chosen."""

    name = "realworld_har"
    title = "a file of RealWorld HAR"
    device = "phones and watches, data set RealWorld HAR"
    decided = "people, activities and places by the names of files; m/s^2 and rad/s by the data"
    asked = "the place"

    def sniff(self, folder: Folder) -> Claim | None:
        """Claim the files whose names say sensor, activity and place, and whose columns are those of the data set."""
        ours = tuple(
            sheet for sheet in folder.sheets if _NAME.fullmatch(sheet.stem) and set(COLUMNS) <= set(sheet.columns)
        )
        return (
            Claim(ours, 0.95, "its name says sensor, activity and place, and its columns are called so")
            if ours
            else None
        )

    def sessions(self, folder: Folder, sheets: Sequence[Sheet], questions: Questions) -> Iterator[Session]:
        found: dict[tuple[str, str], dict[str, dict[str, Sheet]]] = {}
        for sheet in sheets:
            match = _NAME.fullmatch(sheet.stem)
            assert match is not None
            kind = ACC if match["sensor"].lower() == "acc" else GYRO
            key = (match["activity"].lower(), match["number"] or match["last"] or _part(sheet.member.where))
            found.setdefault(key, {}).setdefault(match["place"].lower(), {})[kind] = sheet
        places = sorted({place for each in found.values() for place, kinds in each.items() if ACC in kinds})
        if not places:
            raise DataError(f"{sheets[0].where}: {NO_ACC}")
        chosen = chosen_for_all("RealWorld HAR", [(place, "a file of its own") for place in places], questions)
        taken = [
            (activity, number, place, at[place])
            for (activity, number), at in found.items()
            for place in chosen
            if ACC in at.get(place, {})
        ]
        used = {kinds[kind].where for *_, kinds in taken for kind in (ACC, GYRO) if kind in kinds}
        for activity, number, place, files in taken:
            session = self._session(folder, files, ACTIVITIES[activity], place, questions)
            several = place if is_all(questions) else ""
            name = f"{session.subject}/{activity}" if session.subject else folder.join(activity)
            session.name = " ".join(filter(None, (name, number, several)))
            session.findings.passed_over = [each.where for each in sheets if each.where not in used]
            yield session

    def _session(
        self, folder: Folder, files: dict[str, Sheet], activity: str, place: str, questions: Questions
    ) -> Session:
        sheets = [files[kind] for kind in (ACC, GYRO) if kind in files]
        tables = [sheet.table() for sheet in sheets]
        findings = self.findings(*tables)
        findings.decide("place", place, "one of those that the files' names say")
        sensors = [_sensor(kind, table, questions, findings) for kind, table in zip((ACC, GYRO), tables, strict=False)]
        person = _PERSON.findall(sheets[0].where)
        return Session("", sensors, findings, person[-1] if person else None, [activity] * tables[0].height, folder.top)


def _part(where: str) -> str:
    """Return the number of a part that an archive within an archive names, such as gyr_walking_2_csv.zip."""
    found = re.findall(r"_(\d+)_csv", where)
    return found[-1] if found else ""


def _sensor(kind: str, table: Table, questions: Questions, findings: Findings) -> Sensor:
    clock = read_clock(table, COLUMNS[0], questions, findings)
    return Sensor(kind, table, clock, axes(table, COLUMNS[1:]))


SPEC = RealWorldHar()
