"""What a user may say about recordings that the files do not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from otolith.errors import DataError, unknown
from otolith.importing.units import ACC_UNITS, GRAVITY, GYRO_UNITS

TIME_UNITS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
"""Nanoseconds in each unit of time."""

NONE = "none"
"""Given for a column, it says that there is none, whatever a column is called."""


@dataclass(frozen=True)
class ImportOptions:
    """Whatever is None is taken from the files where they decide it, else asked or refused.

    Columns (`time`, `acc`, `gyro`, `label`, `recording`, `subject_column`) concern tables of no known format; a
    column called "none" says that there is none. `acc` and `gyro` name the x, y and z columns in this order.
    """

    format: str | None = None
    """Name of a format of `otolith.importing.formats`; None recognises it."""
    time: str | None = None
    acc: tuple[str, ...] | None = None
    gyro: tuple[str, ...] | None = None
    label: str | None = None
    recording: str | None = None
    subject_column: str | None = None
    time_unit: str | None = None
    """s, ms, us or ns: of a time column that holds numbers."""
    time_format: str | None = None
    """Of a time column that holds text which is no ISO 8601, such as "%d.%m.%Y %H:%M:%S%.f"."""
    rate_hz: float | None = None
    """Sampling rate of tables without a time column."""
    acc_unit: str | None = None
    gyro_unit: str | None = None
    gravity: str | None = None
    """"included" or "removed" from the accelerometer's signal."""
    subject: str | None = None
    """Who wore the device in all recordings."""
    subject_folder: bool = False
    """The subject is the first folder below the source, or the source's own name."""
    labels: Path | None = None
    """File of intervals: recording, start, end, activity."""
    acc_only: bool = False
    """Leave the gyroscope out."""
    accept_guess: bool = False
    """Take a complete guess of the columns without confirmation."""

    def __post_init__(self) -> None:
        """Refuse values that have no meaning, before any file is read.

        Raises:
            DataError: names the option, what it was and what it may be.
        """
        for option, value, known in (
            ("--acc-unit", self.acc_unit, ACC_UNITS),
            ("--gyro-unit", self.gyro_unit, GYRO_UNITS),
            ("--gravity", self.gravity, GRAVITY),
            ("--time-unit", self.time_unit, TIME_UNITS),
        ):
            if value is not None and value not in known:
                raise DataError(f"{option}: {unknown('value', value, known)}")
        for option, columns in (("--acc", self.acc), ("--gyro", self.gyro)):
            if columns is not None and columns != (NONE,) and (len(columns) != 3 or len(set(columns)) < 3):
                raise DataError(
                    f"{option} is {','.join(columns)!r}; expected three columns, x, y and z: {option} ax,ay,az"
                )
        if self.acc == (NONE,):
            raise DataError("--acc none: the accelerometer is needed. Name its three columns.")
        if self.rate_hz is not None and not (math.isfinite(self.rate_hz) and 1 <= self.rate_hz <= 10_000):
            raise DataError(f"--rate is {self.rate_hz:g} Hz; expected 1 to 10,000.")
        if sum(map(bool, (self.subject, self.subject_column not in (None, NONE), self.subject_folder))) > 1:
            raise DataError(
                "Give one of --subject, --subject-column and --subject-folder; each says who wore the device."
            )
