"""HHAR (Stisen et al., 2015): `Phones_accelerometer.csv`, `Watch_gyroscope.csv` and the like, all devices in one table.

`Index,Arrival_Time,Creation_Time,x,y,z,User,Model,Device,gt`: nine people wore up to twelve devices at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from otolith.errors import DataError
from otolith.importing.formats.base import Claim, Format
from otolith.importing.naming.files import sensor_of_file, without_sensor
from otolith.importing.sensors.places import chosen_for_all
from otolith.importing.session import ACC, GYRO, NO_ACC, Sensor, Session, axes
from otolith.importing.times.timing import read_clock

if TYPE_CHECKING:
    from otolith.importing.findings import Findings
    from otolith.importing.questions import Questions
    from otolith.importing.session import Folder, Sheet
    from otolith.importing.tables.table import Table

COLUMNS = {"Arrival_Time", "Creation_Time", "x", "y", "z", "User", "Model", "Device", "gt"}


class Hhar(Format):
    """Each person with each device that is chosen is a recording."""

    name = "hhar"
    title = "a table of HHAR"
    device = "phones and watches, data set HHAR"
    decided = "people, devices and activities by the columns; times, m/s^2 and rad/s by the data"
    asked = "the device, by --place"

    def sniff(self, folder: Folder) -> Claim | None:
        """Claim the files with these columns."""
        ours = tuple(sheet for sheet in folder.sheets if set(sheet.columns) >= COLUMNS)
        return Claim(ours, 0.95, "its columns are those of the data set") if ours else None

    def sessions(self, folder: Folder, sheets: Sequence[Sheet], questions: Questions) -> Iterator[Session]:
        turning = {without_sensor(each.stem): each for each in sheets if sensor_of_file(each.stem) == "gyro"}
        moving = [sheet for sheet in sheets if sheet not in turning.values()]
        if not moving:
            raise DataError(f"{sheets[0].where}: {NO_ACC}")
        tables = [(sheet, sheet.table()) for sheet in moving]
        counts: dict[str, int] = {}
        for _, table in tables:
            for device in table.texts("Device"):
                counts[device] = counts.get(device, 0) + 1
        meanings = [(device, f"{count:,} rows") for device, count in sorted(counts.items())]
        chosen = chosen_for_all("HHAR", meanings, questions) if len(meanings) > 1 else list(counts)
        for sheet, table in tables:
            beside = None if questions.options.acc_only else turning.get(without_sensor(sheet.stem))
            rotation = None if beside is None else beside.table()
            turned = None if rotation is None else _keys(rotation)
            keys = _keys(table)
            for user, device in dict.fromkeys(zip(*(each.tolist() for each in keys), strict=True)):
                if device not in chosen:
                    continue
                rows = table.only((keys[0] == user) & (keys[1] == device))
                findings = self.findings(table)
                findings.decide("place", device, "one of the devices in the file")
                sensors = [_sensor(ACC, rows, questions, findings)]
                if rotation is not None and turned is not None:
                    mask = (turned[0] == user) & (turned[1] == device)
                    if mask.any():
                        findings.sources.append(rotation.where)
                        sensors.append(_sensor(GYRO, rotation.only(mask), questions, findings))
                yield Session(folder.join(f"{user} {device}"), sensors, findings, user, rows.texts("gt"), folder.top)


def _keys(table: Table) -> tuple[np.ndarray, np.ndarray]:
    return np.array(table.texts("User")), np.array(table.texts("Device"))


def _sensor(kind: str, rows: Table, questions: Questions, findings: Findings) -> Sensor:
    return Sensor(kind, rows, read_clock(rows, "Creation_Time", questions, findings), axes(rows, ("x", "y", "z")))


SPEC = Hhar()
