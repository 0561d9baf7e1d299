"""Activities: from a column of the table, or from a file of intervals (recording, start, end, activity).

Times of intervals are seconds (or hh:mm:ss) since the recording's first sample, or points in time: numbers since 1970,
or ISO 8601. A zone has to be named on both sides or on neither.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from otolith.datasets.tables import read_bytes
from otolith.errors import DataError, unknown
from otolith.importing.activities import is_label
from otolith.importing.columns import words_of
from otolith.importing.disk_buffer import Texts
from otolith.importing.findings import Findings
from otolith.importing.moments import parse_moment
from otolith.importing.session import table_of
from otolith.importing.table import Table
from otolith.importing.timing import CLOCK, EPOCH
from otolith.importing.units import TIME_UNITS
from otolith.recording import Segment
from otolith.windows.clock import MAX_GAP_S
from otolith.windows.times import Samples

NAMES = {
    "recording": ("recording", "recording id", "file", "name", "session", "trial"),
    "start": ("start", "start s", "begin", "from", "start time", "onset"),
    "end": ("end", "end s", "stop", "stop s", "to", "end time", "offset"),
    "activity": ("activity", "label", "class", "annotation"),
}
EXAMPLE = "recording,start,end,activity\nwalk,0,12.5,walking"


@dataclass(frozen=True)
class Interval:
    """One row: `start` and `end` in seconds, since 1970 if `absolute`, else on the recording's clock."""

    where: str
    recording: str | None
    start: float
    end: float
    activity: str
    absolute: bool
    zoned: bool


def segments_of_rows(samples: Samples, labels: Sequence[str] | Texts, rate_hz: float) -> tuple[Segment, ...]:
    """Return a segment for each run of equal labels, from its first sample to the first one of the next run.

    A run that is followed by a gap ends one period after its last sample.
    """
    texts = [labels[row] for row in samples.rows.tolist()]
    out = []
    start = 0
    for stop in range(1, len(texts) + 1):
        if stop < len(texts) and texts[stop] == texts[start]:
            continue
        if is_label(texts[start]):
            last = float(samples.times[stop - 1])
            following = float(samples.times[stop]) if stop < len(texts) else np.inf
            end = following if following - last <= MAX_GAP_S else last + 1 / rate_hz
            out.append(Segment(float(samples.times[start]), end, texts[start]))
        start = stop
    return tuple(out)


def read_intervals(path: Path) -> list[Interval]:
    """Read the intervals in a file.

    Raises:
        DataError: no such file or column, a time that cannot be read, or an interval that does not end after its
            start; names file and line.
    """
    table = table_of(str(path), path.suffix.lower(), read_bytes(path))
    by_words = {words_of(column): column for column in table.columns}
    found = {what: [by_words[name] for name in names if name in by_words] for what, names in NAMES.items()}
    columns = {what: each[0] for what, each in found.items() if each}
    lacking = [what for what in ("start", "end", "activity") if what not in columns]
    if lacking:
        raise DataError(
            f"{path}: has no column for the {lacking[0]} of an interval (it has {', '.join(table.columns)}). "
            f"Expected lines such as:\n{EXAMPLE}"
        )
    starts, ends = _moments(table, columns["start"]), _moments(table, columns["end"])
    activities = table.texts(columns["activity"])
    names = table.texts(columns["recording"]) if "recording" in columns else [""] * table.height
    out = []
    for row in range(table.height):
        (start, absolute, zoned), (end, *kind) = starts[row], ends[row]
        if kind != [absolute, zoned]:
            raise DataError(f"{table.at(row)}: start and end are times of two kinds. Write both in the same way.")
        if not start < end:
            raise DataError(f"{table.at(row)}: ends at {end:g} s, not after its start at {start:g} s. Correct it.")
        if not activities[row]:
            raise DataError(f"{table.at(row)}: names no activity. Fill it, or remove the line.")
        if is_label(activities[row]):
            out.append(Interval(table.at(row), names[row] or None, start, end, activities[row], absolute, zoned))
    return out


def segments_of_intervals(
    intervals: Sequence[Interval], spans: dict[str, tuple[float, float]], findings: dict[str, Findings]
) -> dict[str, tuple[Segment, ...]]:
    """Return the segments of each recording.

    Args:
        spans: first and last time of each recording on its clock.
        findings: of each recording; tells when it started, and takes what was clipped.

    Raises:
        DataError: an interval of an unknown recording, outside it, without a zone where the other side has one, or one
            that overlaps another; names the line.
    """
    found: dict[str, list[tuple[Segment, str]]] = {name: [] for name in spans}
    for interval in intervals:
        name = _recording_of(interval, spans)
        start, end = _on_clock(interval, name, findings[name])
        lo, hi = spans[name]
        if end <= lo or start >= hi:
            raise DataError(
                f"{interval.where}: from {start:.6g} to {end:.6g} s of recording {name!r}, which runs from {lo:.6g} to "
                f"{hi:.6g} s. Check the recording's name, and the zone of absolute times."
            )
        if start < lo or end > hi + MAX_GAP_S:
            findings[name].repair(interval.where, f"{interval.activity!r} was clipped to the recording", 1)
        found[name].append((Segment(max(start, lo), min(end, hi + MAX_GAP_S), interval.activity), interval.where))
    out = {}
    for name, segments in found.items():
        segments.sort(key=lambda each: each[0].start_s)
        for (before, first), (after, second) in itertools.pairwise(segments):
            if after.start_s < (before.stop_s or np.inf) - 1e-9:
                raise DataError(f"{second}: overlaps {first}; a moment can have one activity. Correct one of them.")
        following = [*(segment.start_s for segment, _ in segments[1:]), np.inf]
        out[name] = tuple(
            Segment(segment.start_s, min(segment.stop_s or np.inf, start), segment.activity)
            for (segment, _), start in zip(segments, following, strict=False)  # a recording may have no label
        )
    return out


def _recording_of(interval: Interval, spans: dict[str, tuple[float, float]]) -> str:
    if interval.recording is None:
        if len(spans) == 1:
            return next(iter(spans))
        raise DataError(f"{interval.where}: does not say of which recording; there are {len(spans)}.")
    if interval.recording in spans:
        return interval.recording
    stem = re.sub(r"\.(csv|tsv|txt|zip|parquet)$", "", interval.recording, flags=re.IGNORECASE)
    near = [name for name in spans if name == stem or name.split("/")[-1] == stem]
    if len(near) == 1:
        return near[0]
    raise DataError(f"{interval.where}: {unknown('recording', interval.recording, spans)}")


def _on_clock(interval: Interval, name: str, findings: Findings) -> tuple[float, float]:
    if not interval.absolute:
        return interval.start, interval.end
    if findings.started_s is None or findings.started is None:
        raise DataError(
            f"{interval.where}: is a point in time, but recording {name!r} counts from a start that it does not name. "
            "Give seconds since its first sample."
        )
    if interval.zoned != findings.started.endswith("Z"):
        sides = ["the file of intervals", f"recording {name!r}"]
        with_zone, without = sides if interval.zoned else sides[::-1]
        raise DataError(
            f"{interval.where}: {with_zone} names a zone and {without} does not, so their times cannot be compared. "
            "Write times such as 2026-03-01T10:00:00+01:00, or seconds since the recording's first sample."
        )
    return interval.start - findings.started_s, interval.end - findings.started_s


def _moments(table: Table, column: str) -> list[tuple[float, bool, bool]]:
    """Return (seconds, since 1970 or not, with a zone or not) for every row; rows may say it in different ways."""
    out = []
    for row, text in enumerate(table.texts(column)):
        moment = _moment(text)
        if moment is None:
            raise DataError(
                f"{table.at(row)}: {column} is {text[:40]!r}, expected seconds, hh:mm:ss or ISO 8601 such as "
                "2026-03-01T10:00:00Z."
            )
        out.append(moment)
    return out


def _moment(text: str) -> tuple[float, bool, bool] | None:
    clock = re.match(CLOCK, text)
    if clock:
        hours, minutes, seconds, fraction = clock.groups()
        return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + float(f"0.{fraction or 0}"), False, False
    moment = parse_moment(text)
    if moment is not None:
        return moment[0] / 1e9, True, moment[1]
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    for unit, (lo, hi) in EPOCH.items():
        if lo <= value <= hi:
            return value * TIME_UNITS[unit] / 1e9, True, True
    return (value, False, False) if np.isfinite(value) else None
