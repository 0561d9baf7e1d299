"""Physics Toolbox Sensor Suite (Android, iOS): one CSV, `time,gFx,gFy,gFz,wx,wy,wz,...`.

gF is acceleration with gravity in g, a is without gravity in m/s², w is in rad/s; new versions repeat the unit in the
header and put comments with # before it. With several sensors each row holds one of them, the other cells are empty.
`time` counts seconds, or is hh:mm:ss:fff. Decimal commas come with semicolons.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from otolith.importing.formats.base import Claim, Format
from otolith.importing.naming.units import split_header
from otolith.importing.session import ACC, GYRO, Sensor, Session, axes
from otolith.importing.times.moments import parse_moment
from otolith.importing.times.timing import Clock, read_clock

if TYPE_CHECKING:
    from otolith.importing.questions import Questions
    from otolith.importing.session import Folder, Sheet
    from otolith.importing.tables.table import Table

TIME = "time"
FORCE, LINEAR, TURN = ("gFx", "gFy", "gFz"), ("ax", "ay", "az"), ("wx", "wy", "wz")
STARTED = "Recording started at:"


class PhysicsToolbox(Format):
    """The one table of a Physics Toolbox recording."""

    name = "physics_toolbox"
    title = "an export of Physics Toolbox"
    device = "Physics Toolbox Sensor Suite (Android, iOS)"
    decided = "sensors, units and gravity by the headers; the start, where a comment names it"

    def sniff(self, folder: Folder) -> Claim | None:
        """Claim the tables with g-force columns, or with its linear acceleration and the total that goes with it."""
        out = []
        for sheet in folder.sheets:
            names = {split_header(column)[0] for column in sheet.columns}
            if TIME in names and (set(FORCE) <= names or {*LINEAR, "aT"} <= names):
                out.append(sheet)
        return Claim(tuple(out), 0.9, f"it has the columns {', '.join(out[0].columns[:4])}") if out else None

    def sessions(self, folder: Folder, sheets: Sequence[Sheet], questions: Questions) -> Iterator[Session]:
        return (self._session(folder, sheet, questions) for sheet in sheets)

    def _session(self, folder: Folder, sheet: Sheet, questions: Questions) -> Session:
        table = sheet.table()
        findings = self.findings(table)
        columns = {split_header(column)[0]: column for column in table.columns}
        clock = _started(table, read_clock(table, columns[TIME], questions, findings, "s"))

        def sensor(kind: str, names: tuple[str, ...], unit: str, gravity: str | None = None) -> Sensor:
            triad = tuple(columns[name] for name in names)
            stated, documented = split_header(triad[0])[1], f"Physics Toolbox documents it for {triad[0]}"
            why = f"the header {triad[0]!r}" if stated else documented
            return Sensor(kind, table, clock, axes(table, triad), stated or unit, why, gravity, documented)

        force = set(FORCE) <= set(columns)
        acc = sensor(ACC, FORCE, "g", "included") if force else sensor(ACC, LINEAR, "m/s^2", "removed")
        sensors = [acc]
        if set(TURN) <= set(columns):
            gyro = sensor(GYRO, TURN, "rad/s")
            sensors = [replace(acc, elsewhere=_held(gyro.values)), replace(gyro, elsewhere=_held(acc.values))]
        return Session(folder.join(sheet.stem), sensors, findings, folder=folder.top)


def _held(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Mark (rows,) the rows that hold any of the sensor's three axes."""
    return np.asarray(np.isfinite(values).any(axis=0))


def _started(table: Table, clock: Clock) -> Clock:
    """Give the clock the start that a comment names, in the phone's local time."""
    for comment in table.comments:
        if comment.startswith(STARTED) and clock.origin_ns is None:
            moment = parse_moment(comment.removeprefix(STARTED))
            if moment is not None and clock.seconds.size and clock.seconds[0] < 3600:
                return Clock(clock.seconds, moment[0], "UTC" if moment[1] else "")
    return clock


SPEC = PhysicsToolbox()
