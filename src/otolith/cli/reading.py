"""Options of the commands that read recordings of users' own: `import`, `predict`, `live` and `calibrate`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from otolith.cli.shared import Flag

if TYPE_CHECKING:
    from otolith.importing import ImportOptions
    from otolith.progress.display import LiveProgress

Columns = Annotated[str | None, Parameter(metavar="X,Y,Z")]
File = Annotated[Path | None, Parameter(metavar="FILE")]
Column = Annotated[str | None, Parameter(metavar="COLUMN")]


@dataclass(frozen=True)
class Reading:
    """Options on the reading of files, for what they do not say themselves.

    Attributes:
        time: Column of time.
        acc: Columns of the accelerometer.
        gyro: Columns of the gyroscope.
        place: Whose sensors to take of a table with several, such as left wrist; all: each as a recording of its own.
        label: Column of activities.
        recording: Column that tells recordings in one table apart.
        subject_column: Column that tells who wore the device.
        subject: Who wore the device in all recordings.
        subject_folder: The subject is the first folder below SOURCE.
        time_unit: s, ms, us or ns.
        time_format: Format of times that are not ISO 8601, such as "%d.%m.%Y %H:%M:%S%.f".
        rate: Sampling rate in Hz of tables without time.
        acc_unit: m/s^2, g or mg; raw counts: how many make a g (4096/g), or range and bits (8g/16bit).
        gyro_unit: rad/s, deg/s or mdeg/s; raw counts: 16.4/dps, or range and bits (2000dps/16bit).
        gravity: included or removed: whether the accelerometer shows gravity.
        acc_only: Leave the gyroscope out.
        labels: File of intervals: recording, start, end, activity.
        label_map: File that renames and merges activities: two columns, as written and as meant (none: leave out).
        keep_case: Hold activities apart that differ only in case or blanks.
        timezone: Zone of times that name none, and of days and hours; default: the recording's own, else UTC.
        layout: File in TOML that answers these questions once for a whole study.
        read_as: Name of a format, such as sensor_logger, phyphox or table; default: the one that fits.
        yes: Take a complete guess of the columns as it is.
    """

    time: Column = None
    acc: Columns = None
    gyro: Columns = None
    place: Annotated[str | None, Parameter(metavar="NAME")] = None
    label: Column = None
    recording: Column = None
    subject_column: Column = None
    subject: Annotated[str | None, Parameter(metavar="NAME")] = None
    subject_folder: Flag = False
    time_unit: str | None = None
    time_format: str | None = None
    rate: float | None = None
    acc_unit: str | None = None
    gyro_unit: str | None = None
    gravity: str | None = None
    acc_only: Flag = False
    labels: File = None
    label_map: File = None
    keep_case: Flag = False
    timezone: Annotated[str | None, Parameter(metavar="ZONE")] = None
    layout: File = None
    read_as: Annotated[str | None, Parameter(metavar="NAME")] = None
    yes: Flag = False

    def options(self, **more: Any) -> ImportOptions:
        """Return these options for `otolith.importing`; `more` are those of one command."""
        from otolith.importing import ImportOptions

        return ImportOptions(
            time=self.time,
            acc=_split(self.acc),
            gyro=_split(self.gyro),
            place=self.place,
            label=self.label,
            recording=self.recording,
            subject_column=self.subject_column,
            subject=self.subject,
            subject_folder=self.subject_folder,
            time_unit=self.time_unit,
            time_format=self.time_format,
            rate_hz=self.rate,
            acc_unit=self.acc_unit,
            gyro_unit=self.gyro_unit,
            gravity=self.gravity,
            acc_only=self.acc_only,
            labels=self.labels,
            label_map=self.label_map,
            keep_case=self.keep_case,
            timezone=self.timezone,
            layout=self.layout,
            format=self.read_as,
            accept_guess=self.yes,
            **more,
        )


READING = Reading()
"""The options where none is given."""
Flat = Annotated[Reading, Parameter(name="*")]


def _split(columns: str | None) -> tuple[str, ...] | None:
    return None if columns is None else tuple(name.strip() for name in columns.split(","))


@contextmanager
def as_dataset(source: str | None, options: ImportOptions, progress: LiveProgress) -> Iterator[str | None]:
    """Yield the name or folder of a data set; what `otolith import` reads is one for as long as the context lasts."""
    from otolith import datasets
    from otolith.datasets.card import CARD

    path = None if source is None or source in datasets.names() else Path(source).expanduser()
    if path is None or not path.exists() or (path / CARD).is_file():
        yield source
        return
    from otolith.cli.terminal import terminal
    from otolith.importing import import_recordings

    with TemporaryDirectory(prefix="otolith-") as folder:
        out = Path(folder) / (path.stem or "recordings")
        import_recordings(path, out, options, ask=terminal(progress), progress=progress)
        yield str(out)
