"""Options of an import: all that a user may say about recordings and the files do not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from otolith.errors import DataError, unknown
from otolith.importing.naming.unit_words import ACC_UNITS, GRAVITY, GYRO_UNITS, TIME_UNITS
from otolith.importing.naming.units import factor_of
from otolith.importing.study import read_layout
from otolith.importing.times.local_time import known_zone

NONE = "none"
"""Given for a column, it says that there is none, whatever a column is called."""


@dataclass(frozen=True)
class ImportOptions:
    """Decisions of the user; whatever is None is taken from the files where they decide it, else asked or refused.

    A column called "none" says that there is none.

    Args:
        format: name of a format of `otolith.importing.formats`; None recognises it.
        time, label, recording, subject_column: columns of a plain table.
        acc, gyro: its columns of the sensor's x, y and z, in this order; "a+b" is the sum of two columns.
        place: the place on the body, or the device, whose sensors are taken where a table has several; "all": each of
            them becomes a recording of its own.
        time_unit: s, ms, us or ns: of a time column that holds numbers.
        time_format: of a time column that holds text other than ISO 8601, such as "%d.%m.%Y %H:%M:%S%.f".
        rate_hz: sampling rate of tables without a time column.
        acc_unit: m/s^2, g or mg; of raw counts how many make a g ("4096/g"), or their range and bits ("8g/16bit").
        gyro_unit: rad/s, deg/s or mdeg/s; of raw counts "16.4/dps" or "2000dps/16bit".
        gravity: "included" in the accelerometer's signal or "removed" from it.
        subject: the person who wore the device in all recordings.
        subject_folder: the subject is the first folder below the source, or the source's own name.
        labels: file of intervals: recording, start, end, activity.
        label_map: file that renames and merges activities, see `otolith.importing.labels.activities.read_map`.
        keep_case: hold activities apart that differ only in case or blanks.
        acc_only: leave the gyroscope out.
        accept_guess: take a complete guess of the columns without confirmation.
        layout: file that answers the same for a whole study, see `otolith.importing.study`; what is given here holds.
        timezone: zone of times that name none, such as Europe/Berlin.
        leave_out: leave out files that cannot be read or used, and tell why; otherwise the first of them is an error.

    Raises:
        DataError: a value has no meaning; names the option, what it was and what it may be.

    >>> ImportOptions(acc=("ax", "ay", "az"), acc_unit="g", rate_hz=50).acc_unit
    'g'
    """

    format: str | None = None
    time: str | None = None
    acc: tuple[str, ...] | None = None
    gyro: tuple[str, ...] | None = None
    place: str | None = None
    label: str | None = None
    recording: str | None = None
    subject_column: str | None = None
    time_unit: str | None = None
    time_format: str | None = None
    rate_hz: float | None = None
    acc_unit: str | None = None
    gyro_unit: str | None = None
    gravity: str | None = None
    subject: str | None = None
    subject_folder: bool = False
    labels: Path | None = None
    label_map: Path | None = None
    keep_case: bool = False
    acc_only: bool = False
    accept_guess: bool = False
    leave_out: bool = False
    layout: Path | None = None
    timezone: str | None = None

    def __post_init__(self) -> None:
        if self.layout is not None:
            said = read_layout(self.layout)
            if {self.subject, self.subject_column} != {None} or self.subject_folder:  # who it was is one answer
                said = {name: value for name, value in said.items() if not name.startswith("subject")}
            for name, value in said.items():
                if getattr(self, name) in (None, False):
                    object.__setattr__(self, name, value)
        if self.timezone is not None and known_zone(self.timezone) is None:
            raise DataError(f"--timezone: {self.timezone!r} is no zone. Give one such as Europe/Berlin or UTC.")
        for option, value, known in (
            ("--gravity", self.gravity, GRAVITY),
            ("--time-unit", self.time_unit, TIME_UNITS),
        ):
            if value is not None and value not in known:
                raise DataError(f"{option}: {unknown('value', value, known)}")
        for option, value, units, counts in (
            ("--acc-unit", self.acc_unit, ACC_UNITS, ("4096/g", "8g/16bit")),
            ("--gyro-unit", self.gyro_unit, GYRO_UNITS, ("16.4/dps", "2000dps/16bit")),
        ):
            if value is not None and factor_of(value, units) is None:
                raise DataError(
                    f"{option}: {unknown('value', value, units)} Raw counts are said such as {' or '.join(counts)}."
                )
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
