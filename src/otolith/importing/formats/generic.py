"""A plain table in any layout: columns are guessed by name and confirmed, or given as options.

Accelerometer and gyroscope may stand in one table or in two files whose names differ in the sensor alone
(`walk_acc.csv`, `walk_gyro.csv`). One table may hold many recordings and subjects, told apart by a column.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from otolith.errors import DataError
from otolith.importing.columns import (
    Mapping,
    guess,
    is_linear,
    require_complete,
    sensor_of_file,
    summed,
    with_options,
    without_sensor,
)
from otolith.importing.formats.base import Claim, Format
from otolith.importing.headless import guess_by_values
from otolith.importing.places import ALL, at_places
from otolith.importing.session import ACC, GYRO, Sensor, Session, axes
from otolith.importing.text import is_text
from otolith.importing.timing import counted, read_clock
from otolith.importing.units import (
    ACC_UNITS,
    GYRO_UNITS,
    time_unit_in_name,
    time_unit_of_text,
    unit_in_name,
    unit_of_text,
)

if TYPE_CHECKING:
    from otolith.importing.findings import Findings
    from otolith.importing.questions import Questions
    from otolith.importing.session import Folder, Sheet
    from otolith.importing.table import Table


Planned = tuple["Sheet", Mapping]
"""A file and the meaning of its columns."""


class Generic(Format):
    """A plain table."""

    name = "table"
    title = "a table"
    device = "anything else: loggers, spreadsheets, data sets"
    decided = "columns by names, or by their numbers; units by headers or data; times in any usual form"
    asked = "the columns, to confirm them; units and gravity that nothing decides; day or month; the place"
    order = 100
    endings = (".csv", ".tsv", ".txt", ".parquet", ".json", ".jsonl", ".ndjson")

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
        passed = [plan[0].where for plan in plans if plan not in mapped]
        for sheet, mapping in plans:
            if not sheet.columns and (sheet.member.named or not (sheet.blank or sheet.is_json)):
                sheet.table()  # tells what is wrong with it
            if not mapped and sheet.member.named:
                sheet.table().require(*(questions.options.acc or ()))
                require_complete(sheet.where, mapping, sheet.columns, questions.options.rate_hz)
        for acc, gyro in _pairs(mapped):
            for name, chosen in at_places(acc[0].where, acc[1], questions):
                for session in self._sessions(folder, (acc[0], chosen), gyro, questions, name):
                    session.findings.passed_over = passed
                    yield session

    def _sessions(
        self, folder: Folder, acc: Planned, gyro: Planned | None, questions: Questions, place: str
    ) -> Iterator[Session]:
        sheet, mapping = acc
        table = sheet.table()
        require_complete(table.where, mapping, table.columns, questions.options.rate_hz)
        _confirm(table, mapping, questions)
        stem, tables, turning = sheet.stem, [table], {}
        if gyro is not None:
            stem = without_sensor(sheet.stem) or sheet.stem
            tables.append(gyro[0].table())
            _confirm(tables[1], gyro[1], questions)
            turning = dict(_split(tables[1], gyro[1]))
        label = mapping.column("label")
        for key, rows in _split(table, mapping):
            findings = self.findings(*tables)
            if place:
                findings.decide("place", place, "one of several in the table")
            for column, why in mapping.passed:
                findings.decide("labels", "none", f"{column!r} {why}")
            sensors = [_sensor(ACC, rows, mapping, questions, findings)]
            if "gyro" in mapping.columns:
                sensors.append(_sensor(GYRO, rows, mapping, questions, findings))
            elif gyro is not None:
                if key not in turning:
                    raise DataError(
                        f"{gyro[0].where}: has no rows of {' '.join(filter(None, key))!r}. Add them, or leave the "
                        "gyroscope out: --gyro none"
                    )
                sensors.append(_sensor(GYRO, turning[key], gyro[1], questions, findings))
            recording, person = key
            part = recording or (person if "recording" not in mapping.columns else "")
            whole = " ".join(filter(None, (folder.join(stem), part)))
            several = questions.options.place == ALL and place
            name, person = (f"{whole} {place}", person or whole) if several else (whole, person)
            labels = rows.texts(label) if label else None
            yield Session(name, sensors, findings, person or None, labels, folder.top)


def _mapping(sheet: Sheet, questions: Questions) -> Mapping:
    """Return the columns of a file; a sensor whose columns are not in it is left to the files beside it."""
    hint, there = sensor_of_file(sheet.stem), set(sheet.columns)
    named = sheet.layout is None or sheet.layout.names
    rows = [] if sheet.layout is None else sheet.first_rows
    plan = with_options(guess(sheet.columns, hint, rows) if named else guess_by_values(rows), questions.options)
    lacking = {what for what in ("acc", "gyro") for column in plan.columns.get(what, ()) if not _there(column, there)}
    plan = plan.without(*lacking)
    if plan.columns.get("acc", ()) == plan.columns.get("gyro"):  # such as x, y and z in both files
        plan = plan.without("acc" if hint == "gyro" else "gyro")
    return plan


def _there(column: str, columns: Collection[str]) -> bool:
    return set(summed(column, columns)) <= set(columns)


def _pairs(mapped: list[Planned]) -> list[tuple[Planned, Planned | None]]:
    """Return each table with an accelerometer, with the table of its gyroscope where that is another one."""
    turning = {
        without_sensor(plan[0].stem): plan for plan in mapped if "acc" not in plan[1].columns and not plan[1].places
    }
    out: list[tuple[Planned, Planned | None]] = []
    for sheet, mapping in mapped:
        if "acc" in mapping.columns or mapping.places:
            beside = (
                None
                if "gyro" in mapping.columns or any(place.gyro for place in mapping.places)
                else turning.pop(without_sensor(sheet.stem), None)
            )
            if beside is not None:  # labels, and what tells recordings apart, may stand in the other file alone
                other, plan = beside
                lacking = (what for what in ("recording", "subject-column") if plan.column(what) not in other.columns)
                beside = other, plan.without("label", *lacking)
            out.append(((sheet, mapping), beside))
    for sheet, _ in turning.values():
        raise DataError(
            f"{sheet.where}: holds a gyroscope, but no file beside it the accelerometer. Put it there, under the "
            "same name with `acc` for `gyro`; or name the columns: --acc X,Y,Z"
        )
    return out


def _confirm(table: Table, mapping: Mapping, questions: Questions) -> None:
    """Have what was guessed confirmed.

    Raises:
        DataError: a column that the user named is not there, or nobody confirms the guess.
    """
    named = [[summed(column, table.columns) for column in columns] for columns in mapping.columns.values()]
    table.require(*(part for columns in named for parts in columns for part in parts))
    if mapping.guessed and ("time" in mapping.columns or questions.options.rate_hz is not None):
        first = ["  ".join("+".join(map(table.first, parts)) for parts in columns) for columns in named]
        rows = [(*row, cells) for row, cells in zip(mapping.rows(), first, strict=True)]
        questions.confirm(table.where, rows, mapping.command())


def _split(table: Table, mapping: Mapping) -> Iterator[tuple[tuple[str, str], Table]]:
    """Yield the rows of each recording and subject, in order of their first row."""
    cells = []
    for column in (mapping.column("recording"), mapping.column("subject-column")):
        cells.append(table.texts(column) if column else [""] * table.height)
        if column and "" in cells[-1]:
            raise DataError(f"{table.at(cells[-1].index(''))}: {column} is empty. Fill it, or leave the row out.")
    keys = list(zip(*cells, strict=True))
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    if len(numbers) == 1:
        yield keys[0], table
        return
    if len(numbers) > max(1000, table.height // 20):
        raise DataError(
            f"{table.where}: {len(numbers):,} recordings in {table.height:,} rows. Check --recording and "
            "--subject-column."
        )
    index = np.array([numbers[key] for key in keys])
    for key, number in numbers.items():
        yield key, table.only(index == number)


def _sensor(kind: str, table: Table, mapping: Mapping, questions: Questions, findings: Findings) -> Sensor:
    what, units = ("acc", ACC_UNITS) if kind == ACC else ("gyro", GYRO_UNITS)
    columns, time = mapping.columns[what], mapping.column("time")
    named = [part for column in columns for part in summed(column, table.columns)]
    stated = {unit_in_name(column, units) or unit_of_text(table.units.get(column, "")) for column in named}
    if time is None:
        rate = questions.options.rate_hz
        assert rate is not None
        clock = counted(table.height, rate)
        findings.decide("time", f"{rate:g} Hz", "given, as there is no time column")
    else:
        said = time_unit_in_name(time) or time_unit_of_text(table.units.get(time, ""))
        clock = read_clock(table, time, questions, findings, said)
    how = "a guess that was confirmed" if what in mapping.guessed else "given"
    findings.decide(f"{kind} columns", ", ".join(columns), how)
    header = f"the header {named[0]!r}" + (" and the row of units beneath it" if table.units else "")
    unit = stated.pop() if len(stated) == 1 else None
    gravity = "removed" if kind == ACC and is_linear(columns) else None
    if kind == ACC and len(named) > len(columns):
        gravity, header = "included", f"the sum of {' and '.join(summed(columns[0], table.columns))}"
    return Sensor(kind, table, clock, axes(table, columns), unit, header, gravity, header)


SPEC = Generic()
