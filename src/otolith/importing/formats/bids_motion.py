"""Motion of data sets in BIDS: columns without names, which `*_channels.tsv` names, and a rate in `*_motion.json`.

Types of channels, components and units are those of the Brain Imaging Data Structure 1.9, "Motion".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from otolith.errors import DataError
from otolith.importing.formats.base import Claim, Format
from otolith.importing.naming.stated import stated_units
from otolith.importing.naming.unit_words import ACC_UNITS, GYRO_UNITS
from otolith.importing.questions import Undecided
from otolith.importing.sensors.places import chosen_places
from otolith.importing.session import ACC, GYRO, Sensor, Session, axes
from otolith.importing.times.timing import Clock, counted, read_clock

if TYPE_CHECKING:
    from otolith.importing.findings import Findings
    from otolith.importing.questions import Questions
    from otolith.importing.session import Folder, Sheet
    from otolith.importing.tables.table import Table

MOTION, CHANNELS = "_motion", "_channels"
NEEDED = {"name", "component", "type"}
KINDS = {"ACCEL": (ACC, ACC_UNITS), "GYRO": (GYRO, GYRO_UNITS)}
SAID = "channels.tsv says it"

Channels = dict[str, list[str]]
"""Cells of a table of channels by its columns, a row for each column of the motion."""


class BidsMotion(Format):
    """Each file of motion is a recording, or one for each tracked point that is meant."""

    name = "bids_motion"
    title = "motion of a data set in BIDS"
    device = "any, data sets in BIDS (`*_motion.tsv`)"
    decided = "people, columns, units and rate by the names and files that BIDS asks for"
    asked = "the tracked point, by --place; the rate, where it stands in another folder"

    def sniff(self, folder: Folder) -> Claim | None:
        """Claim files of motion that have a table of channels beside them, and what tells of them."""
        stems = {sheet.stem: sheet for sheet in folder.sheets if sheet.member.kind == ".tsv"}
        motions = [stem for stem in stems if stem.endswith(MOTION) and _channels_of(stem) in stems]
        motions = [stem for stem in motions if set(stems[_channels_of(stem)].columns) >= NEEDED]
        ours = {each for stem in motions for each in (stem, _channels_of(stem))}
        sheets = tuple(sheet for sheet in folder.sheets if sheet.stem in ours)
        return Claim(sheets, 0.95, "channels.tsv beside it names the columns") if motions else None

    def sessions(self, folder: Folder, sheets: Sequence[Sheet], questions: Questions) -> Iterator[Session]:
        tables = {sheet.stem: sheet for sheet in sheets if sheet.member.kind == ".tsv"}
        about = {sheet.stem: sheet for sheet in sheets if sheet.member.kind == ".json"}
        for stem, sheet in tables.items():
            if not stem.endswith(MOTION):
                continue
            beside = tables[_channels_of(stem)].table()
            channels = {column: beside.texts(column) for column in beside.columns}
            table = sheet.table()
            if len(table.columns) != beside.height:
                raise DataError(
                    f"{table.where}: has {len(table.columns)} columns, and {beside.where} names {beside.height}. "
                    "Export them again."
                )
            points = _points(channels)
            names = list(points)
            if len(points) > 1 or (points and questions.options.place is not None):
                meanings = [(name, ", ".join(kinds)) for name, kinds in points.items()]
                names = chosen_places(table.where, meanings, questions)
            for name in names:
                findings = self.findings(table)
                if len(points) > 1:
                    findings.decide("place", name, SAID)
                clock = _clock(table, channels, about.get(stem), questions, findings)
                sensors = [
                    _sensor(table, channels, kind, columns, clock, findings) for kind, columns in points[name].items()
                ]
                title = folder.join(stem.removesuffix(MOTION)) + (f" {name}" if len(names) > 1 else "")
                person = re.match(r"sub-[a-zA-Z0-9]+", stem)
                yield Session(title, sensors, findings, person[0] if person else None, folder=folder.top)


def _channels_of(stem: str) -> str:
    return stem.removesuffix(MOTION) + CHANNELS


def _points(channels: Channels) -> dict[str, dict[str, list[int]]]:
    """Return the columns of each sensor at each tracked point that has an accelerometer."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    points = channels.get("tracked_point", [""] * len(channels["type"]))
    for column, (point, kind, axis) in enumerate(zip(points, channels["type"], channels["component"], strict=True)):
        if kind.upper() in KINDS and axis.lower() in ("x", "y", "z"):
            found.setdefault(point, {}).setdefault(kind.upper(), {})[axis.lower()] = column
    whole = {
        point: {kind: [three[axis] for axis in "xyz"] for kind, three in kinds.items() if len(three) == len("xyz")}
        for point, kinds in found.items()
    }
    return {point: kinds for point, kinds in whole.items() if "ACCEL" in kinds}


def _sensor(
    table: Table, channels: Channels, kind: str, columns: Sequence[int], clock: Clock, findings: Findings
) -> Sensor:
    what, units = KINDS[kind]
    said = channels.get("units", [""] * len(channels["type"]))
    said = ["" if unit in ("n/a", "") else unit for unit in said]
    unit, unread = stated_units([(channels["name"][column], said[column]) for column in columns], units)
    findings.decide(f"{what} columns", ", ".join(channels["name"][column] for column in columns), SAID)
    three = tuple(table.columns[column] for column in columns)
    return Sensor(what, table, clock, axes(table, three), unit, SAID, unread=unread)


def _clock(table: Table, channels: Channels, about: Sheet | None, questions: Questions, findings: Findings) -> Clock:
    """Return the clock of a channel of latencies, or one that counts rows at the rate that is stated.

    Raises:
        Undecided: nothing states a rate.
    """
    kinds = [kind.upper() for kind in channels["type"]]
    if "LATENCY" in kinds and questions.options.rate_hz is None:
        return read_clock(table, table.columns[kinds.index("LATENCY")], questions, findings, "s")
    rate = questions.options.rate_hz or _rate(about)
    if rate is None:
        error = Undecided(
            f"{table.where}: no file beside it states its SamplingFrequency. Put its *_motion.json there, or give "
            "--rate HZ."
        )
        error.whole = True
        raise error
    findings.decide("time", f"{rate:g} Hz", "given" if questions.options.rate_hz else "motion.json says it")
    return counted(table.height, rate)


def _rate(about: Sheet | None) -> float | None:
    if about is None:
        return None
    try:
        said: Any = json.loads(about.member.read())
    except ValueError as error:
        raise DataError(f"{about.where}: is no JSON ({error}). Export it again.") from error
    rate = said.get("SamplingFrequency") if isinstance(said, dict) else None
    return float(rate) if isinstance(rate, int | float) and 1 <= rate <= 10_000 else None


SPEC = BidsMotion()
"""The format."""
