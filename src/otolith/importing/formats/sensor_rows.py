"""A log with the sensor's name in each row: `time,sensor,x,y,z`, as many programs for Android write it.

The name may be any for an accelerometer, a gyroscope, gravity or linear acceleration, or Android's number for its type.
Rows of other sensors may have other numbers of cells. With names above the columns, those tell time and axes; else the
numbers do: the time is what never falls, the axes the three columns after it. Three values may also share a cell.
JSON and Parquet may have such rows, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from otolith.errors import DataError
from otolith.importing.formats.base import Claim, Format
from otolith.importing.naming.units import time_unit_in_name
from otolith.importing.naming.words import PLACES as ON_BODY
from otolith.importing.naming.words import words_of
from otolith.importing.questions import Undecided
from otolith.importing.sensors.columns import Mapping, guess, with_options
from otolith.importing.sensors.places import ALL, MOST_PLACES, UNNAMED, chosen_places
from otolith.importing.sensors.sensor_log import HEAD, Log, numbered_axes, read_log, sniffed, tabled, unnamed
from otolith.importing.session import ACC, GYRO, NO_ACC, Sensor, Session, axes
from otolith.importing.signals.gravity_sum import with_gravity
from otolith.importing.times.timing import counted, read_clock

if TYPE_CHECKING:
    from otolith.importing.findings import Findings
    from otolith.importing.questions import Questions
    from otolith.importing.session import Folder, Sheet
    from otolith.importing.tables.table import Table

PLACES = ("device", "device id", "position", "placement", "location", "body part", "body position", "sensor location",
          "sensor position", "on body position", "place", "side", "limb")  # fmt: skip
"""Columns that tell sensors of one kind apart."""

Parts = dict[str, dict[str, NDArray[np.bool_]]]
"""Rows of each kind of sensor at each place."""


class SensorRows(Format):
    """Each file is a recording, or each subject or session that a column names."""

    name = "sensor_rows"
    title = "a log with the sensor's name in each row"
    device = "Android loggers, research apps"
    decided = "sensors by their names or Android's numbers; columns by names or numbers"
    asked = "units that the data do not decide; the place, where there are several"

    def sniff(self, folder: Folder) -> Claim | None:
        """Claim the files in which a column names sensors, an accelerometer among them."""
        ours = {sheet.where: log for sheet in folder.sheets if (log := _log(sheet)) is not None}
        if not ours:
            return None
        some = sorted(next(iter(ours.values())).sensors)[:3]
        claimed = tuple(sheet for sheet in folder.sheets if sheet.where in ours)
        return Claim(claimed, 0.8, f"each row names its sensor, such as {', '.join(some)}")

    def sessions(self, folder: Folder, sheets: Sequence[Sheet], questions: Questions) -> Iterator[Session]:
        for sheet in sheets:
            table_too = tabled(sheet) if sheet.layout is None else None
            log = table_too[0] if table_too else _log(sheet)
            assert log is not None
            table = table_too[1] if table_too else read_log(sheet, log)
            mapping = with_options(guess(log.names), questions.options) if log.names else Mapping({})
            parts = _parts(table, log)
            columns = [mapping.column(what) for what in ("recording", "subject-column")]
            keys = list(zip(*(_texts(table, column) for column in columns), strict=True))
            numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
            which = np.array([numbers[key] for key in keys])
            for place in _chosen(sheet.where, parts, questions):
                for key, number in numbers.items():
                    rows = {kind: table.only(mask & (which == number)) for kind, mask in parts[place].items()}
                    rows = {kind: each for kind, each in rows.items() if each.height}
                    findings = self.findings(table)
                    moving, turning = _sensors(rows, log, mapping, questions, findings)
                    recording, person = key
                    name = " ".join(filter(None, (folder.join(sheet.stem), recording or person)))
                    if len(parts) > 1:
                        findings.decide("place", place or UNNAMED, "one of several in the file")
                        if questions.options.place == ALL:
                            name, person = f"{name} {place or UNNAMED}", person or name
                    label = mapping.column("label")
                    labels = None if label is None or moving is None else moving.table.texts(label)
                    found = [each for each in (moving, turning) if each is not None]
                    yield Session(name, found, findings, person or None, labels, folder.top)


def _sensors(
    rows: dict[str, Table], log: Log, mapping: Mapping, questions: Questions, findings: Findings
) -> tuple[Sensor | None, Sensor | None]:
    """Return accelerometer and gyroscope, as far as there are any."""
    found = {kind: _sensor(kind, each, log, mapping, questions, findings) for kind, each in rows.items()}
    moving = found.get("acc") or found.get("linear")
    if "acc" not in found and moving is not None and "gravity" in found:
        moving = with_gravity(moving, found["gravity"], findings, "rows of gravity and of what is left, summed")
    return moving, found.get("gyro")


def _log(sheet: Sheet) -> Log | None:
    if sheet.layout is not None:
        return sniffed(sheet.member.read_some(HEAD))
    found = tabled(sheet)
    return found and found[0]


def _texts(table: Table, column: str | None) -> list[str]:
    return table.texts(column) if column is not None and column in table.columns else [""] * table.height


def _parts(table: Table, log: Log) -> Parts:
    """Return the rows of the best sensor of each kind at each place with an accelerometer."""
    by_words = {words_of(name): name for name in reversed(log.names)}
    named = next((by_words[words] for words in PLACES if words in by_words), None)
    beside = _texts(table, named if log.names else _of_places(table, log))
    keys = list(zip(table.texts(table.columns[log.column]), beside, strict=True))
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    which = np.array([numbers[key] for key in keys])
    found: Parts = {}
    ranks: dict[tuple[str, str], int] = {}
    for (cell, at), number in numbers.items():
        kind, place, rank = log.sensors[cell]
        place = " ".join(filter(None, (at, place)))
        if rank < ranks.get((place, kind), 99):
            ranks[place, kind] = rank
            found.setdefault(place, {})[kind] = which == number
    with_acc = {place: each for place, each in found.items() if each.keys() & {"acc", "linear"}}
    if not with_acc:
        raise DataError(f"{table.where}: {NO_ACC}")
    others = [each for place, each in found.items() if place not in with_acc]
    if len(with_acc) == len(others) == 1:  # such as rows of `ICM acc` and of `gyro`
        next(iter(with_acc.values())).update(others[0])
    return with_acc


def _of_places(table: Table, log: Log) -> str | None:
    """Return a column without a name whose cells all are places on the body; None where there is none."""
    for at, column in enumerate(table.columns):
        cells = [] if at == log.column else table.said(column).head(2000).unique().to_list()
        if 1 < len(cells) <= MOST_PLACES and all(set(words_of(cell).split()) & ON_BODY for cell in cells):
            return column
    return None


def _chosen(where: str, parts: Parts, questions: Questions) -> list[str]:
    if len(parts) == 1:
        return list(parts)
    named = {place or UNNAMED: place for place in parts}
    meanings = [
        (name, "and a gyroscope" if "gyro" in parts[place] else "no gyroscope") for name, place in named.items()
    ]
    return [named[name] for name in chosen_places(where, meanings, questions)]


def _sensor(kind: str, rows: Table, log: Log, mapping: Mapping, questions: Questions, findings: Findings) -> Sensor:
    named = rows.columns[log.column]
    time, triad = mapping.column("time"), mapping.columns.get("acc") or numbered_axes(rows.columns)
    if time is None or not triad:
        by_numbers = unnamed(rows, named)
        time, triad = time or by_numbers[0], triad or by_numbers[1]
    if not triad:
        raise Undecided(
            f"{rows.where}: cannot tell which columns are x, y and z of the rows of {rows.first(named)!r}. Its "
            f"columns: {', '.join(rows.columns[:40])}. Write names above them, such as time,sensor,x,y,z."
        )
    rate = questions.options.rate_hz
    if rate is not None:
        clock = counted(rows.height, rate)
        findings.decide("time", f"{rate:g} Hz", "given")
    elif time is None:
        raise Undecided(f"{rows.where}: cannot tell which column is the time. Give the rate of its sensors: --rate HZ.")
    else:
        clock = read_clock(rows, time, questions, findings, time_unit_in_name(time))
    findings.decide(f"columns of {rows.first(named)}", ", ".join(triad), "the rows that name this sensor")
    gravity, why = ("removed", f"the sensor's name, {rows.first(named)!r}") if kind == "linear" else (None, "")
    return Sensor(GYRO if kind == "gyro" else ACC, rows, clock, axes(rows, triad), None, "", gravity, why)


SPEC = SensorRows()
