"""Sensor Logger (Android, iOS): a CSV for each sensor, `time,seconds_elapsed,z,y,x`, `time` in ns since 1970; or JSON.

The JSON holds the rows of all sensors in one array, each with the name of its sensor, and all numbers as text.

`Accelerometer.csv` is without gravity; `TotalAcceleration.csv` (Android) has it; elsewhere it is the sum with
`Gravity.csv`, which is preferred to going without. Everything is in m/s² and rad/s. Unless "Standardise Units & Frames"
is on, iOS turns the signs of acceleration and gravity round; `Metadata.csv` tells both. `Annotation.csv` has the marks
that a person set while recording. `WristMotion.csv` is of an Apple Watch: rotation, gravity and what is left of the
acceleration without it, of which the length of gravity tells the unit. Where phone and watch recorded motion, `--place`
says which is meant.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from otolith.errors import DataError
from otolith.importing.formats.base import Claim, Format
from otolith.importing.options import NONE as NO_COLUMN
from otolith.importing.sensors.places import chosen_places
from otolith.importing.session import ACC, GYRO, Sensor, Session, axes
from otolith.importing.signals.gravity_sum import with_gravity
from otolith.importing.times.local_time import known_zone
from otolith.importing.times.timing import Clock, read_clock

if TYPE_CHECKING:
    from otolith.importing.findings import Findings
    from otolith.importing.questions import Questions
    from otolith.importing.session import Folder, Sheet
    from otolith.importing.tables.table import Table

COLUMNS = ("time", "seconds_elapsed", "x", "y", "z")
LINEAR, TOTAL, GRAVITY, GYROSCOPE = "Accelerometer", "TotalAcceleration", "Gravity", "Gyroscope"
METADATA = "Metadata"
ALL = ("sensor", "time", "seconds_elapsed")
"""Names in every object of its JSON."""
FILES = (LINEAR, TOTAL, GRAVITY, GYROSCOPE)
MARKS = "Annotation"
WRIST = "WristMotion"
PHONE, WATCH = "phone", "watch"
"""Places, where both recorded motion."""
WRIST_LEFT, WRIST_GRAVITY, WRIST_GYRO = (
    tuple(f"{what}{axis}" for axis in "XYZ") for what in ("acceleration", "gravity", "rotationRate")
)
UNIT_WHY = "Sensor Logger documents it"
BETWEEN_UNITS = 3.0
"""Length of gravity below which it is in g, and beyond which in m/s²."""
STALE_S = 60.0
"""Rows that are older than the recording by more are what Android had kept from before it."""


class SensorLogger(Format):
    """The folder of one Sensor Logger recording."""

    name = "sensor_logger"
    title = "an export of Sensor Logger"
    device = "Sensor Logger (Android, iOS, Apple Watch), CSV and JSON"
    decided = "sensors, units, gravity, signs; marks that were set are labels"
    asked = "the place, where phone and watch recorded motion"

    def tells_places(self, folder: Folder) -> bool:
        """Tell if its files are of phone and watch; their names do not say which belongs to which."""
        stems = {sheet.stem for sheet in folder.sheets}
        return WRIST in stems and not stems.isdisjoint((LINEAR, TOTAL)) and self.sniff(folder) is not None

    def sniff(self, folder: Folder) -> Claim | None:
        """Claim its JSON files, or all files of the folder where one of its motion files is among them."""
        ours = tuple(sheet for sheet in folder.sheets if sheet.is_json and set(ALL) <= set(sheet.columns))
        if ours:
            return Claim(ours, 0.95, f"it is JSON whose objects have {', '.join(ALL)}")
        wrist = ("time", *WRIST_GYRO, *WRIST_GRAVITY, *WRIST_LEFT)
        for sheet in folder.sheets:
            columns = COLUMNS if sheet.stem in FILES else wrist
            if sheet.stem in (*FILES, WRIST) and set(columns) <= set(sheet.columns):
                return Claim(folder.sheets, 0.95, f"{sheet.stem} has the columns {', '.join(columns)}")
        return None

    def sessions(self, folder: Folder, sheets: Sequence[Sheet], questions: Questions) -> Iterator[Session]:
        if all(sheet.is_json for sheet in sheets):
            for sheet in sheets:
                yield from self._of_json(folder, sheet, questions)
            return
        by_stem = {sheet.stem: sheet for sheet in sheets}
        about = by_stem[METADATA].table() if METADATA in by_stem and by_stem[METADATA].columns else None
        marks = _marks(by_stem.get(MARKS))
        for place, used in _devices(folder.name, by_stem, questions):
            passed = sorted(sheet.where for sheet in sheets if sheet.stem not in (*used, METADATA))
            tables = {stem: by_stem[stem].table() for stem in used}
            yield self._session(_joined(folder.name, place), folder, tables, about, marks, passed, questions)

    def _of_json(self, folder: Folder, sheet: Sheet, questions: Questions) -> Iterator[Session]:
        whole = sheet.table()
        names = np.array(whole.texts("sensor"))
        stems = [stem for stem in (*FILES, WRIST, METADATA, MARKS) if (names == stem).any()]
        by_stem = {stem: whole.only(names == stem) for stem in stems}
        if by_stem.keys().isdisjoint((LINEAR, TOTAL, WRIST)):
            listed = ", ".join(sorted(set(names.tolist()))[:10])
            raise DataError(f"{sheet.where}: holds no accelerometer, only {listed}. Record it, too.")
        about, marks = by_stem.get(METADATA), by_stem.get(MARKS)
        for place, used in _devices(sheet.where, by_stem, questions):
            tables = {stem: by_stem[stem] for stem in used}
            name = _joined(folder.join(sheet.stem), place)
            yield self._session(name, folder, tables, about, marks, [], questions)

    def _session(
        self,
        name: str,
        folder: Folder,
        tables: dict[str, Table],
        about: Table | None,
        marks: Table | None,
        passed: list[str],
        questions: Questions,
    ) -> Session:
        for stem, table in tables.items():
            table.require(*(COLUMNS[:2] if stem == WRIST else COLUMNS))
        findings = self.findings(*tables.values())
        tables = {stem: _begun(table, findings) for stem, table in tables.items()}
        findings.sources = list(dict.fromkeys(findings.sources))
        findings.passed_over = passed
        sign = _sign(about, findings)
        findings.timezone = _timezone(about)
        if WRIST in tables:
            sensors = _of_watch(tables[WRIST], sign, questions, findings)
        else:
            kept = {stem: table for stem, table in tables.items() if stem != GRAVITY}
            sensors = [_sensor(stem, table, sign, questions, findings) for stem, table in kept.items()]
        if GRAVITY in tables:
            gravity = _sensor(GRAVITY, tables[GRAVITY], sign, questions, findings)
            sensors[0] = with_gravity(sensors[0], gravity, findings, "Accelerometer and Gravity summed")
        labels = None
        if marks is not None and questions.options.label != NO_COLUMN and questions.options.labels is None:
            labels = _marked(marks, sensors[0].clock, questions, findings)
            if labels is not None:
                findings.passed_over = [where for where in passed if where != marks.where]
        return Session(name, sensors, findings, labels=labels, folder=folder.top)


def _devices(where: str, stems: Collection[str], questions: Questions) -> list[tuple[str, list[str]]]:
    """Return the devices that are meant, each with the sensors to read of it; the only one has no name.

    Raises:
        DataError: phone and watch recorded motion, and nobody says which is meant.
    """
    of_phone = _used(stems, questions)
    if WRIST not in stems:
        return [("", of_phone)]
    if not {LINEAR, TOTAL} & set(of_phone):
        return [("", [WRIST])]
    sensors = {PHONE: of_phone, WATCH: [WRIST]}
    chosen = chosen_places(where, [(place, ", ".join(named)) for place, named in sensors.items()], questions)
    return [(place if len(chosen) > 1 else "", sensors[place]) for place in chosen]


def _joined(name: str, place: str) -> str:
    return f"{name}/{place}" if place else name


def _used(stems: Collection[str], questions: Questions) -> list[str]:
    """Return the sensors to read: an accelerometer with gravity where there is one, and the gyroscope."""
    used = [stem for stem in FILES if stem in stems and not (stem == GYROSCOPE and questions.options.acc_only)]
    if TOTAL in used:
        return [stem for stem in used if stem not in (LINEAR, GRAVITY)]
    return used if LINEAR in used else [stem for stem in used if stem != GRAVITY]


def _marks(sheet: Sheet | None) -> Table | None:
    """Return the table of the marks that a person set; None where there are none.

    Raises:
        DataError: it is damaged.
    """
    if sheet is None or sheet.blank or not {"time", "text"} <= set(sheet.columns):
        return None
    try:
        return sheet.table()
    except DataError:
        if len(sheet.member.read().strip().splitlines()) > 1:
            raise
        return None  # nobody set a mark


def _marked(table: Table, clock: Clock, questions: Questions, findings: Findings) -> list[str] | None:
    """Return the activity of each row of a clock by the marks that a person set, each of which lasts until the next."""
    if "text" not in table.columns:
        return None
    marks = _times(table, questions, findings, "ns")
    if (marks.origin_ns is None) != (clock.origin_ns is None):
        return None
    shift = ((marks.origin_ns or 0) - (clock.origin_ns or 0)) / 1e9
    known = np.flatnonzero(np.isfinite(marks.seconds))
    order = known[np.argsort(marks.seconds[known], kind="stable")]
    texts = ["", *np.array(table.texts("text"), object)[order].tolist()]
    at = np.searchsorted(marks.seconds[order] + shift, np.nan_to_num(clock.seconds, nan=-np.inf), side="right")
    why = f"{len(order)} mark(s) of {MARKS}, each until the next; --label none leaves them out"
    findings.decide("labels", "the marks that were set while recording", why)
    return [texts[row] for row in at.tolist()]


def _sensor(stem: str, table: Table, sign: float, questions: Questions, findings: Findings) -> Sensor:
    clock = _times(table, questions, findings)
    values = axes(table, ("x", "y", "z"))
    if stem == GYROSCOPE:
        return Sensor(GYRO, table, clock, values, "rad/s", UNIT_WHY)
    gravity = "included" if stem == TOTAL else "removed"
    return Sensor(ACC, table, clock, sign * values, "m/s^2", UNIT_WHY, gravity, f"{stem} is documented so")


def _of_watch(table: Table, sign: float, questions: Questions, findings: Findings) -> list[Sensor]:
    clock = _times(table, questions, findings)
    gravity = axes(table, WRIST_GRAVITY)
    with np.errstate(over="ignore", invalid="ignore"):
        values = sign * (axes(table, WRIST_LEFT) + gravity)
        unit = "g" if np.nanmedian(np.linalg.norm(gravity, axis=0)) < BETWEEN_UNITS else "m/s^2"
    why = f"accelerationX and gravityX of {WRIST} summed"
    sensors = [Sensor(ACC, table, clock, values, unit, "the length of its gravity", "included", why)]
    if not questions.options.acc_only:
        sensors.append(Sensor(GYRO, table, clock, axes(table, WRIST_GYRO), "rad/s", UNIT_WHY))
    return sensors


def _begun(table: Table, findings: Findings) -> Table:
    """Return a table without the rows from long before the recording began, which Android had kept from its last."""
    stale = table.numbers("seconds_elapsed") < -STALE_S
    if not stale.any() or stale.all():
        return table
    count = int(stale.sum())
    findings.repair(table.at(int(np.argmax(stale))), f"{count} row(s) from before the recording were left out", count)
    return table.only(~stale)


def _times(table: Table, questions: Questions, findings: Findings, unit: str | None = None) -> Clock:
    clock = read_clock(table, "time", questions, findings, unit)
    # old versions count from the start of the phone in `time`; both columns then say the same
    return clock if clock.origin_ns is not None else Clock(table.numbers("seconds_elapsed"))


def _timezone(table: Table | None) -> str | None:
    """Return the zone in which the phone was, as its metadata name it."""
    if table is None or "recording timezone" not in table.columns or not table.height:
        return None
    return known_zone(table.texts("recording timezone")[0].strip())


def _sign(table: Table | None, findings: Findings) -> float:
    """Return -1 where iOS has turned the accelerometer's axes round, else 1."""
    if table is None or not {"platform", "standardisation"} <= set(table.columns):
        return 1.0
    platform, standard = table.texts("platform")[0].lower(), table.texts("standardisation")[0].lower()
    if platform == "ios" and standard == "false":
        findings.decide("accelerometer signs", "turned", "Metadata: iOS without standardised frames")
        return -1.0
    return 1.0


SPEC = SensorLogger()
