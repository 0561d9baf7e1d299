"""A plain table in any layout: columns are guessed by name and confirmed, or given as options.

Accelerometer and gyroscope may stand in one table or in two files whose names differ in the sensor alone
(`walk_acc.csv`, `walk_gyro.csv`). One table may hold many recordings and subjects, told apart by a column.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from otolith.errors import DataError
from otolith.importing.formats.base import Format, register
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
from otolith.importing.units import ACC_UNITS, GYRO_UNITS, split_header, unit_in_name

if TYPE_CHECKING:
    from otolith.importing.asking import Desk
    from otolith.importing.findings import Findings
    from otolith.importing.session import Folder, Sheet
    from otolith.importing.table import Table


@register
class Generic(Format):
    """See the module's docstring."""

    name = "table"
    title = "a plain table"
    order = 100

    def claims(self, folder: Folder) -> list[Sheet]:
        return list(folder.sheets)

    def sessions(self, folder: Folder, sheets: list[Sheet], desk: Desk) -> list[Session]:
        mapped, passed = [], []
        for sheet in sheets:
            mapping = _mapping(sheet, desk)
            if mapping.acc or mapping.gyro:
                mapped.append((sheet, mapping))
            else:
                passed.append(sheet)
        if not mapped:
            wanted = passed[0]
            wanted.table()  # damage is told before a lack of columns
            require_complete(wanted.where, _mapping(wanted, desk), wanted.columns, desk.options.rate_hz)
        out: list[Session] = []
        for acc, gyro in _pairs(mapped):
            out += self._sessions(folder, acc, gyro, len(mapped) <= 2 and len(out) == 0, desk)
        for session in out:
            session.findings.passed_over = [sheet.where for sheet in passed]
        return out

    def _sessions(
        self,
        folder: Folder,
        acc: tuple[Sheet, Mapping],
        gyro: tuple[Sheet, Mapping] | None,
        alone: bool,
        desk: Desk,
    ) -> Iterator[Session]:
        sheet, mapping = acc
        table = sheet.table()
        second = gyro[0].table() if gyro is not None else None
        for each, plan in (
            (table, mapping),
            *(((second, gyro[1]),) if gyro is not None and second is not None else ()),
        ):
            _confirm(each, plan, desk, needs_acc=each is table)
        stem = without_sensor(sheet.stem) if gyro is not None else sheet.stem
        base = folder.name if alone and folder.place.parts else "/".join((*folder.place.parts, stem or sheet.stem))
        seconds = dict(_split(second, gyro[1])) if second is not None and gyro is not None else {}
        for key, rows in _split(table, mapping):
            findings = self.findings(table, *([second] if second is not None else []))
            sensors = [_sensor(ACC, rows, mapping, desk, findings)]
            if mapping.gyro and not desk.options.acc_only:
                sensors.append(_sensor(GYRO, rows, mapping, desk, findings))
            elif seconds and gyro is not None:
                if key not in seconds:
                    raise DataError(
                        f"{second.where if second else ''}: has no rows of {' '.join(filter(None, key))!r}."
                    )
                sensors.append(_sensor(GYRO, seconds[key], gyro[1], desk, findings))
            yield Session(
                " ".join(filter(None, (base, key[0] or (key[1] if mapping.recording is None else "")))),
                sensors,
                findings,
                subject=key[1] or None,
                labels=rows.texts(mapping.label) if mapping.label else None,
                folder=folder.top,
            )


def _mapping(sheet: Sheet, desk: Desk) -> Mapping:
    hint = sensor_of_file(sheet.stem)
    mapping = guess(sheet.columns, hint)
    options = desk.options
    # columns that the user names need not be in every file: a folder may hold others beside them
    ours = with_options(mapping, options)
    for columns in (ours.acc, ours.gyro):
        if columns and not set(columns) <= set(sheet.columns):
            other = ours.gyro if columns is ours.acc else ours.acc
            if other and set(other) <= set(sheet.columns):
                continue
            return Mapping()
    drop = {name: None for name in ("acc", "gyro") if (c := getattr(ours, name)) and not set(c) <= set(sheet.columns)}
    return ours if not drop else Mapping(**{**ours.__dict__, **drop})


def _pairs(
    mapped: list[tuple[Sheet, Mapping]],
) -> Iterator[tuple[tuple[Sheet, Mapping], tuple[Sheet, Mapping] | None]]:
    """Each table with an accelerometer, with the table of its gyroscope where that is another one."""
    turning = {without_sensor(s.stem): (s, m) for s, m in mapped if m.gyro and not m.acc}
    used = set()
    for sheet, mapping in mapped:
        if mapping.acc:
            partner = turning.get(without_sensor(sheet.stem)) if not mapping.gyro else None
            used.add(without_sensor(sheet.stem) if partner else "")
            yield (sheet, mapping), partner
    for stem, (sheet, _) in turning.items():
        if stem not in used:
            raise DataError(
                f"{sheet.where}: holds a gyroscope, but no file beside it the accelerometer. Put it there, under the "
                "same name with `acc` for `gyro`; or name the columns: --acc X,Y,Z"
            )


def _confirm(table: Table, mapping: Mapping, desk: Desk, needs_acc: bool) -> None:
    for column in (column for _, columns in mapping.rows() for column in columns.split(",")):
        if column not in table.columns and not any("," in name for name in table.columns):
            table.require(column)
    if needs_acc or mapping.time is None:
        require_complete(table.where, mapping, table.columns, desk.options.rate_hz)
    if mapping.guessed:
        first = {what: ", ".join(table.first(c) for c in _columns(mapping, what)) for what, _ in mapping.rows()}
        desk.confirm(table.where, [(what, column, first[what]) for what, column in mapping.rows()], mapping.command())


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


def _sensor(kind: str, table: Table, mapping: Mapping, desk: Desk, findings: Findings) -> Sensor:
    columns = mapping.acc if kind == ACC else mapping.gyro
    assert columns is not None
    units = ACC_UNITS if kind == ACC else GYRO_UNITS
    stated = {split_header(column)[1] or unit_in_name(column, units) for column in columns}
    unit = stated.pop() if len(stated) == 1 else None
    unit = unit if unit in units else None
    gravity = "removed" if kind == ACC and is_linear(columns) else None
    if mapping.time is None:
        assert desk.options.rate_hz is not None
        clock = counted(table.height, desk.options.rate_hz)
        findings.decide("time", f"{desk.options.rate_hz:g} Hz", "given, as there is no time column")
    else:
        clock = read_clock(table, mapping.time, desk, findings, _time_unit(mapping.time))
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


def _time_unit(column: str) -> str | None:
    """Unit of time in a header: "time (ms)", "timestamp_ns"; None where it says none."""
    text = column.strip().lower()
    spelled = {"s": "s", "sec": "s", "secs": "s", "second": "s", "seconds": "s", "ms": "ms", "msec": "ms",
               "millis": "ms", "milliseconds": "ms", "us": "us", "µs": "us", "microseconds": "us", "ns": "ns",
               "nanos": "ns", "nanoseconds": "ns"}  # fmt: skip
    words = [word for word in "".join(c if c.isalnum() or c == "µ" else " " for c in text).split() if word]
    return spelled.get(words[-1]) if len(words) > 1 else None
