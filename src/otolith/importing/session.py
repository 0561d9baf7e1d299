"""Sessions, which formats hand over: the sensors of one recording in the file's units and on the file's clocks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from otolith.errors import DataError
from otolith.importing.containers.members import Member
from otolith.importing.disk_buffer import Texts
from otolith.importing.findings import Findings
from otolith.importing.sensors.columns import summed
from otolith.importing.tables.json_text import is_json, json_columns, read_json
from otolith.importing.tables.layout import Layout
from otolith.importing.tables.parquet_worker import columns_of, read_parquet
from otolith.importing.tables.table import Table
from otolith.importing.tables.text import HEAD_BYTES, first_rows, is_binary, layout_of, names_in, read_table
from otolith.importing.tables.thousands import refuse_thousands
from otolith.importing.times.timing import Clock

ACC, GYRO = "accelerometer", "gyroscope"
SENSORS = {ACC: ("acc_x", "acc_y", "acc_z"), GYRO: ("gyro_x", "gyro_y", "gyro_z")}
"""Channels of each sensor."""
NO_ACC = "holds no accelerometer. Record it, too; the gyroscope alone is of no use."


@dataclass(frozen=True)
class Sheet:
    """A file that may hold a table; its header is known, the rest is read when asked for."""

    member: Member
    named_by: Sheet | None = field(default=None, kw_only=True)
    """File beside it that has the names of its columns, where it has none."""

    @property
    def stem(self) -> str:
        return self.member.place.stem

    @property
    def where(self) -> str:
        return self.member.where

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of its columns; empty where it is not a table."""
        if self.named_by is not None:
            return self.named_by.columns
        if self.member.kind == ".parquet":
            return columns_of(self.member.path or self.member.read())
        head = self.member.read_some(HEAD_BYTES)
        if self.is_json:
            whole = len(head) < HEAD_BYTES
            return json_columns(head) or (() if whole else json_columns(self.member.read()))
        return names_in(self.layout)

    @cached_property
    def is_json(self) -> bool:
        """True where it is a text in JSON."""
        return kind_of(self.member.kind, self.member.read_some(HEAD_BYTES)) == ".json"

    @cached_property
    def layout(self) -> Layout | None:
        """Layout of its table; None where it is not a text with a table."""
        if self.member.kind == ".parquet" or self.is_json:
            return None
        head = self.member.read_some(HEAD_BYTES)
        return None if is_binary(head) else layout_of(head)

    @property
    def has_names(self) -> bool:
        """True where its columns have names, or where that cannot be told."""
        return self.named_by is not None or self.layout is None or bool(self.layout.names)

    @property
    def first_rows(self) -> list[list[str]]:
        """Cells of the first rows of a text."""
        return first_rows(self.member.read_some(HEAD_BYTES))

    @property
    def blank(self) -> bool:
        """True where it holds nothing but blanks, as a button that nobody pressed leaves it."""
        head = self.member.read_some(HEAD_BYTES + 1)
        return len(head) <= HEAD_BYTES and not head.strip()

    def table(self) -> Table:
        """Read all of it.

        Raises:
            DataError: it is damaged or no table.
        """
        table = table_of(self.where, self.member.kind, self.member.read())
        if self.named_by is None:
            return table
        names, said = self.named_by.columns, () if self.named_by.layout is None else self.named_by.layout.units
        if len(names) != len(table.columns):
            raise DataError(f"{self.where}: has {len(table.columns)} columns and no names, expected {len(names)}.")
        what = f"has no names of columns; those of {self.named_by.member.place.name} were taken"
        frame = table.frame.rename(dict(zip(table.columns, names, strict=True)), strict=True)
        units = dict(zip(names, said, strict=False))
        return replace(table, frame=frame, units=units, repairs=[*table.repairs, (what, 1)])


def table_of(where: str, kind: str, content: bytes) -> Table:
    """Read a table from the bytes of a file whose name ends in `kind`, such as ".csv".

    Raises:
        DataError: it is damaged or no table.
    """
    readers = {".parquet": read_parquet, ".json": read_json}
    return readers.get(kind_of(kind, content[:HEAD_BYTES]), read_table)(where, content)


def kind_of(kind: str, head: bytes) -> str:
    """Return ".parquet", ".json" or ".csv": how a table is written, from the ending of a name and the first bytes."""
    if kind in (".parquet", ".json"):
        return kind
    return ".json" if kind in (".jsonl", ".ndjson") or is_json(head) else ".csv"


@dataclass(frozen=True)
class Folder:
    """Files that lie together: in one folder, or at one level of an archive."""

    place: PurePosixPath
    """Its path below the source that the user named."""
    source: str
    """The source's name without its ending."""
    sheets: tuple[Sheet, ...]

    @property
    def name(self) -> str:
        """Name for a recording that fills the folder."""
        return "/".join(self.place.parts) or self.source

    @property
    def top(self) -> str:
        """First folder below the source, or the source's name: a subject's folder."""
        return self.place.parts[0] if self.place.parts else self.source

    def join(self, stem: str) -> str:
        """Return the name for a recording that is one file of the folder."""
        return "/".join((*self.place.parts, stem))


@dataclass(frozen=True)
class Sensor:
    """Three axes of one sensor, a value for each row of `table`; NaN where a row holds none.

    `unit` and `gravity` are what format or header say, None where they say nothing. `unread` is what stands in place of
    a unit and is none that is known; `raw` says that the names of columns call them raw. `elsewhere` (rows,) marks
    rows that hold another sensor instead, as the format lays them out: nothing is missing there.
    """

    kind: str
    table: Table
    clock: Clock
    values: NDArray[np.float64]
    unit: str | None = None
    unit_why: str = ""
    gravity: str | None = None
    gravity_why: str = ""
    elsewhere: NDArray[np.bool_] | None = None
    unread: str = ""
    raw: bool = False


@dataclass
class Session:
    """One recording before it is repaired and converted."""

    name: str
    sensors: list[Sensor]
    findings: Findings
    subject: str | None = None
    labels: list[str] | Texts | None = None
    """Activity of each row of the first sensor's table, "" where none."""
    folder: str = ""
    place: str = ""
    """Place on the body that the file says of all rows."""


NO_SAMPLE = (999, 9999, 99999, 32767, 32768, 65535, 2147483647, 2147483648, 4294967295)
"""Numbers, of either sign, that stand in all axes of a row where a logger had no sample."""


def axes(table: Table, columns: tuple[str, ...]) -> NDArray[np.float64]:
    """Return three columns as (3, rows); a name such as "a+b" that no column has is the sum of two.

    Rows with one of `NO_SAMPLE` in all three hold NaN.
    """
    named = [summed(column, table.columns) for column in columns]
    table.require(*(part for parts in named for part in parts))
    with np.errstate(over="ignore", invalid="ignore"):
        if any(len(parts) > 1 for parts in named):
            return np.stack([np.sum([table.numbers(part) for part in parts], axis=0) for parts in named])
        values = np.stack([table.numbers(column) for column in columns])
        refuse_thousands([table.series(column) for column in columns], [*values], table.at)
    same = np.flatnonzero((values[1] == values[0]) & (values[2] == values[0]))
    values[:, same[np.isin(np.abs(values[0, same]), NO_SAMPLE)]] = np.nan
    return values
