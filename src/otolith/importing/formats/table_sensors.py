"""Sensors in columns of a plain table, their clock, and a gyroscope that only the data tell."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from otolith.importing.naming.stated import says_raw, stated_units
from otolith.importing.naming.unit_words import ACC_UNITS, GYRO_UNITS, time_unit_of_text
from otolith.importing.naming.units import time_unit_in_name
from otolith.importing.sensors.columns import Mapping, is_linear, is_of_core_motion, summed
from otolith.importing.sensors.turning import turns_as
from otolith.importing.session import ACC, GYRO, Sensor, axes
from otolith.importing.times.columns import start_beside, with_date, with_fraction
from otolith.importing.times.parts import with_parts
from otolith.importing.times.stated_rate import stated_rate
from otolith.importing.times.timing import Clock, counted, read_clock

if TYPE_CHECKING:
    from otolith.importing.findings import Findings
    from otolith.importing.questions import Questions
    from otolith.importing.tables.table import Table


def sensor_of(
    kind: str, table: Table, mapping: Mapping, questions: Questions, findings: Findings, clock: Clock | None = None
) -> Sensor:
    """Return a sensor in some columns of a table; its clock is read where no other sensor of the table has read it."""
    what, units = ("acc", ACC_UNITS) if kind == ACC else ("gyro", GYRO_UNITS)
    columns = mapping.columns[what]
    named = [part for column in columns for part in summed(column, table.columns)]
    unit, unread = stated_units([(column, table.units.get(column, "")) for column in named], units)
    if clock is None:
        clock = clock_of(table, mapping.column("time"), questions, findings)
    how = "a guess that was confirmed" if what in mapping.guessed else "given"
    findings.decide(f"{kind} columns", ", ".join(columns), how)
    header = f"the header {named[0]!r}" + (" and the row of units beneath it" if table.units else "")
    gravity = "removed" if kind == ACC and is_linear(columns) else None
    if kind == ACC and len(named) > len(columns):
        gravity, header = "included", f"the sum of {' and '.join(summed(columns[0], table.columns))}"
    if kind == GYRO and unit is None and not unread and is_of_core_motion(columns, table.columns):
        unit, header = "rad/s", "Apple's CoreMotion documents a rotationRate beside its kinds of acceleration so"
    values, raw = axes(table, columns), any(map(says_raw, named))
    return Sensor(kind, table, clock, values, unit, header, gravity, header, unread=unread, raw=raw)


def clock_of(table: Table, time: str | None, questions: Questions, findings: Findings) -> Clock:
    """Return the clock in a column, or one that counts rows at the rate that was given."""
    if time is None:
        rate, why = rate_of(table, questions)
        assert rate is not None
        findings.decide("time", f"{rate:g} Hz", why)
        return counted(table.height, rate)
    said = time_unit_in_name(time) or time_unit_of_text(table.units.get(time, ""))
    return read_clock(*with_fraction(*with_date(*with_parts(table, time))), questions, findings, said)


def rate_of(table: Table, questions: Questions) -> tuple[float | None, str]:
    """Return the rate of a table without time, and who says it; None where nobody does."""
    if questions.options.rate_hz is not None:
        return questions.options.rate_hz, "given, as there is no time column"
    rate, line = stated_rate(table.comments) or (None, "")
    return rate, f"the line {line!r} above the table, as there is no time column"


def turning_sensors(
    moving: Sensor, rows: Table, mapping: Mapping, questions: Questions, findings: Findings
) -> list[Sensor]:
    """Return the gyroscope among columns whose names do not say that they are one, if gravity turns as they do."""
    triads = [triad for triad in mapping.turning if all(map(rows.is_number, triad))]
    sensors = [Sensor(GYRO, rows, moving.clock, axes(rows, triad), raw=any(map(says_raw, triad))) for triad in triads]
    alike = [turns_as(moving, sensor) for sensor in sensors]
    if max(alike, default=0.0) > 0:
        best = int(np.argmax(alike))
        why = f"gravity turns as they do (correlation {alike[best]:.2f})"
        findings.decide("gyroscope columns", ", ".join(triads[best]), why)
        return [sensors[best]]
    if triads:
        names = "; ".join(", ".join(triad) for triad in triads)
        findings.decide("gyroscope", "none", f"gravity does not turn as {names} do; --gyro takes them")
    return []


def from_start(sensors: list[Sensor], mapping: Mapping, findings: Findings) -> list[Sensor]:
    """Return sensors of one table whose time counts from a start, with that start where a column beside it says it."""
    time, clock = mapping.column("time"), sensors[0].clock
    found = None if time is None or clock.origin_ns is not None else start_beside(sensors[0].table, time)
    known = clock.seconds[np.isfinite(clock.seconds)]
    if found is None or not known.size:
        return sensors
    origin, zone, column = found
    findings.decide("start", "to the second", f"column {column!r} beside {time!r}")
    first = round(float(known[0]) * 1e9)
    return [replace(each, clock=replace(each.clock, about_ns=origin - first, zone=zone)) for each in sensors]
