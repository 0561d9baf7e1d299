"""Logs with the sensor's name in each row: how they are recognised, and read as a table of the motion sensors' rows."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from otolith.errors import DataError
from otolith.importing.naming.triads import places_of, sensor_named
from otolith.importing.naming.words import words_of
from otolith.importing.session import Sheet
from otolith.importing.tables.json_text import json_rows
from otolith.importing.tables.layout import is_number, number_of
from otolith.importing.tables.table import Table
from otolith.importing.tables.text import MAX_LINE, decode
from otolith.importing.times.columns import worth
from otolith.importing.times.timing import LATEST

HEAD = 1 << 16
LEAST_ROWS = 12
MOST_SENSORS = 60
SEPARATORS = ("\t", ";", ",", "|", " ")
COMMENTS = ("%", "#", "//")
TYPES = {"1": ("acc", "", 1), "4": ("gyro", "", 1), "9": ("gravity", "", 1), "10": ("linear", "", 1),
         "35": ("acc", "", 6), "16": ("gyro", "", 6)}  # fmt: skip
"""Android's numbers for types of sensors (android.hardware.Sensor)."""
_BRACKETS = " \t\r[](){}\"'"
_VALUE = re.compile(r"(?:v|val|value|values|data|reading|axis|ch|channel) ?(\d)")
_PACKED = re.compile(r"[-+.\deE]+(?:[\s,;|]+[-+.\deE]+){2,}")


@dataclass(frozen=True)
class Log:
    """Layout of a log.

    Attributes:
        separator: of cells.
        names: of the columns; empty where none are written.
        column: of the sensor's name.
        sensors: kind, place and rank of each name of a motion sensor.
        rows: cells of the first rows.
    """

    separator: str
    names: tuple[str, ...]
    column: int
    sensors: dict[str, tuple[str, str, int]]
    rows: list[list[str]]


def sniffed(head: bytes, whole: bool = False) -> Log | None:
    """Return the layout of a log from its first bytes; None for any other file.

    >>> lines = [f"{n * 20},{name},0.1,0.2,9.8" for n in range(10) for name in ("Accelerometer", "Gyroscope")]
    >>> found = sniffed("\\n".join(lines).encode())
    >>> found.column, sorted(found.sensors)
    (1, ['Accelerometer', 'Gyroscope'])
    """
    try:
        lines = decode("", head)[0].split("\n")
    except DataError:
        return None
    lines = [line for line in (lines if whole or len(head) < HEAD else lines[:-1]) if line.strip()]
    lines = [line for line in lines if not line.lstrip().startswith(COMMENTS)][:2000]
    if len(lines) <= LEAST_ROWS or max(map(len, lines)) > MAX_LINE:
        return None
    for separator in SEPARATORS:
        rows = [cells_of(line, separator) for line in lines]
        names = tuple(rows[0]) if len(rows[0]) > 2 and not any(map(is_number, rows[0])) else ()
        if names and sensor_named(rows[0][0]) is None and len(set(names)) == len(names):
            body = rows[1:]
        else:
            names, body = (), rows
        for column in range(min(8, min(map(len, body)))):
            sensors = _sensors({row[column] for row in body}, names[column] if len(names) > column else "", names)
            if sensors is not None:
                moving = [row for row in body if row[column] in sensors]
                if len(moving) >= LEAST_ROWS and sum(_has_three(row, column) for row in moving) >= 0.9 * len(moving):
                    return Log(separator, names, column, sensors, moving)
    return None


def tabled(sheet: Sheet) -> tuple[Log, Table] | None:
    """Return the layout of a log in JSON or Parquet, and its rows of motion sensors; None for any other file."""
    if sheet.member.kind != ".parquet" and not _may_name_sensors(sheet):
        return None
    try:
        table = sheet.table()
    except DataError:
        return None  # whoever reads it tells
    for column, name in enumerate(table.columns if len(table.columns) <= MOST_SENSORS else ()):
        if not table.may_name(name, MOST_SENSORS):
            continue
        text = table.said(name)
        if text.n_unique() > MOST_SENSORS:
            continue
        sensors = _sensors(set(text.unique().to_list()) - {""}, name, table.columns)
        if sensors is not None:
            rows = table.only(text.is_in(list(sensors)).to_numpy())
            if rows.height >= LEAST_ROWS:
                return Log("", table.columns, column, sensors, []), rows
    return None


def _may_name_sensors(sheet: Sheet) -> bool:
    if not sheet.is_json:
        return False
    rows = json_rows(sheet.member.read_some(HEAD))
    return not rows or any(sensor_named(cell) is not None for row in rows[:LEAST_ROWS] for cell in row.values() if cell)


def _sensors(cells: set[str], name: str, columns: Sequence[str]) -> dict[str, tuple[str, str, int]] | None:
    """Return what the cells of a column mean, if they are names of sensors, of which one moves or turns.

    Numbers are Android's types of sensors, unless each row holds an accelerometer and a gyroscope: then of devices.
    """
    if len(cells) > MOST_SENSORS:
        return None
    if all(map(str.isdigit, cells)):
        known = set(words_of(name).split()) & {"sensor", "type", "sensortype"}
        if any(place.acc and place.gyro for place in places_of(columns)):
            return None
        found = {cell: TYPES[cell] for cell in cells & TYPES.keys()} if known else {}
    elif any(map(is_number, cells)):
        return None
    else:
        found = {cell: meaning for cell in sorted(cells) if (meaning := sensor_named(cell)) is not None}
    kinds = {kind for kind, _, _ in found.values()}
    return found if kinds & {"acc", "linear", "gyro"} else None


def _has_three(row: Sequence[str], column: int) -> bool:
    others = [cell for at, cell in enumerate(row) if at != column]
    return sum(map(is_number, others)) >= 3 or any(_PACKED.fullmatch(cell) for cell in others)


def cells_of(line: str, separator: str) -> list[str]:
    """Split a line into cells without blanks, quotes and brackets around them."""
    if '"' in line and separator != " ":
        try:
            return [cell.strip(_BRACKETS) for cell in next(csv.reader([line], delimiter=separator), [])]
        except csv.Error:
            pass
    cells = line.split() if separator == " " else line.split(separator)
    return [cell.strip(_BRACKETS) for cell in cells]


def read_log(sheet: Sheet, log: Log) -> Table:
    """Read the rows of motion sensors; a cell with several values becomes columns of its own, "value 1", ...

    Raises:
        DataError: it is no text.
    """
    import polars as pl

    text, repairs = decode(sheet.where, sheet.member.read())
    width = max(len(log.names), max(map(len, log.rows)))
    packed = _packed_column(log)
    names = [*log.names, *(f"column {n + 1}" for n in range(len(log.names), width))]
    rows: list[list[str]] = []
    lines: list[int] = []
    short: list[int] = []
    least = int(np.percentile([len(row) for row in log.rows], 5))
    for number, cells in _rows(text, log.separator):
        if len(cells) <= log.column or cells[log.column] not in log.sensors:
            continue
        if len(cells) < least:
            short.append(number)
            continue
        cells = (cells + [""] * width)[:width]
        rows.append(cells if packed is None else cells + (re.split(r"[\s,;|]+", cells[packed]) + [""] * 3)[:3])
        lines.append(number)
    if packed is not None:
        names += ["value 1", "value 2", "value 3"]
    if short:
        words = f"{len(short):,} row(s) with too few cells were left out, from line {short[0]} on"
        repairs.append((words, len(short)))
    frame = pl.DataFrame(dict(zip(names, zip(*rows, strict=True), strict=True)), schema=dict.fromkeys(names, pl.String))
    return Table(sheet.where, frame, np.array(lines, np.int64), repairs=repairs, unit="line")


def _rows(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip() and not line.lstrip().startswith(COMMENTS):
            yield number, cells_of(line, separator)


def _packed_column(log: Log) -> int | None:
    """Return the column whose cells hold three values each; None where each value has a column."""
    first = log.rows[0]
    if sum(is_number(cell) for at, cell in enumerate(first) if at != log.column) >= 4:
        return None
    return next((at for at, cell in enumerate(first) if at != log.column and _PACKED.fullmatch(cell)), None)


def numbered_axes(columns: Sequence[str]) -> tuple[str, ...]:
    """Return the columns x, y and z where they are called by numbers, such as value_0; none where they are not.

    >>> numbered_axes(["time", "values[0]", "values[1]", "values[2]", "accuracy"])
    ('values[0]', 'values[1]', 'values[2]')
    """
    plain = {column: words_of(re.sub(r"[\[\]]", " ", column)) for column in columns}  # a number is no unit
    found = {int(match[1]): column for column, words in plain.items() if (match := _VALUE.fullmatch(words))}
    for first in (0, 1):
        if {first, first + 1, first + 2} <= found.keys():
            return tuple(found[first + each] for each in range(3))
    return ()


def unnamed(table: Table, skip: str) -> tuple[str | None, tuple[str, ...]]:
    """Return the column of time and those of the axes of a table of one sensor, by what their numbers do.

    The axes are the first three columns side by side that hold numbers, which neither never fall nor never change.
    """
    head = table.frame.head(2000)
    cells = {column: head[column].fill_null("").to_list() for column in table.columns if column != skip}
    clocks = {column: _never_falls(said) for column, said in cells.items()}
    times = [column for column, never in clocks.items() if never and worth(cells[column]) > (0,)]
    time = max(times, key=lambda column: worth(cells[column])) if times else None
    moving = {column for column, said in cells.items() if not clocks[column] and _changes(said)}
    order = list(table.columns)
    for at in range(len(order) - 2):
        if set(order[at : at + 3]) <= moving:
            return time, tuple(order[at : at + 3])
    return time, ()


def _numbers(cells: Sequence[str]) -> list[float]:
    values = (number_of(cell) for cell in cells if is_number(cell))
    return [min(max(value, -LATEST), LATEST) for value in values]


def _never_falls(cells: Sequence[str]) -> bool:
    values = _numbers(cells)
    if len(values) < 0.9 * len(cells):
        return worth(cells) > (0,)
    steps = np.diff(values)
    return bool(len(steps) and (steps >= 0).mean() > 0.98 and (steps > 0).mean() > 0.1)


def _changes(cells: Sequence[str]) -> bool:
    values = _numbers(cells)
    return len(values) >= 0.9 * len(cells) and len(set(values)) > 1
