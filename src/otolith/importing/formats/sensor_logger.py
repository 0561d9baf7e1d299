"""Sensor Logger (Android, iOS): a CSV for each sensor, `time,seconds_elapsed,z,y,x`, `time` in ns since 1970.

`Accelerometer.csv` is without gravity; `TotalAcceleration.csv` (Android) has it; elsewhere it is the sum with
`Gravity.csv`, which is preferred to going without. Everything is in m/s² and rad/s. Unless "Standardise Units & Frames"
is on, iOS turns the signs of acceleration and gravity round; `Metadata.csv` tells both. `Annotation.csv` has the marks
that a person set while recording.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from otolith.errors import DataError
from otolith.importing.formats.base import Claim, Format
from otolith.importing.gravity_sum import with_gravity
from otolith.importing.options import NONE as NO_COLUMN
from otolith.importing.session import ACC, GYRO, Sensor, Session, axes
from otolith.importing.timing import Clock, read_clock

if TYPE_CHECKING:
    from otolith.importing.findings import Findings
    from otolith.importing.questions import Questions
    from otolith.importing.session import Folder, Sheet
    from otolith.importing.table import Table

COLUMNS = ("time", "seconds_elapsed", "x", "y", "z")
LINEAR, TOTAL, GRAVITY, GYROSCOPE = "Accelerometer", "TotalAcceleration", "Gravity", "Gyroscope"
FILES = (LINEAR, TOTAL, GRAVITY, GYROSCOPE)
MARKS = "Annotation"
UNIT_WHY = "Sensor Logger documents it"


class SensorLogger(Format):
    """The folder of one Sensor Logger recording."""

    name = "sensor_logger"
    title = "an export of Sensor Logger"

    def sniff(self, folder: Folder) -> Claim | None:
        """Claim all files of the folder where one of its motion files is among them."""
        for sheet in folder.sheets:
            if sheet.stem in FILES and set(COLUMNS) <= set(sheet.columns):
                return Claim(folder.sheets, 0.95, f"{sheet.stem} has the columns {', '.join(COLUMNS)}")
        return None

    def sessions(self, folder: Folder, sheets: Sequence[Sheet], questions: Questions) -> Iterator[Session]:
        by_stem = {sheet.stem: sheet for sheet in sheets}
        used = [stem for stem in FILES if stem in by_stem and not (stem == GYROSCOPE and questions.options.acc_only)]
        if TOTAL in used:
            used = [stem for stem in used if stem not in (LINEAR, GRAVITY)]
        elif LINEAR not in used:
            used = [stem for stem in used if stem != GRAVITY]
        tables = {stem: by_stem[stem].table() for stem in used}
        for table in tables.values():
            table.require(*COLUMNS)
        findings = self.findings(*tables.values())
        passed = sorted(sheet.where for sheet in sheets if sheet.stem not in used and sheet.stem != "Metadata")
        findings.passed_over = passed
        sign = _sign(by_stem.get("Metadata"), findings)
        sensors = [_sensor(stem, table, sign, questions, findings) for stem, table in tables.items() if stem != GRAVITY]
        if GRAVITY in tables:
            gravity = _sensor(GRAVITY, tables[GRAVITY], sign, questions, findings)
            sensors[0] = with_gravity(sensors[0], gravity, findings, "Accelerometer.csv and Gravity.csv summed")
        labels = None
        if MARKS in by_stem and questions.options.label != NO_COLUMN and questions.options.labels is None:
            labels = _marked(by_stem[MARKS], sensors[0].clock, questions, findings)
            if labels is not None:
                findings.passed_over = [where for where in passed if where != by_stem[MARKS].where]
        yield Session(folder.name, sensors, findings, labels=labels, folder=folder.top)


def _marked(sheet: Sheet, clock: Clock, questions: Questions, findings: Findings) -> list[str] | None:
    """Return the activity of each row of a clock by the marks that a person set, each of which lasts until the next.

    Raises:
        DataError: the file of marks is damaged.
    """
    if sheet.blank or not {"time", "text"} <= set(sheet.columns):
        return None
    try:
        table = sheet.table()
    except DataError:
        if len(sheet.member.read().strip().splitlines()) > 1:
            raise
        return None  # nobody set a mark
    marks = _times(table, questions, findings, "ns")
    if (marks.origin_ns is None) != (clock.origin_ns is None):
        return None
    shift = ((marks.origin_ns or 0) - (clock.origin_ns or 0)) / 1e9
    known = np.flatnonzero(np.isfinite(marks.seconds))
    order = known[np.argsort(marks.seconds[known], kind="stable")]
    texts = ["", *np.array(table.texts("text"), object)[order].tolist()]
    at = np.searchsorted(marks.seconds[order] + shift, np.nan_to_num(clock.seconds, nan=-np.inf), side="right")
    why = f"{len(order)} mark(s) of {MARKS}.csv, each until the next; --label none leaves them out"
    findings.decide("labels", "the marks that were set while recording", why)
    return [texts[row] for row in at.tolist()]


def _sensor(stem: str, table: Table, sign: float, questions: Questions, findings: Findings) -> Sensor:
    clock = _times(table, questions, findings)
    values = axes(table, ("x", "y", "z"))
    if stem == GYROSCOPE:
        return Sensor(GYRO, table, clock, values, "rad/s", UNIT_WHY)
    gravity = "included" if stem == TOTAL else "removed"
    return Sensor(ACC, table, clock, sign * values, "m/s^2", UNIT_WHY, gravity, f"{stem}.csv is documented so")


def _times(table: Table, questions: Questions, findings: Findings, unit: str | None = None) -> Clock:
    clock = read_clock(table, "time", questions, findings, unit)
    # old versions count from the start of the phone in `time`; both columns then say the same
    return clock if clock.origin_ns is not None else Clock(table.numbers("seconds_elapsed"))


def _sign(metadata: Sheet | None, findings: Findings) -> float:
    """Return -1 where iOS has turned the accelerometer's axes round, else 1."""
    if metadata is None or not {"platform", "standardisation"} <= set(metadata.columns):
        return 1.0
    table = metadata.table()
    platform, standard = table.texts("platform")[0].lower(), table.texts("standardisation")[0].lower()
    if platform == "ios" and standard == "false":
        findings.decide("accelerometer signs", "turned", "Metadata.csv: iOS without standardised frames")
        return -1.0
    return 1.0


SPEC = SensorLogger()
