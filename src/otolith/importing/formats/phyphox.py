"""phyphox (Android, iOS): a CSV for each table of the experiment, quoted headers such as `"Acceleration x (m/s^2)"`.

Any of its five dialects of separators and decimals; cells without a value are NaN. "Linear ..." is without gravity, and
passed over where the other is there. `meta/time.csv` maps the experiment's time, which stands still in a pause, to the
system's: pauses become the gaps that they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from otolith.errors import DataError
from otolith.importing.formats.base import Claim, Format
from otolith.importing.naming.units import split_header
from otolith.importing.session import ACC, GYRO, Sensor, Session, axes
from otolith.importing.times.timing import Clock

if TYPE_CHECKING:
    from otolith.importing.findings import Findings
    from otolith.importing.questions import Questions
    from otolith.importing.session import Folder, Sheet
    from otolith.importing.tables.table import Table

TIME = "Time (s)"
EVENTS = ("event", "experiment time", "system time")
SENSORS = {"acceleration": ACC, "linear acceleration": ACC, "gyroscope": GYRO}
UNITS = {"m/s^2": ACC, "rad/s": GYRO}


class Triad(NamedTuple):
    """A sensor in a table: its columns x, y and z, and, if `linear`, without gravity."""

    sheet: Sheet
    kind: str
    linear: bool
    columns: tuple[str, ...]


Pauses = tuple[np.ndarray, np.ndarray, int | None]
"""Experiment times from which on, how many seconds of pause to add, and the start in ns since 1970."""


class Phyphox(Format):
    """The tables of one phyphox experiment."""

    name = "phyphox"
    title = "an export of phyphox"
    device = "phyphox (Android, iOS)"
    decided = "sensors and units by the headers, gravity, pauses"

    def sniff(self, folder: Folder) -> Claim | None:
        """Claim the tables with its time, and its `meta`, where one of the tables holds a sensor."""
        found = next((triad for sheet in folder.sheets for triad in _triads(sheet)), None)
        if found is None:
            return None
        ours = (each for each in folder.sheets if TIME in each.columns or each.member.place.parent.name == "meta")
        return Claim(tuple(ours), 0.9, f"it has the columns {TIME!r} and {found.columns[0]!r}")

    def sessions(self, folder: Folder, sheets: Sequence[Sheet], questions: Questions) -> Iterator[Session]:
        found = [triad for sheet in sheets for triad in _triads(sheet)]
        if any(triad.kind == ACC and not triad.linear for triad in found):
            found = [triad for triad in found if not triad.linear]
        meta = [sheet for sheet in sheets if sheet.member.place.parent.name == "meta"]
        events = next((sheet for sheet in meta if set(EVENTS) <= set(sheet.columns)), None)
        used = {triad.sheet.where for triad in found}
        used |= {sheet.where for sheet in meta if sheet is events or sheet.stem != "time"}
        passed = sorted(sheet.where for sheet in sheets if sheet.where not in used)
        for name, group in _groups(folder, found, bool(meta)):
            tables = {triad.sheet.where: triad.sheet.table() for triad in group}
            findings = self.findings(*tables.values())
            findings.passed_over = passed
            pauses = _pauses(events.table(), findings) if events is not None else None
            sensors = [_sensor(tables[triad.sheet.where], triad, pauses) for triad in group]
            yield Session(name, sensors, findings, folder=folder.top)


def _groups(folder: Folder, found: list[Triad], whole: bool) -> list[tuple[str, list[Triad]]]:
    """Return the sensors of each recording: all that lie together, or each table where several hold the same sensor.

    Raises:
        DataError: several tables hold the same sensor, and one of them lacks the accelerometer.
    """
    by_sheet: dict[str, list[Triad]] = {}
    for triad in found:
        by_sheet.setdefault(triad.sheet.where, []).append(triad)
    if len({triad.kind for triad in found}) == len(found) and (whole or len(by_sheet) > 1):
        return [(folder.name, found)]
    for where, group in by_sheet.items():
        if all(triad.kind != ACC for triad in group):
            raise DataError(
                f"{where}: holds a gyroscope, but which of the accelerometers beside it belongs to it cannot be told. "
                "Put each recording into a folder or an archive of its own."
            )
    return [(folder.join(group[0].sheet.stem), group) for group in by_sheet.values()]


def _sensor(table: Table, triad: Triad, pauses: Pauses | None) -> Sensor:
    clock, values = _clock(table.numbers(TIME), pauses), axes(table, triad.columns)
    unit, header = split_header(triad.columns[0])[1], f"the header {triad.columns[0]!r}"
    gravity = None if triad.kind == GYRO else "removed" if triad.linear else "included"
    why = "phyphox exports the accelerometer with gravity, linear acceleration without"
    return Sensor(triad.kind, table, clock, values, unit, header, gravity, why)


def _triads(sheet: Sheet) -> list[Triad]:
    """Return every sensor in a table with phyphox' time."""
    if TIME not in sheet.columns:
        return []
    found: dict[str, dict[str, str]] = {}
    for column in sheet.columns:
        text = split_header(column)[0].lower()
        if text.endswith(("x", "y", "z")):
            found.setdefault(text[:-1].rstrip(), {})[text[-1]] = column
    out = []
    for name, by_axis in found.items():
        kind = UNITS.get(split_header(by_axis.get("x", ""))[1] or "")
        # experiments of the user's own call the columns x, y and z; the table's name and the unit tell the sensor
        if kind is not None and len(by_axis) == 3 and (not name or SENSORS.get(name) == kind):
            linear = kind == ACC and "linear" in (name or sheet.stem.lower())
            out.append(Triad(sheet, kind, linear, tuple(by_axis[axis] for axis in "xyz")))
    return out


def _pauses(events: Table, findings: Findings) -> Pauses | None:
    """Return the pauses that `meta/time.csv` names; None where it says nothing of use."""
    kinds = [kind.upper() for kind in events.texts("event")]
    experiment, system = events.numbers("experiment time"), events.numbers("system time")
    starts = [i for i, kind in enumerate(kinds) if kind == "START"]
    if not starts or not np.isfinite(experiment[starts]).all() or not np.isfinite(system[starts]).all():
        return None
    first = starts[0]
    begin = experiment[starts]
    paused = system[starts] - system[first] - (begin - experiment[first])
    paused = np.maximum.accumulate(np.maximum(paused, 0.0))
    if len(starts) > 1:
        findings.decide("pauses", f"{len(starts) - 1}, {paused[-1]:.1f} s in all", f"{events.where}; they are gaps")
    epoch = system[first] - experiment[first]
    return begin, paused, round(epoch * 1000) * 1_000_000 if 3e8 < epoch < 9e9 else None


def _clock(times: np.ndarray, pauses: Pauses | None) -> Clock:
    if pauses is None:
        return Clock(times)
    begin, paused, origin = pauses
    at = np.clip(np.searchsorted(begin, np.nan_to_num(times), side="right") - 1, 0, len(begin) - 1)
    return Clock(times + paused[at], origin, "UTC" if origin is not None else "")


SPEC = Phyphox()
