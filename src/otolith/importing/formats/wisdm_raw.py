"""WISDM's raw text: `33,Jogging,49105962326000,-0.69,12.68,0.50;`, that is user, activity, time in ns, x, y, z.

There are no names of columns. Semicolons end the samples; some lines hold two, lack a value or are broken off, as the
publisher says (Kwapisz et al., 2011, readme.txt). A file with `gyro` in its name holds the gyroscope's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from otolith.errors import DataError
from otolith.importing.formats.base import Claim, Format
from otolith.importing.naming.files import sensor_of_file, without_sensor
from otolith.importing.session import ACC, GYRO, NO_ACC, Sensor, Session, axes
from otolith.importing.tables.table import Table
from otolith.importing.tables.text import decode
from otolith.importing.times.timing import read_clock

if TYPE_CHECKING:
    from otolith.importing.findings import Findings
    from otolith.importing.questions import Questions
    from otolith.importing.session import Folder, Sheet

COLUMNS = ("user", "activity", "time", "x", "y", "z")
HEAD = 4000
LEAST, SHARE = 5, 0.7
"""Samples at the beginning of a file, and the share of its lines, that tell the layout."""
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_SAMPLE = re.compile(
    rf"\s*(\w[\w.-]*)\s*,\s*([^\W\d][^,;]*?)\s*,\s*(\d+)\s*,\s*({_NUMBER})\s*,\s*({_NUMBER})\s*,\s*({_NUMBER})[\s,]*"
)


class WisdmRaw(Format):
    """Each user in a file is a recording."""

    name = "wisdm_raw"
    title = "raw text of WISDM"
    device = "WISDM (1.1, 2019)"
    decided = "users, activities and times; broken lines are counted"

    def sniff(self, folder: Folder) -> Claim | None:
        """Claim the files whose lines are samples that a semicolon ends."""
        ours = [sheet for sheet in folder.sheets if _is_raw(sheet.member.read_some(HEAD))]
        return Claim(tuple(ours), 0.9, "its lines are user, activity, time, x, y, z;") if ours else None

    def sessions(self, folder: Folder, sheets: Sequence[Sheet], questions: Questions) -> Iterator[Session]:
        turning = {without_sensor(each.stem): each for each in sheets if sensor_of_file(each.stem) == "gyro"}
        moving = [sheet for sheet in sheets if sheet not in turning.values()]
        beside = {sheet.where: turning.get(without_sensor(sheet.stem)) for sheet in moving}
        used = [each for each in beside.values() if each is not None]
        alone = [] if questions.options.acc_only else [sheet for sheet in turning.values() if sheet not in used]
        passed = [sheet.where for sheet in turning.values() if sheet not in (*used, *alone)]
        for sheet in moving:
            other = None if questions.options.acc_only else beside[sheet.where]
            for session in _sessions(self, folder, sheet, other, questions):
                session.findings.passed_over = passed
                yield session
        for sheet in alone:
            raise DataError(f"{sheet.where}: {NO_ACC}")


def _sessions(
    form: Format, folder: Folder, sheet: Sheet, turning: Sheet | None, questions: Questions
) -> Iterator[Session]:
    table, rotation = _read(sheet), None if turning is None else _read(turning)
    users, turned = np.array(table.texts("user")), np.array([] if rotation is None else rotation.texts("user"))
    stem = sheet.stem if rotation is None else without_sensor(sheet.stem) or sheet.stem
    everyone = list(dict.fromkeys(users.tolist()))
    for user in everyone:
        rows = _with_repairs(table, users == user)
        findings = form.findings(table)
        sensors = [_sensor(ACC, rows, questions, findings)]
        if rotation is not None and (turned == user).any():
            findings.sources.append(rotation.where)
            sensors.append(_sensor(GYRO, rotation.only(turned == user), questions, findings))
        name = folder.join(stem) if len(everyone) == 1 else f"{folder.join(stem)} {user}"
        yield Session(name, sensors, findings, user, rows.texts("activity"), folder.top)


def _with_repairs(table: Table, rows: np.ndarray) -> Table:
    return table if rows.all() else table.only(rows)


def _sensor(kind: str, rows: Table, questions: Questions, findings: Findings) -> Sensor:
    return Sensor(kind, rows, read_clock(rows, "time", questions, findings), axes(rows, ("x", "y", "z")))


def _is_raw(head: bytes) -> bool:
    lines = head.decode("utf-8", errors="replace").splitlines()[:-1]
    full = [line for line in lines if line.strip()]
    good = sum(";" in line and _SAMPLE.fullmatch(line.split(";")[0]) is not None for line in full)
    return good >= LEAST and good >= SHARE * len(full)


def _read(sheet: Sheet) -> Table:
    """Read all samples; what is none is counted.

    Raises:
        DataError: no line is a sample.
    """
    import polars as pl

    text, repairs = decode(sheet.where, sheet.member.read())
    found: list[tuple[str, ...]] = []
    lines: list[int] = []
    broken: list[int] = []
    for number, line in enumerate(text.split("\n"), 1):
        for piece in line.split(";"):
            match = _SAMPLE.fullmatch(piece)
            if match is not None and int(match[3]) > 0:
                found.append(match.groups())
                lines.append(number)
            elif piece.strip(" \t,"):
                broken.append(number)
    if not found:
        raise DataError(f"{sheet.where}: none of its lines is user, activity, time, x, y, z;. Export it again.")
    if broken:
        repairs.append((f"{len(broken):,} broken sample(s), the first in line {broken[0]}, were left out", len(broken)))
    cells = dict(zip(COLUMNS, zip(*found, strict=True), strict=True))
    frame = pl.DataFrame(cells, schema=dict.fromkeys(COLUMNS, pl.String))
    return Table(sheet.where, frame, np.array(lines, np.int64), repairs=repairs, unit="line")


SPEC = WisdmRaw()
