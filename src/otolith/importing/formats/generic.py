"""A plain table in any layout: columns are guessed by name and confirmed, or given as options.

Accelerometer and gyroscope may stand in one table or in two files whose names differ in the sensor alone
(`walk_acc.csv`, `walk_gyro.csv`). One table may hold many recordings and subjects, told apart by a column.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from otolith.errors import DataError
from otolith.importing.formats.base import Format
from otolith.importing.mapping import (
    Mapping,
    guess,
    is_linear,
    require_complete,
    sensor_of_file,
    with_options,
    without_sensor,
)
from otolith.importing.session import ACC, GYRO, Sensor, Session, axes
from otolith.importing.timing import counted, read_clock
from otolith.importing.units import ACC_UNITS, GYRO_UNITS, time_unit_in_name, unit_in_name

if TYPE_CHECKING:
    from otolith.importing.findings import Findings
    from otolith.importing.questions import Questions
    from otolith.importing.session import Folder, Sheet
    from otolith.importing.table import Table


Planned = tuple["Sheet", Mapping]
"""A file and what its columns are."""


class Generic(Format):
    """See the module's docstring."""

    name = "table"
    order = 100

    def claims(self, folder: Folder) -> list[Sheet]:
        return list(folder.sheets)

    def sessions(self, folder: Folder, sheets: list[Sheet], questions: Questions) -> Iterator[Session]:
        plans = [(sheet, _mapping(sheet, questions)) for sheet in sheets]
        mapped = [(sheet, mapping) for sheet, mapping in plans if mapping.acc or mapping.gyro]
        passed = [sheet.where for sheet, mapping in plans if not (mapping.acc or mapping.gyro)]
        for sheet, mapping in plans:
            if not sheet.columns:
                sheet.table()  # tells what is wrong with it
            if not mapped and sheet.member.named:
                sheet.table().require(*(questions.options.acc or ()))
                require_complete(sheet.where, mapping, sheet.columns, questions.options.rate_hz)
        for acc, gyro in _pairs(mapped):
            for session in self._sessions(folder, acc, gyro, questions):
                session.findings.passed_over = passed
                yield session

    def _sessions(self, folder: Folder, acc: Planned, gyro: Planned | None, questions: Questions) -> Iterator[Session]:
        sheet, mapping = acc
        table = sheet.table()
        _confirm(table, mapping, questions)
        require_complete(table.where, mapping, table.columns, questions.options.rate_hz)
        stem, tables, turning = sheet.stem, [table], {}
        if gyro is not None:
            stem = without_sensor(sheet.stem) or sheet.stem
            tables.append(gyro[0].table())
            _confirm(tables[1], gyro[1], questions)
            turning = dict(_split(tables[1], gyro[1]))
        base = folder.join(stem)
        for key, rows in _split(table, mapping):
            findings = self.findings(*tables)
            sensors = [_sensor(ACC, rows, mapping, questions, findings)]
            if mapping.gyro:
                sensors.append(_sensor(GYRO, rows, mapping, questions, findings))
            elif gyro is not None:
                if key not in turning:
                    raise DataError(f"{gyro[0].where}: has no rows of {' '.join(filter(None, key))!r}.")
                sensors.append(_sensor(GYRO, turning[key], gyro[1], questions, findings))
            recording, person = key
            part = recording or (person if mapping.recording is None else "")
            yield Session(
                " ".join(filter(None, (base, part))),
                sensors,
                findings,
                subject=person or None,
                labels=rows.texts(mapping.label) if mapping.label else None,
                folder=folder.top,
            )


def _mapping(sheet: Sheet, questions: Questions) -> Mapping:
    """The columns of a file; a sensor whose columns are not in it is left to the files beside it."""
    hint = sensor_of_file(sheet.stem)
    plan = with_options(guess(sheet.columns, hint), questions.options)
    acc, gyro = (
        columns if columns and set(columns) <= set(sheet.columns) else None for columns in (plan.acc, plan.gyro)
    )
    if acc is not None and acc == gyro:  # such as x, y and z in both files
        acc, gyro = (None, gyro) if hint == "gyro" else (acc, None)
    return replace(plan, acc=acc, gyro=gyro)


def _pairs(mapped: list[Planned]) -> list[tuple[Planned, Planned | None]]:
    """Each table with an accelerometer, with the table of its gyroscope where that is another one."""
    turning = {without_sensor(sheet.stem): (sheet, mapping) for sheet, mapping in mapped if not mapping.acc}
    out: list[tuple[Planned, Planned | None]] = []
    for sheet, mapping in mapped:
        if mapping.acc:
            partner = None if mapping.gyro else turning.pop(without_sensor(sheet.stem), None)
            out.append(((sheet, mapping), partner and (partner[0], _of_partner(*partner))))
    for sheet, _ in turning.values():
        raise DataError(
            f"{sheet.where}: holds a gyroscope, but no file beside it the accelerometer. Put it there, under the "
            "same name with `acc` for `gyro`; or name the columns: --acc X,Y,Z"
        )
    return out


def _of_partner(sheet: Sheet, mapping: Mapping) -> Mapping:
    """Of a file that only adds the gyroscope: labels, and what tells recordings apart, may stand in the other alone."""
    there = set(sheet.columns)
    return replace(
        mapping,
        label=None,
        recording=mapping.recording if mapping.recording in there else None,
        subject=mapping.subject if mapping.subject in there else None,
    )


def _confirm(table: Table, mapping: Mapping, questions: Questions) -> None:
    """Have what was guessed confirmed.

    Raises:
        DataError: a column that the user named is not there, or nobody confirms the guess.
    """
    table.require(*(column for what, _ in mapping.rows() for column in _columns(mapping, what)))
    if mapping.guessed and (mapping.time is not None or questions.options.rate_hz is not None):
        first = {what: "  ".join(table.first(c) for c in _columns(mapping, what)) for what, _ in mapping.rows()}
        questions.confirm(
            table.where, [(what, column, first[what]) for what, column in mapping.rows()], mapping.command()
        )


def _columns(mapping: Mapping, what: str) -> tuple[str, ...]:
    value = mapping.subject if what == "subject-column" else getattr(mapping, what)
    return (value,) if isinstance(value, str) else tuple(value or ())


def _split(table: Table, mapping: Mapping) -> Iterator[tuple[tuple[str, str], Table]]:
    """The rows of each recording and subject, in order of their first row."""
    names = table.texts(mapping.recording) if mapping.recording else [""] * table.height
    people = table.texts(mapping.subject) if mapping.subject else [""] * table.height
    keys = list(zip(names, people, strict=True))
    for column, cells in ((mapping.recording, names), (mapping.subject, people)):
        if column is not None and "" in cells:
            raise DataError(f"{table.at(cells.index(''))}: {column} is empty. Fill it, or leave the row out.")
    distinct = dict.fromkeys(keys)
    if len(distinct) == 1:
        yield keys[0], table
        return
    if len(distinct) > max(1000, table.height // 20):
        raise DataError(
            f"{table.where}: {len(distinct):,} recordings in {table.height:,} rows. Is that the right column?"
        )
    number = {key: index for index, key in enumerate(distinct)}
    index = np.array([number[key] for key in keys])
    for key in distinct:
        yield key, table.only(index == number[key])


def _sensor(kind: str, table: Table, mapping: Mapping, questions: Questions, findings: Findings) -> Sensor:
    columns = mapping.acc if kind == ACC else mapping.gyro
    assert columns is not None
    units = ACC_UNITS if kind == ACC else GYRO_UNITS
    stated = {unit_in_name(column, units) for column in columns}
    unit = stated.pop() if len(stated) == 1 else None
    gravity = "removed" if kind == ACC and is_linear(columns) else None
    if mapping.time is None:
        assert questions.options.rate_hz is not None
        clock = counted(table.height, questions.options.rate_hz)
        findings.decide("time", f"{questions.options.rate_hz:g} Hz", "given, as there is no time column")
    else:
        clock = read_clock(table, mapping.time, questions, findings, time_unit_in_name(mapping.time))
    names = ", ".join(columns)
    how = "a guess that was confirmed" if ("acc" if kind == ACC else "gyro") in mapping.guessed else "given"
    findings.decide(f"{kind} columns", names, how)
    return Sensor(
        kind,
        table,
        clock,
        axes(table, columns),
        unit,
        f"the header {columns[0]!r}",
        gravity,
        f"the header {columns[0]!r}",
    )


SPEC = Generic()
