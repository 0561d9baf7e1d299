"""Tables of public data sets without any names: told by their width and their numbers, read as their publisher says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from otolith.importing.formats.base import Claim, Format
from otolith.importing.sensors.evidence import acc_unit_of_data, blocks_of
from otolith.importing.sensors.headless import LARGEST
from otolith.importing.sensors.places import ALL, chosen_places
from otolith.importing.session import ACC, GYRO, Sensor, Session, axes
from otolith.importing.tables.layout import is_number, number_of
from otolith.importing.times.timing import counted, read_clock

if TYPE_CHECKING:
    from otolith.importing.questions import Questions
    from otolith.importing.session import Folder, Sheet
    from otolith.importing.tables.table import Table

LEAST_ROWS = 100
NONE = ""


@dataclass(frozen=True)
class Site:
    """Columns of a place, counted from 1: the first of the accelerometer's three and of the gyroscope's (0: none)."""

    acc: int
    gyro: int = 0


class KnownTable(Format):
    """A layout that a publisher documents; each file is a recording of one person at the place that is chosen."""

    width: ClassVar[int]
    time: ClassVar[int] = 0
    """Column of time in s; 0 for none."""
    rate_hz: ClassVar[float]
    label: ClassVar[int]
    activities: ClassVar[Mapping[int, str]]
    """Names of the labels that mean one."""
    labels: ClassVar[frozenset[int]]
    """All labels that occur."""
    sites: ClassVar[Mapping[str, Site]]

    def fits(self, columns: NDArray[np.float64]) -> bool:
        """Tell if the numbers (columns, rows) do what those of this data set do, beyond `sniff`."""
        return True

    def sniff(self, folder: Folder) -> Claim | None:
        """Claim the tables of its width whose labels, time and accelerometers do as they should."""
        ours = [sheet for sheet in folder.sheets if self._is_ours(sheet)]
        if not ours:
            return None
        return Claim(tuple(ours), 0.85, f"it has {self.width} columns without names, whose numbers do as there")

    def _is_ours(self, sheet: Sheet) -> bool:
        layout = sheet.layout
        if layout is None or layout.names or layout.width != self.width:
            return False
        rows = [row for row in sheet.first_rows if len(row) >= self.width]
        if len(rows) < LEAST_ROWS:
            return False
        cells = [[number_of(cell) if is_number(cell) else np.nan for cell in row[: self.width]] for row in rows]
        columns = np.array(cells, np.float64).T
        columns[np.abs(columns) > LARGEST] = np.nan
        labels = columns[self.label - 1]
        if not np.isfinite(labels).all() or not set(labels.tolist()) <= {float(each) for each in self.labels}:
            return False
        if self.time and not (np.diff(columns[self.time - 1]) > 0).all():
            return False
        shown = [_shows_gravity(columns[site.acc - 1 : site.acc + 2], self.rate_hz) for site in self.sites.values()]
        return 2 * sum(shown) > len(shown) and self.fits(columns)

    def sessions(self, folder: Folder, sheets: Sequence[Sheet], questions: Questions) -> Iterator[Session]:
        for sheet in sheets:
            table = sheet.table()
            meanings = [
                (name, f"column {site.acc} ..., " + ("and a gyroscope" if site.gyro else "no gyroscope"))
                for name, site in self.sites.items()
            ]
            named = questions.options.acc is not None
            for place in [""] if named else chosen_places(sheet.where, meanings, questions):
                yield self._session(folder, sheet, table, place, questions)

    def _session(self, folder: Folder, sheet: Sheet, table: Table, place: str, questions: Questions) -> Session:
        findings = self.findings(table)
        options, name = questions.options, folder.join(sheet.stem)
        if place:
            findings.decide("place", place, "one of those in the file")
            acc, gyro = _three(self.sites[place].acc), _three(self.sites[place].gyro)
        else:
            acc, gyro = options.acc or (), options.gyro or ()
        if self.time:
            clock = read_clock(table, f"column {self.time}", questions, findings, "s")
        else:
            clock = counted(table.height, options.rate_hz or self.rate_hz)
            findings.decide("time", f"{clock.regular:g} Hz", "the publisher documents it")
        sensors = [Sensor(ACC, table, clock, axes(table, acc))]
        if len(gyro) == 3 and not options.acc_only:
            sensors.append(Sensor(GYRO, table, clock, axes(table, gyro)))
        codes = table.numbers(f"column {self.label}")
        names = [self.activities.get(int(code), NONE) if np.isfinite(code) else NONE for code in codes.tolist()]
        several = place and options.place is not None and options.place.strip().lower() == ALL
        return Session(f"{name} {place}" if several else name, sensors, findings, sheet.stem, names, folder.top)


def _three(first: int) -> tuple[str, ...]:
    return tuple(f"column {first + each}" for each in range(3)) if first else ()


def _shows_gravity(values: NDArray[np.float64], rate_hz: float) -> bool:
    values = values[:, np.isfinite(values).all(axis=0)]
    if values.shape[1] < LEAST_ROWS:
        return False
    return acc_unit_of_data(blocks_of((np.arange(values.shape[1]) / rate_hz, values))) == "m/s^2"
