"""What a format hands over: the sensors of one recording, still in the file's units and on the file's clocks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from otolith.importing.disk_buffer import Texts
from otolith.importing.findings import Findings
from otolith.importing.parquet_worker import columns_of, read_parquet
from otolith.importing.sources import Member
from otolith.importing.table import Table
from otolith.importing.text import HEAD_BYTES, header_of, read_table
from otolith.importing.timing import Clock

ACC, GYRO = "accelerometer", "gyroscope"
SENSORS = {ACC: ("acc_x", "acc_y", "acc_z"), GYRO: ("gyro_x", "gyro_y", "gyro_z")}
"""Channels of each sensor."""


@dataclass(frozen=True)
class Sheet:
    """A file that may hold a table; its header is known, the rest is read when asked for."""

    member: Member

    @property
    def stem(self) -> str:
        return self.member.stem

    @property
    def where(self) -> str:
        return self.member.where

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of its columns; empty where it is no table."""
        if self.member.kind == ".parquet":
            return columns_of(self.member.read())
        return header_of(self.member.read_some(HEAD_BYTES))

    def table(self) -> Table:
        """All of it.

        Raises:
            DataError: it is damaged or no table.
        """
        content = self.member.read()
        if self.member.kind == ".parquet":
            return read_parquet(self.where, content)
        return read_table(self.where, content)


@dataclass(frozen=True)
class Folder:
    """Files that lie together: in one folder, or at one level of an archive."""

    place: PurePosixPath
    """Where it lies below what the user named."""
    source: str
    """What the user named, without its ending."""
    sheets: tuple[Sheet, ...]

    @property
    def name(self) -> str:
        """Name for a recording that fills the folder."""
        return "/".join(self.place.parts) or self.source

    @property
    def top(self) -> str:
        """First folder below the source, or the source's name: a subject's folder."""
        return self.place.parts[0] if self.place.parts else self.source


@dataclass(frozen=True)
class Sensor:
    """Three axes of one sensor, a value for each row of `table`; NaN where a row holds none.

    `unit` and `gravity` are what format or header say, None where they say nothing. `elsewhere` (rows,) marks rows
    that hold another sensor instead, as the format lays them out: nothing is missing there.
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


def axes(table: Table, columns: tuple[str, ...]) -> NDArray[np.float64]:
    """Three columns as (3, rows)."""
    table.require(*columns)
    return np.stack([table.numbers(column) for column in columns])
