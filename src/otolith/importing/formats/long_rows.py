"""A table with one value a row: `time,sensor,axis,value`, or `time,signal,value` with signals such as `acc_x`.

Its rows are put side by side, one for each time, and then read as any plain table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from otolith.importing.formats.base import Claim
from otolith.importing.formats.generic import Generic
from otolith.importing.naming.triads import axis_of, sensor_named
from otolith.importing.naming.words import words_of
from otolith.importing.session import Sheet
from otolith.importing.tables.layout import is_number
from otolith.importing.tables.table import Table
from otolith.importing.times.columns import time_column

if TYPE_CHECKING:
    from otolith.importing.questions import Questions
    from otolith.importing.session import Folder, Session

VALUES = ("value", "values", "val", "reading", "measurement", "measure", "magnitude", "amplitude", "data", "wert",
          "messwert", "valeur", "valor", "valore", "waarde", "varde", "wartosc", "значение", "值",
          "数值", "値", "값")  # fmt: skip
"""Names of the column of values, where several hold numbers."""
AXES = ("x", "y", "z")
LEAST_ROWS = 12
MOST_COLUMNS = 12
MOST_SIGNALS = 60


@dataclass(frozen=True)
class Long:
    """Columns of a long table: time, value, those whose cells together name a signal, and all others."""

    time: str
    value: str
    signal: tuple[str, ...]
    others: tuple[str, ...]


@dataclass(frozen=True)
class Wide(Sheet):
    """A long table put side by side."""

    wide: Table | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        return self.table().columns

    @property
    def layout(self) -> None:
        return None

    def table(self) -> Table:
        assert self.wide is not None
        return self.wide


class LongRows(Generic):
    """Each file is a recording, or each subject or session that a column names."""

    name = "long_rows"
    title = "a table with one value a row"
    order = 50
    device = "data bases, research platforms"
    decided = "sensors and axes by the names in the rows; the rest as of any table"
    asked = "the same as of any table"

    def sniff(self, folder: Folder) -> Claim | None:
        """Claim the files in which a column, or two, name sensor and axis of the one value beside them."""
        ours = tuple(sheet for sheet in folder.sheets if _long(sheet) is not None)
        return Claim(ours, 0.85, "each row holds one value, and names its sensor and axis") if ours else None

    def sessions(self, folder: Folder, sheets: Sequence[Sheet], questions: Questions) -> Iterator[Session]:
        wide = []
        for sheet in sheets:
            found = _long(sheet)
            assert found is not None
            wide.append(Wide(sheet.member, widened(sheet.table(), found)))
        yield from super().sessions(folder, wide, questions)


def _long(sheet: Sheet) -> Long | None:
    if sheet.layout is not None:
        return long_of(sheet.columns, sheet.first_rows) if sheet.layout.names else None
    if not 3 <= len(sheet.columns) <= MOST_COLUMNS or not any(words_of(each) in VALUES for each in sheet.columns):
        return None
    table = sheet.table()
    cells = [table.said(column).head(1000).to_list() for column in table.columns]
    return long_of(table.columns, [list(row) for row in zip(*cells, strict=True)])


def long_of(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Long | None:
    """Return the meaning of a long table's columns; None for any other table.

    >>> rows = [[str(n), "acc", axis, "0.5"] for n in range(9) for axis in "xyz"]
    >>> long_of(["t", "sensor", "axis", "value"], rows)
    Long(time='t', value='value', signal=('sensor', 'axis'), others=())
    """
    rows = [row for row in rows if len(row) >= len(columns)]
    if not 3 <= len(columns) <= MOST_COLUMNS or len(rows) < LEAST_ROWS:
        return None
    cells = {column: [row[at].strip() for row in rows] for at, column in enumerate(columns)}
    kinds = {column: set(each) for column, each in cells.items() if len(set(each)) <= MOST_SIGNALS}
    signal: tuple[str, ...] = next(((column,) for column, each in kinds.items() if _are_signals(each)), ())
    if not signal:
        axis = next((c for c, each in kinds.items() if {_axis(cell) for cell in each} == set(AXES)), None)
        sensor = next((c for c, each in kinds.items() if c != axis and any(map(_moves, each))), None)
        if axis is None:
            return None
        signal = (axis,) if sensor is None else (sensor, axis)
    time = time_column([column for column in columns if column not in signal])
    numbers = [c for c in columns if c not in (*signal, time) and all(is_number(cell) or not cell for cell in cells[c])]
    named = [column for column in numbers if words_of(column) in VALUES]
    value = named[0] if named else numbers[0] if len(numbers) == 1 else None
    if time is None or value is None:
        return None
    used = (time, value, *signal)
    others = tuple(c for c in columns if c not in used and (c not in numbers or len(set(cells[c])) < len(rows) / 10))
    return Long(time, value, signal, others)


def _are_signals(cells: set[str]) -> bool:
    """Tell if cells name axes of sensors, three of one sensor at least."""
    found = [axis.axis for cell in cells if (axis := axis_of(cell)) is not None and axis.kind]
    return all(found.count(axis) for axis in AXES)


def _axis(cell: str) -> str:
    return words_of(cell).replace("axis", "").strip()


def _moves(cell: str) -> bool:
    return sensor_named(cell) is not None


def widened(table: Table, found: Long) -> Table:
    """Return a long table with a row for each time, and a column for each signal.

    Of several values of one signal at one time the first counts.
    """
    import polars as pl

    parts = [table.text(column).fill_null("") for column in found.signal]
    axis = parts[-1] if len(parts) == 1 else parts[-1].map_elements(_axis, return_dtype=pl.String)
    signal = axis if len(parts) == 1 else parts[0] + " " + axis
    lines = table.lines if table.lines is not None else np.arange(1, table.height + 1)
    index = [found.time, *found.others]
    frame = table.frame.select(*index, found.value).with_columns(signal.alias("/signal"), pl.Series("/line", lines))
    names = [str(name) for name in signal.unique(maintain_order=True) if name]
    value, at = pl.col(found.value), pl.col("/signal")
    wide = frame.group_by(index, maintain_order=True).agg(
        pl.col("/line").first(), *(value.filter(at == name).first().alias(name) for name in names)
    )
    together = wide.select(pl.sum_horizontal(pl.col(names).is_not_null())).to_series()
    if (together < len(names)).any():  # sensors with times of their own, which may stand one after the other
        number = pl.col(found.time).cast(pl.Float64, strict=False)
        wide = wide.sort([*found.others, number, found.time], maintain_order=True)
    numbers = wide["/line"].to_numpy()
    return Table(table.where, wide.drop("/line"), numbers, table.comments, table.repairs, table.unit)


SPEC = LongRows()
