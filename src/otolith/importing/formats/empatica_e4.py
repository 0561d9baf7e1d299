"""Empatica E4 wristband: a file for each signal, its start in line 1, its rate in line 2, then one value a line.

`ACC.csv` has three axes, so each of the two lines has three equal cells; 64 stands for 1 g. Starts are in UTC, in
seconds since 1970 or, in some public data sets, as a date (Empatica's info.txt). There are no names of columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from otolith.importing.formats.base import Claim, Format
from otolith.importing.session import ACC, Sensor, Session, axes
from otolith.importing.tables.layout import is_number
from otolith.importing.times.dates import NONE, read_dates
from otolith.importing.times.timing import EPOCH, Clock, usual_rate

if TYPE_CHECKING:
    from otolith.importing.questions import Questions
    from otolith.importing.session import Folder, Sheet

COUNTS_PER_G = 64.0
HEAD = 400
BESIDE = re.compile(r"bvp|eda|hr|ibi|temp|tags|info", re.IGNORECASE)
"""Names of the files that the wristband writes beside the accelerometer's."""
DOCUMENTED = "Empatica documents it"


class EmpaticaE4(Format):
    """The files of one session in a folder or archive."""

    name = "empatica_e4"
    title = "a session of an Empatica E4"
    device = "Empatica E4"
    decided = "rate and start by the first two lines, 1/64 g"

    def sniff(self, folder: Folder) -> Claim | None:
        """Claim the files with start and rate in their first two lines, where one of them has three axes."""
        heads = {sheet.where: _head(sheet) for sheet in folder.sheets}
        widths = {where: len(head[1]) for where, head in heads.items() if head is not None}
        if 3 not in widths.values():
            return None
        ours = [sheet for sheet in folder.sheets if widths.get(sheet.where) in (1, 3) or BESIDE.fullmatch(sheet.stem)]
        return Claim(tuple(ours), 0.95, "its first two lines are a start and a rate, the same in three columns")

    def sessions(self, folder: Folder, sheets: Sequence[Sheet], questions: Questions) -> Iterator[Session]:
        heads = {sheet.where: _head(sheet) for sheet in sheets}
        moving = [sheet for sheet in sheets if (head := heads[sheet.where]) is not None and len(head[1]) == 3]
        passed = [sheet.where for sheet in sheets if sheet not in moving]
        for sheet in moving:
            table = sheet.table()
            findings = self.findings(table)
            findings.passed_over = passed
            head = heads[sheet.where]
            assert head is not None
            start, (rate, *_) = head
            lines = np.arange(table.height) if table.lines is None else table.lines
            table = table.only(lines > 2)
            clock = Clock(np.arange(table.height) / rate, start, "UTC", rate)
            findings.decide("time", f"{rate:g} Hz", "the second line of the file")
            values = axes(table, table.columns[:3]) / COUNTS_PER_G
            name = folder.name if len(moving) == 1 and not sheet.member.named else folder.join(sheet.stem)
            sensor = Sensor(ACC, table, clock, values, "g", DOCUMENTED, "included", DOCUMENTED)
            yield Session(name, [sensor], findings, folder=folder.top)


def _head(sheet: Sheet) -> tuple[int, list[float]] | None:
    """Return the start in ns since 1970 and the rates of the columns; None for files of another layout."""
    import polars as pl

    try:
        lines = sheet.member.read_some(HEAD).decode("ascii").splitlines()[:3]
    except UnicodeDecodeError:
        return None
    cells = [[cell.strip() for cell in line.split(",")] for line in lines]
    if len(cells) < 3 or len({len(row) for row in cells}) > 1 or not all(map(is_number, cells[1] + cells[2])):
        return None
    if len(set(cells[0])) > 1 or len(set(cells[1])) > 1:
        return None
    rate = usual_rate(cells[1][0])
    if rate is None or rate != round(rate):
        return None
    if is_number(cells[0][0]):
        seconds = float(cells[0][0])
        lo, hi = EPOCH["s"]
        return (round(seconds * 1000) * 1_000_000, [rate] * len(cells[1])) if lo <= seconds <= hi else None
    moment = read_dates(pl.Series(cells[0][:1]))
    if moment is None or moment.odd is not None or int(moment.nanoseconds[0]) == NONE:
        return None
    return int(moment.nanoseconds[0]), [rate] * len(cells[1])


SPEC = EmpaticaE4()
