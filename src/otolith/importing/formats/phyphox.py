"""phyphox (Android, iOS): a CSV for each table of the experiment, quoted headers such as `"Acceleration x (m/s^2)"`.

Any of its five dialects of separators and decimals; cells without a value are NaN. "Linear ..." is without gravity, and
passed over where the other is there. `meta/time.csv` maps the experiment's time, which stands still in a pause, to the
system's: pauses become the gaps that they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from otolith.errors import DataError
from otolith.importing.formats.base import Format
from otolith.importing.session import ACC, GYRO, Sensor, Session, axes
from otolith.importing.timing import Clock
from otolith.importing.units import split_header

if TYPE_CHECKING:
    from otolith.importing.findings import Findings
    from otolith.importing.questions import Questions
    from otolith.importing.session import Folder, Sheet
    from otolith.importing.table import Table

TIME = "Time (s)"
EVENTS = ("event", "experiment time", "system time")
SENSORS = {"acceleration": ACC, "linear acceleration": ACC, "gyroscope": GYRO}
UNITS = {ACC: ("m/s^2",), GYRO: ("rad/s",)}


Triple = tuple["Sheet", str, bool, tuple[str, ...]]
"""A table, a sensor in it, if gravity was removed, and its columns x, y and z."""
Pauses = tuple[np.ndarray, np.ndarray, int | None]
"""Experiment times from which on, how many seconds of pause to add, and the start in ns since 1970."""


class Phyphox(Format):
    """The tables of one phyphox experiment."""

    name = "phyphox"

    def claims(self, folder: Folder) -> list[Sheet]:
        """Return the tables with its time, and its `meta`, where one of the tables holds a sensor."""
        if not any(_triples(sheet) for sheet in folder.sheets):
            return []
        return [sheet for sheet in folder.sheets if TIME in sheet.columns or sheet.member.place.parent.name == "meta"]

    def sessions(self, folder: Folder, sheets: list[Sheet], questions: Questions) -> Iterator[Session]:
        found: list[Triple] = [(sheet, *triple) for sheet in sheets for triple in _triples(sheet)]
        if any(kind == ACC and not linear for _, kind, linear, _ in found):
            found = [each for each in found if not (each[1] == ACC and each[2])]
        meta = [sheet for sheet in sheets if sheet.member.place.parent.name == "meta"]
        used = {sheet.where for sheet, *_ in found} | {sheet.where for sheet in meta}
        passed = sorted(sheet.where for sheet in sheets if sheet.where not in used)
        events = next((sheet for sheet in meta if set(EVENTS) <= set(sheet.columns)), None)
        for name, group in _groups(folder, found, bool(meta)):
            tables = {sheet.where: sheet.table() for sheet, *_ in group}
            findings = self.findings(*tables.values())
            findings.passed_over = passed
            pauses = _pauses(events.table(), findings) if events is not None else None
            sensors = [_sensor(tables[each[0].where], each, pauses) for each in group]
            yield Session(name, sensors, findings, folder=folder.top)


def _groups(folder: Folder, found: list[Triple], whole: bool) -> list[tuple[str, list[Triple]]]:
    """Return the sensors of each recording: all that lie together, or each table where several hold the same sensor.

    Raises:
        DataError: several tables hold the same sensor, and one of them lacks the accelerometer.
    """
    kinds = [kind for _, kind, *_ in found]
    wheres = list(dict.fromkeys(sheet.where for sheet, *_ in found))
    if len(set(kinds)) == len(kinds) and (whole or len(wheres) > 1):
        return [(folder.name, found)]
    out = []
    for where in wheres:
        group = [each for each in found if each[0].where == where]
        if not any(kind == ACC for _, kind, *_ in group):
            raise DataError(
                f"{where}: holds a gyroscope, but which of the accelerometers beside it belongs to it cannot be told. "
                "Put each recording into a folder or an archive of its own."
            )
        out.append((folder.join(group[0][0].stem), group))
    return out


def _sensor(table: Table, triple: Triple, pauses: Pauses | None) -> Sensor:
    _, kind, linear, columns = triple
    clock = _clock(table.numbers(TIME), pauses)
    unit = split_header(columns[0])[1]
    gravity = None if kind == GYRO else "removed" if linear else "included"
    why = "phyphox exports the accelerometer with gravity, linear acceleration without"
    return Sensor(kind, table, clock, axes(table, columns), unit, f"the header {columns[0]!r}", gravity, why)


def _triples(sheet: Sheet) -> list[tuple[str, bool, tuple[str, ...]]]:
    """Return (sensor, gravity removed or not, columns x, y, z) for every sensor in a table with phyphox' time."""
    if TIME not in sheet.columns:
        return []
    found: dict[str, dict[str, str]] = {}
    for column in sheet.columns:
        text = split_header(column)[0].lower()
        if text.endswith(("x", "y", "z")):
            found.setdefault(text[:-1].rstrip(), {})[text[-1]] = column
    out = []
    for name, by_axis in found.items():
        if len(by_axis) < 3:
            continue
        columns = tuple(by_axis[axis] for axis in "xyz")
        unit = split_header(columns[0])[1]
        # experiments of the user's own call the columns x, y and z; the table's name and the unit tell the sensor
        kind = SENSORS.get(name) or (
            next((k for k, units in UNITS.items() if unit in units), None) if not name else None
        )
        if kind is not None and unit in UNITS[kind]:
            out.append((kind, name.startswith("linear") or (not name and "linear" in sheet.stem.lower()), columns))
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
