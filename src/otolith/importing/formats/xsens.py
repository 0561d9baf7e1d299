"""Xsens and Movella: the tables of DOT sensors and of MT Manager, which share their columns.

`PacketCounter,SampleTimeFine,...,Acc_X,Acc_Y,Acc_Z,Gyr_X,...` stand below lines about the device. Accelerations are in
m/s² with gravity (Movella's manuals). A DOT counts its time in µs with 32 bits and turns in deg/s; MT Manager counts
packets with 16 bits and time, if at all, in ticks of 10 kHz, has the rate above the table, and the data tell the unit
of its gyroscope.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from otolith.errors import DataError
from otolith.importing.formats.base import Claim, Format
from otolith.importing.session import ACC, GYRO, Sensor, Session, axes
from otolith.importing.times.counters import carried_on
from otolith.importing.times.timing import Clock, counted, read_clock, usual_rate

if TYPE_CHECKING:
    from otolith.importing.findings import Findings
    from otolith.importing.questions import Questions
    from otolith.importing.session import Folder, Sheet
    from otolith.importing.tables.table import Table

COUNTER, FINE = "PacketCounter", "SampleTimeFine"
ACC_AXES, GYRO_AXES = ("Acc_X", "Acc_Y", "Acc_Z"), ("Gyr_X", "Gyr_Y", "Gyr_Z")
RATE = re.compile(r"(?:OutputRate|Output Rate|Update Rate)\s*:?[\s,;]*(\d+(?:\.\d+)?)\s*Hz", re.IGNORECASE)
TICKS_HZ = 10_000.0
SHORTEST_US = 2500.0
"""From row to row in µs; a DOT gives at most 120 rows a second. Fewer are ticks, of which a row takes no more."""
DOCUMENTED = "Movella documents it"


class Xsens(Format):
    """Each file is a recording of one sensor."""

    name = "xsens"
    title = "a table of an Xsens or Movella sensor"
    device = "Xsens DOT, MTw and MTi, Movella DOT"
    decided = "rate, counters that begin again; m/s^2, with gravity; deg/s of a DOT"
    asked = "the rate, where it is nowhere; the gyroscope's unit, where the data do not decide it"

    def sniff(self, folder: Folder) -> Claim | None:
        """Claim the tables with its counters and the axes of its accelerometer."""
        ours = [sheet for sheet in folder.sheets if {COUNTER, *ACC_AXES} <= set(sheet.columns)]
        return Claim(tuple(ours), 0.9, f"it has the columns {COUNTER} and {', '.join(ACC_AXES)}") if ours else None

    def sessions(self, folder: Folder, sheets: Sequence[Sheet], questions: Questions) -> Iterator[Session]:
        for sheet in sheets:
            table = sheet.table()
            findings = self.findings(table)
            clock, is_dot = _clock(table, questions, findings)
            sensors = [Sensor(ACC, table, clock, axes(table, ACC_AXES), "m/s^2", DOCUMENTED, "included", DOCUMENTED)]
            if set(GYRO_AXES) <= set(table.columns) and not questions.options.acc_only:
                values = axes(table, GYRO_AXES)
                if np.isfinite(values).any():
                    unit = "deg/s" if is_dot else None  # files of MT Manager are left to the data
                    sensors.append(Sensor(GYRO, table, clock, values, unit, DOCUMENTED))
            yield Session(folder.join(sheet.stem), sensors, findings, folder=folder.top)


def _clock(table: Table, questions: Questions, findings: Findings) -> tuple[Clock, bool]:
    """Return the clock, and whether the file is of a DOT."""
    is_dot = any(re.match(r"DeviceTag|Measurement Mode", line) for line in table.comments)
    stated = next((usual_rate(match[1]) for line in table.comments if (match := RATE.search(line))), None)
    if FINE in table.columns and table.is_number(FINE):
        ticks = table.numbers(FINE)
        steps = np.diff(ticks[np.isfinite(ticks)])
        if not is_dot and (steps > 0).any() and np.median(steps[steps > 0]) < SHORTEST_US:
            findings.decide("time", "ticks of 10 kHz", f"column {FINE!r} of MT Manager")
            return Clock(carried_on(table, ticks, findings) / TICKS_HZ), is_dot
        return read_clock(table, FINE, questions, findings, "us" if is_dot else None), is_dot
    rate = questions.options.rate_hz or stated
    if rate is None:
        raise DataError(f"{table.where}: {FINE} is empty, and no line above the table names a rate. Give it: --rate HZ")
    packets = carried_on(table, table.numbers(COUNTER), findings)
    findings.decide("time", f"{rate:g} Hz", f"{COUNTER}, at the rate above the table")
    if (np.diff(packets) == 1).all():
        return counted(table.height, rate), is_dot
    return Clock((packets - packets[0]) / rate), is_dot


SPEC = Xsens()
