"""A plain table in any layout: columns are guessed by name and confirmed, or given as options.

Accelerometer and gyroscope may stand in one table or in two files whose names differ in the sensor alone
(`walk_acc.csv`, `walk_gyro.csv`). One table may hold many recordings and subjects, told apart by a column.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from otolith.errors import DataError
from otolith.importing.formats.base import OF_TABLES, Claim, Format
from otolith.importing.formats.table_sensors import clock_of, from_start, rate_of, sensor_of, turning_sensors
from otolith.importing.grouping.files_of_one import Files, Planned, files_of_one
from otolith.importing.labels.beside import refuse_labels
from otolith.importing.labels.columns import labels_of
from otolith.importing.naming.files import sensor_of_place, without_sensor
from otolith.importing.naming.words import words_of
from otolith.importing.sensors.columns import (
    Mapping,
    guess,
    require_complete,
    summed,
    with_options,
)
from otolith.importing.sensors.headless import guess_by_values
from otolith.importing.sensors.place_columns import IDS
from otolith.importing.sensors.places import at_places, is_all, only_place, rows_at_places
from otolith.importing.session import ACC, GYRO, Sensor, Session
from otolith.importing.signals.gravity_sum import summed_if_without, with_gravity
from otolith.importing.tables.text import is_text

if TYPE_CHECKING:
    from otolith.importing.findings import Findings
    from otolith.importing.questions import Questions
    from otolith.importing.session import Folder, Sheet
    from otolith.importing.tables.table import Table


Others = dict[str, dict[tuple[str, str], "Table"]]
"""Rows of each recording and subject in the files beside an accelerometer's, by the file's name."""


class Generic(Format):
    """A plain table."""

    name = "table"
    title = "a table"
    device = "anything else: loggers, spreadsheets, data sets"
    decided = "columns by names, or by their numbers; units by headers or data; times in any usual form"
    asked = "the columns, to confirm them; units and gravity that nothing decides; day or month; the place"
    order = 100
    endings = OF_TABLES

    def recognises(self, head: bytes) -> bool:
        return is_text(head)

    def sniff(self, folder: Folder) -> Claim | None:
        """Claim all files that no other format does."""
        return Claim(folder.sheets, 0.1, "no other layout fits")

    def sessions(self, folder: Folder, sheets: Sequence[Sheet], questions: Questions) -> Iterator[Session]:
        plans = [(sheet, _mapping(sheet, questions)) for sheet in sheets]
        mapped = [
            (sheet, mapping) for sheet, mapping in plans if mapping.columns.keys() & {"acc", "gyro"} or mapping.places
        ]
        together = files_of_one(mapped)
        used = {plan[0].where for each in together for plan in each.plans}
        passed = [sheet.where for sheet in sheets if sheet.where not in used]
        for sheet, mapping in plans:
            if not mapped and questions.options.acc is None:
                refuse_labels(sheet)
            if not sheet.columns and (sheet.member.named or not (sheet.blank or sheet.is_json)):
                sheet.table()  # tells what is wrong with it
            if not mapped and sheet.member.named:
                sheet.table().require(*(questions.options.acc or ()))
                require_complete(sheet.where, mapping, sheet.columns, questions.options.rate_hz)
        for files in together:
            for name, chosen in at_places(files.acc[0].where, str(files.acc[0].member.place), files.acc[1], questions):
                for session in self._sessions(folder, replace(files, acc=(files.acc[0], chosen)), questions, name):
                    session.findings.passed_over = passed
                    yield session

    def _sessions(self, folder: Folder, files: Files, questions: Questions, place: str) -> Iterator[Session]:
        sheet, mapping = files.acc
        tables = [plan[0].table() for plan in files.plans]
        require_complete(tables[0].where, mapping, tables[0].columns, rate_of(tables[0], questions)[0])
        for table, (_, plan) in zip(tables, files.plans, strict=True):
            _confirm(table, plan, questions)
        others = {
            plan[0].where: dict(_split(table, plan[1]))
            for table, plan in zip(tables, files.plans, strict=True)
            if plan in (files.gyro, files.gravity)
        }
        stem = sheet.stem if len(tables) == 1 and not files.linear else without_sensor(sheet.stem) or sheet.stem
        label, file = mapping.column("label"), f"{sheet.member.place}/{place}"
        for column_place, whole in rows_at_places(tables[0], file, mapping, questions):
            here = place or column_place
            for key, rows in _split(whole, mapping):
                findings = self.findings(*tables)
                if here:
                    findings.decide("place", here, "one of several in the table")
                for column, why in mapping.passed:
                    findings.decide("labels", "none", f"{column!r} {why}")
                moving = _moving(rows, files, others, key, questions, findings)
                sensors = [moving]
                if "gyro" in mapping.columns:
                    clock = moving.clock if files.gravity is None else None
                    if mapping.gyro_time is not None:
                        clock = clock_of(rows, mapping.gyro_time, questions, findings)
                        findings.decide("gyroscope's time", mapping.gyro_time, f"beside {mapping.column('time')!r}")
                    sensors.append(sensor_of(GYRO, rows, mapping, questions, findings, clock))
                elif files.gyro is not None:
                    turning = _rows_of(key, files.gyro, others, "the gyroscope out: --gyro none")
                    at = {"": turning}
                    if column_place:
                        at = dict(rows_at_places(turning, file, files.gyro[1], questions))
                    sensors.append(sensor_of(GYRO, at[column_place], files.gyro[1], questions, findings))
                elif mapping.turning:
                    sensors += turning_sensors(moving, rows, mapping, questions, findings)
                if len(tables) == 1:
                    sensors = from_start(sensors, mapping, findings)
                recording, person = key
                part = recording or (person if "recording" not in mapping.columns else "")
                name = " ".join(filter(None, (folder.join(stem), part)))
                if here and is_all(questions):
                    name, person = f"{name} {here}", person or name
                labels = labels_of(rows, label, findings, moving.values)
                yield Session(name, sensors, findings, person or None, labels, folder.top, only_place(whole, mapping))


def _rows_of(key: tuple[str, str], plan: Planned, others: Others, cure: str) -> Table:
    """Return the rows of a recording and subject in another file of its sensors.

    Raises:
        DataError: there are none.
    """
    if key not in others[plan[0].where]:
        raise DataError(f"{plan[0].where}: has no rows of {' '.join(filter(None, key))!r}. Add them, or leave {cure}")
    return others[plan[0].where][key]


def _moving(
    rows: Table, files: Files, others: Others, key: tuple[str, str], questions: Questions, findings: Findings
) -> Sensor:
    """Return the accelerometer, with gravity from beside it where it is without."""
    mapping = files.acc[1]
    sensor = sensor_of(ACC, rows, mapping, questions, findings)
    if files.linear and sensor.gravity is None:
        sensor = replace(sensor, gravity="removed", gravity_why=f"the file's name, {files.acc[0].stem!r}")
    if files.gravity is not None:
        beside = _rows_of(key, files.gravity, others, f"{files.gravity[0].where} out.")
        still = sensor_of(ACC, beside, files.gravity[1], questions, findings)
        return with_gravity(sensor, still, findings, f"{rows.where} and {beside.where} summed")
    if mapping.gravity and sensor.gravity is None and questions.options.gravity is None:
        return summed_if_without(sensor, mapping.gravity)
    return sensor


def _mapping(sheet: Sheet, questions: Questions) -> Mapping:
    """Return the columns of a file; a sensor whose columns are not in it is left to the files beside it."""
    hint, there = sensor_of_place(sheet.member.place), set(sheet.columns)
    rows = [] if sheet.layout is None else sheet.first_rows
    plan = with_options(
        guess(sheet.columns, hint, rows) if sheet.has_names else guess_by_values(rows, hint), questions.options
    )
    lacking = {what for what in ("acc", "gyro") for column in plan.columns.get(what, ()) if not _there(column, there)}
    plan = plan.without(*lacking)
    if plan.columns.get("acc", ()) == plan.columns.get("gyro"):  # such as x, y and z in both files
        plan = plan.without("acc" if hint == "gyro" else "gyro")
    return plan


def _there(column: str, columns: Collection[str]) -> bool:
    return set(summed(column, columns)) <= set(columns)


def _confirm(table: Table, mapping: Mapping, questions: Questions) -> None:
    """Have what was guessed confirmed.

    Raises:
        DataError: a column that the user named is not there, or nobody confirms the guess.
    """
    named = [[summed(column, table.columns) for column in columns] for columns in mapping.columns.values()]
    table.require(*(part for columns in named for parts in columns for part in parts))
    if mapping.guessed and ("time" in mapping.columns or rate_of(table, questions)[0] is not None):
        first = ["  ".join("+".join(map(table.first, parts)) for parts in columns) for columns in named]
        rows = [(*row, cells) for row, cells in zip(mapping.rows(), first, strict=True)]
        questions.confirm(table.where, rows, mapping.command())


def _split(table: Table, mapping: Mapping) -> Iterator[tuple[tuple[str, str], Table]]:
    """Yield the rows of each recording and subject, in order of their first row."""
    cells = []
    columns = mapping.column("recording"), mapping.column("subject-column")
    if not any(columns) and table.height:
        yield ("", ""), table
        return
    for column in columns:
        cells.append(table.texts(column) if column else [""] * table.height)
        if column and "" in cells[-1]:
            raise DataError(f"{table.at(cells[-1].index(''))}: {column} is empty. Fill it, or leave the row out.")
    keys = list(zip(*cells, strict=True))
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    if len(numbers) == 1:
        (recording, person) = keys[0]
        is_device = columns[1] is not None and words_of(columns[1]) in IDS  # one alone may be that of the device
        yield (recording, "" if is_device else person), table
        return
    if len(numbers) > max(1000, table.height // 20):
        raise DataError(
            f"{table.where}: {len(numbers):,} recordings in {table.height:,} rows. Check --recording and "
            "--subject-column."
        )
    index = np.array([numbers[key] for key in keys])
    for key, number in numbers.items():
        yield key, table.only(index == number)


SPEC = Generic()
