"""ActiGraph: the raw CSV of ActiLife, ten lines about the device above `Timestamp,Accelerometer X,...`.

The first line names the sampling rate and the order of day and month; start and its date stand below. Columns of time
are optional. Values are in g and show gravity (ActiLife's user manual, raw data export).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from otolith.errors import DataError
from otolith.importing.formats.base import Claim, Format
from otolith.importing.session import ACC, Sensor, Session, axes
from otolith.importing.times.dates import NONE, read_dates
from otolith.importing.times.timing import Clock, counted, read_clock, usual_rate

if TYPE_CHECKING:
    from otolith.importing.questions import Questions
    from otolith.importing.session import Folder, Sheet

ABOUT = re.compile(
    r"-*\s*Data (?:Table )?File Created By ActiGraph.*?date format (\S+)(?: at (\d+) ?Hz)?", re.IGNORECASE
)
AXES = ("Accelerometer X", "Accelerometer Y", "Accelerometer Z")
DOCUMENTED = "ActiLife documents it"


class ActiGraphCsv(Format):
    """Each file is a recording."""

    name = "actigraph_csv"
    title = "a raw CSV of ActiGraph"
    device = "ActiGraph, the raw CSV of ActiLife"
    decided = "rate, start and order of day and month by the lines above the table; g, with gravity"
    asked = "the rate, where neither times nor the first line say it"

    def sniff(self, folder: Folder) -> Claim | None:
        """Claim the tables with ActiGraph's lines above the three axes."""
        ours = [sheet for sheet in folder.sheets if set(AXES) <= set(sheet.columns) and _about(sheet) is not None]
        if not ours:
            return None
        return Claim(
            tuple(ours), 0.95, f"it says 'Data File Created By ActiGraph' and has the columns {', '.join(AXES)}"
        )

    def sessions(self, folder: Folder, sheets: Sequence[Sheet], questions: Questions) -> Iterator[Session]:
        for sheet in sheets:
            table = sheet.table()
            findings = self.findings(table)
            about = _about(sheet)
            assert about is not None
            order = "day first" if about[1].lower().startswith("d") else "month first"
            rate = questions.options.rate_hz or (usual_rate(about[2]) if about[2] else None)
            time = next((column for column in table.columns if column.lower() in ("timestamp", "date", "time")), None)
            if time is not None:
                clock = read_clock(table, time, questions, findings, order=order)
            elif rate is not None:
                clock = _from_start(table.comments, table.height, rate, order)
                findings.decide("time", f"{rate:g} Hz", "the first line of the file")
            else:
                raise DataError(f"{table.where}: has neither times nor a rate. Give it: --rate HZ")
            sensor = Sensor(ACC, table, clock, axes(table, AXES), "g", DOCUMENTED, "included", DOCUMENTED)
            yield Session(folder.join(sheet.stem), [sensor], findings, folder=folder.top)


def _about(sheet: Sheet) -> re.Match[str] | None:
    lines = sheet.layout.preamble if sheet.layout is not None else ()
    return next((match for line in lines if (match := ABOUT.match(line))), None)


def _from_start(lines: Sequence[str], rows: int, rate_hz: float, order: str) -> Clock:
    """Return the clock of rows without times, from the start that the lines above the table name."""
    import polars as pl

    said = {
        match[1]: match[2] for line in lines if (match := re.match(r"(Start Time|Start Date)\s+([^\s,;\"]+)", line))
    }
    start = read_dates(pl.Series([f"{said.get('Start Date', '')} {said.get('Start Time', '')}"]), order)
    moment = NONE if start is None or start.odd is not None else int(start.nanoseconds[0])
    return counted(rows, rate_hz, None if moment == NONE else moment)


SPEC = ActiGraphCsv()
