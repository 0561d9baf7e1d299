"""Files of labels: intervals or marks, as a person writes them or a program for annotation exports them.

- A table with columns for start, end (or duration) and activity, and perhaps the recording. Where it has a time instead
  of start and end, each mark lasts until the next, as apps write those that a person sets while recording. Marks at
  even distances last as long as these, and rows that begin and end an activity, as BORIS writes them, belong together.
- A table without names: Audacity's label tracks (start, end, label) and ELAN's tab-delimited text (tier, times,
  value).
- JSON of Label Studio, TextGrid of Praat, and subtitles.

Times are seconds (or hh:mm:ss) since the recording's first sample, or points in time: numbers since 1970, or dates.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from otolith.datasets.tables import read_bytes
from otolith.errors import DataError
from otolith.importing.labels.activities import is_label
from otolith.importing.labels.bare import rows_without_names
from otolith.importing.labels.headed import rows_with_names
from otolith.importing.labels.label_studio import is_of_label_studio, rows_of
from otolith.importing.labels.moments import Moment, moment_of, read_moments
from otolith.importing.labels.rows import Row
from otolith.importing.labels.subtitles import is_subtitles, rows_of_subtitles
from otolith.importing.labels.textgrid import is_textgrid, rows_of_textgrid
from otolith.importing.session import table_of
from otolith.importing.tables.table import Table
from otolith.importing.tables.text import decode, is_text

SHORTEST_S = 0.1
"""Seconds below which intervals are in another unit than it seems, where all of them are."""
EVENLY, EVEN, NEAR = 10, 0.8, 0.25
"""Marks from which on they may stand at even distances, the share that has to, and how near to the usual distance."""


@dataclass(frozen=True)
class Interval:
    """One row: `start` and `end` in seconds, since 1970 if `absolute`, else on the recording's clock or of the day.

    `end` is infinite for the last of marks that last until the next. `form` is that of a
    `otolith.importing.labels.moments.Moment`. `every_s` is the distance of marks that stand evenly, 0 for others.
    """

    where: str
    recording: str | None
    start: float
    end: float
    activity: str
    absolute: bool
    zoned: bool
    until_next: bool = False
    form: str = ""
    every_s: float = 0.0


def read_intervals(path: Path, kept: Collection[str] = ()) -> list[Interval]:
    """Read the intervals in a file.

    Args:
        kept: see `otolith.importing.labels.activities.is_label`.

    Raises:
        DataError: no such file or column, a time that cannot be read, or an interval that does not end after its
            start; names file and line.
    """
    where, kind, content = str(path), path.suffix.lower(), read_bytes(path)
    if kind == ".parquet":
        return _intervals(rows_with_names(table_of(where, kind, content)), kept)
    if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"[", b"{"):
        lines = kind in (".jsonl", ".ndjson")
        studio = not lines and (is_of_label_studio(content) or not _is_json(content))
        return _intervals(rows_of(where, content) if studio else _of_table(where, ".json", content), kept)
    if is_text(content):
        text, _ = decode(where, content)
        if is_textgrid(text):
            return _intervals(rows_of_textgrid(where, content), kept)
        if is_subtitles(text):
            return _intervals(rows_of_subtitles(where, content), kept)
        if text.lstrip().startswith(("<?xml", "<")):
            raise DataError(f"{where}: is XML, which is not read. Export the annotations as tab-delimited text or CSV.")
    elif content.startswith(b"PK"):
        raise DataError(f"{where}: is a workbook or an archive. Save the labels as CSV.")
    bare = rows_without_names(where, content)
    return _intervals(bare if bare is not None else _of_table(where, kind, content), kept)


def _is_json(content: bytes) -> bool:
    return content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"[" or b'":' in content


def _of_table(where: str, kind: str, content: bytes) -> list[Row]:
    if kind == ".json":
        return rows_with_names(table_of(where, kind, content))
    content = _without_remarks(where, content)
    table = table_of(where, kind, content)
    return rows_with_names(
        table if table.units else replace(table, units=_units_above(table, decode(where, content)[0]))
    )


def _units_above(table: Table, text: str) -> dict[str, str]:
    """Return units of columns in a line between the names and the first row; none where there is no such line."""
    first = int(table.lines[0]) - 1 if table.lines is not None and table.height else 0
    above = text.split("\n")[:first]
    names = next((at for at, line in enumerate(above) if all(column in line for column in table.columns)), first)
    between = [line for line in above[names + 1 :] if line.strip()]
    if len(between) != 1:
        return {}
    cells = re.split(r"[\t;,|]", between[0])
    return dict(zip(table.columns, (cell.strip() for cell in cells), strict=False))


def _without_remarks(where: str, content: bytes) -> bytes:
    """Return a text with lines left blank that begin with # below the first line that does not."""
    text, _ = decode(where, content)
    lines = text.split("\n")
    first = next((at for at, line in enumerate(lines) if line.strip() and not line.startswith("#")), len(lines))
    if not any(line.startswith("#") for line in lines[first:]):
        return content
    return "\n".join("" if at > first and line.startswith("#") else line for at, line in enumerate(lines)).encode()


def _intervals(rows: Sequence[Row], kept: Collection[str]) -> list[Interval]:
    """Return what rows mean; those without an end last until the next of their recording begins."""
    rows = [row for row in rows if not row.empty]
    moments = read_moments(rows)
    starts = [_required(row, row.start, row.unit, moments) for row in rows]
    points = bool(rows) and all(row.end and row.end == row.start for row in rows)  # Audacity's labels of moments
    begins: dict[str, list[float]] = defaultdict(list)
    for row, start in zip(rows, starts, strict=True):
        begins[row.recording].append(start.seconds)
    every = {name: _every(sorted(set(times))) for name, times in begins.items()}
    following = {name: np.unique(times) for name, times in begins.items()}
    out: list[Interval] = []
    for row, start in zip(rows, starts, strict=True):
        marked = points or (not row.end and not row.duration)
        step = 0.0
        if marked:
            step = every[row.recording]
            later = following[row.recording]
            at = int(np.searchsorted(later, start.seconds, "right"))
            end = float(later[at]) if at < len(later) else math.inf
            end = min(end, start.seconds + step) if step and end > start.seconds + (1 + NEAR) * step else end
        else:
            end = _end(row, start, moments)
        if not start.seconds < end:
            raise DataError(
                f"{row.where}: ends at {end:.12g} s, not after its start at {start.seconds:.12g} s. Correct it."
            )
        if not row.activity and not marked:
            raise DataError(f"{row.where}: names no activity. Fill it, or remove the line.")
        if is_label(row.activity, kept):
            name = row.recording or None
            given = (row.where, name, start.seconds, end, row.activity, start.absolute, start.zoned)
            out.append(Interval(*given, marked, start.form, step))
    longest = max((each.end - each.start for each in out if not each.until_next), default=math.inf)
    if longest < SHORTEST_S:
        raise DataError(
            f"{out[0].where}: it and the others last {longest:.2g} s at most, shorter than any activity. Check "
            "the unit of the times: start_ms holds milliseconds, and start (days) parts of a day, as spreadsheets do."
        )
    return out


def _every(times: Sequence[float]) -> float:
    """Return the distance of marks that stand evenly, as labels at a rate do; 0 where they do not."""
    if len(times) < EVENLY:
        return 0.0
    steps = np.diff(times)
    usual = float(np.median(steps))
    return usual if float(np.mean(np.abs(steps - usual) <= NEAR * usual)) >= EVEN else 0.0


def _end(row: Row, start: Moment, moments: dict[tuple[str, float | None], Moment]) -> float:
    if row.end:
        end = _required(row, row.end, row.end_unit, moments)
        if (end.absolute, end.zoned, end.form) != (start.absolute, start.zoned, start.form):
            raise DataError(f"{row.where}: start and end are times of two kinds. Write both in the same way.")
        return end.seconds
    unit = row.duration_unit
    if unit is None and not start.absolute:
        unit = row.unit
    lasts = moment_of(row.duration, unit)
    if lasts is None or lasts.absolute:
        raise DataError(f"{row.where}: {row.duration[:40]!r} is no duration; expected seconds or hh:mm:ss.")
    if unit is None and start.unit not in (None, 1.0) and not lasts.form:
        raise DataError(
            f"{row.where}: nothing tells the unit of the duration {row.duration[:40]!r}. Call its column duration_s or "
            "duration_ms."
        )
    return start.seconds + lasts.seconds


def _required(row: Row, text: str, unit: float | None, moments: dict[tuple[str, float | None], Moment]) -> Moment:
    if (text, unit) not in moments:
        raise DataError(
            f"{row.where}: {text[:40]!r} is no time; expected seconds, hh:mm:ss or ISO 8601 such as "
            "2026-03-01T10:00:00Z."
        )
    return moments[text, unit]
