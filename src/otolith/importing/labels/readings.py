"""Times of intervals on the clock of a recording, where their form alone does not tell what they count."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from otolith.errors import DataError
from otolith.importing.findings import Findings
from otolith.importing.labels.intervals import Interval
from otolith.importing.labels.moments import HOURS, OF_DAY, PAIR
from otolith.importing.questions import Undecided
from otolith.importing.times.local_time import ahead_s, known_zone

DAY_S = 86_400.0
LONG_S = DAY_S / 2
"""Seconds from which on a recording may have any time of the day, if its zone is not known."""
ELAPSED = "since the recording's first sample"
MINUTES, HOURS_ALONE, WALL = "minutes and seconds", "hours and minutes", "the time of day"
OWN = "on the recording's own clock"
NEAR_S = 2.0
"""Seconds by which labels of a recording may go beyond it."""
LATE_S, LATE_CLOCK_S = 0.5, 60.0
"""Seconds from which on a clock that counts from a start may be that of labels, of numbers and of other forms."""


def on_clock(
    intervals: Sequence[Interval], name: str, span: tuple[float, float], findings: Findings, timezone: str | None = None
) -> list[Interval]:
    """Return intervals of one recording with times on its clock.

    Times of one form are read in the one way in which all of them meet the recording.

    Args:
        name: of the recording.
        span: first and last time on its clock.
        timezone: of points in time that name none.

    Raises:
        DataError: points in time that cannot be compared with the recording's.
        Undecided: several ways are possible.
    """
    forms = {each.form for each in intervals if not each.absolute}
    read = {
        form: _of_form(
            [e for e in intervals if e.form == form and not e.absolute], form, name, span, findings, timezone
        )
        for form in forms
    }
    out = []
    for each in intervals:
        if not each.absolute:
            out.append(read[each.form].pop(0))
        else:
            shift = shift_of(each, name, findings, timezone)
            out.append(_moved(each, shift))
    return out


def _of_form(
    intervals: list[Interval], form: str, name: str, span: tuple[float, float], findings: Findings, timezone: str | None
) -> list[Interval]:
    """Return the intervals whose times have one form, read in the one way that is possible."""
    if not form:
        return _numbers(intervals, span, findings)
    midnight = _first_of_day(findings, timezone)
    lasts = span[1] - span[0]
    ways: list[tuple[str, list[Interval]]] = []
    if form == HOURS:
        ways.append((ELAPSED, intervals))
    if form == PAIR:
        ways += [(MINUTES, intervals), (HOURS_ALONE, [_times(each, 60.0) for each in intervals])]
    if midnight is not None and lasts < DAY_S:
        scale = 60.0 if form == PAIR else 1.0
        ways.append((WALL, [_of_day(_times(each, scale), midnight, span) for each in intervals]))
    if (findings.zero_s or 0.0) >= LATE_CLOCK_S and form != OF_DAY:
        ways += [(OWN, [_moved(each, findings.zero_s or 0.0) for each in read]) for _, read in list(ways)]
    fits = [(way, read) for way, read in ways if _meet(read, span)]
    any_day = lasts >= DAY_S or (midnight is None and findings.started_s is not None and lasts > LONG_S)
    first = intervals[0]
    if len(fits) == 1 and not (any_day and findings.started_s is not None):
        way, read = fits[0]
        if way != ELAPSED:
            findings.decide("times of labels", way, f"{first.where} and the others lie in the recording so alone")
        return read
    if fits:
        listed = ", or ".join([*(way for way, _ in fits), *([WALL] if any_day else [])])
        raise Undecided(
            f"{first.where}: nothing tells what its time counts ({listed}); it may lie in recording {name!r} "
            "either way. Write seconds since the first sample, such as 95.5, or date and time, such as "
            "2026-03-01T10:00:00."
        )
    if findings.started_s is None:
        raise DataError(
            f"{first.where}: its time lies outside recording {name!r}, which runs from {span[0]:.6g} to "
            f"{span[1]:.6g} s and names no time of day at which it began. Write seconds since its first sample."
        )
    if midnight is None:
        raise Undecided(
            f"{first.where}: its time lies outside recording {name!r} if it counts from the first sample, and as a "
            "time of day it needs the zone of the clock on the wall. Say it with --timezone, such as --timezone "
            "Europe/Berlin, or write date and time with a zone."
        )
    return ways[0][1] if form != OF_DAY and ways else _refuse_time_of_day(first, name)


def _numbers(intervals: list[Interval], span: tuple[float, float], findings: Findings) -> list[Interval]:
    """Return intervals in seconds since the first sample; on the file's own clock where only so they fit.

    Where both may be, it is the first, and is told.
    """
    zero_s = findings.zero_s or 0.0
    if abs(zero_s) < LATE_S:
        return intervals
    moved = [_moved(each, zero_s) for each in intervals]
    if not _meet(moved, span):
        return intervals
    if _meet(intervals, span) and (_lie_within(intervals, span) or not _lie_within(moved, span)):
        why = f"the file's own clock begins at {zero_s:.6g} s; if they are on that, take as much from each"
        findings.decide("times of labels", ELAPSED, why)
        return intervals
    findings.decide("times of labels", OWN, f"it begins at {zero_s:.6g} s, and they lie in the recording so alone")
    return moved


def _meet(intervals: Sequence[Interval], span: tuple[float, float]) -> bool:
    """Tell if each of the intervals has a part in the recording."""
    return all(each.end > span[0] and each.start < span[1] + each.every_s for each in intervals)


def _lie_within(intervals: Sequence[Interval], span: tuple[float, float]) -> bool:
    """Tell if each of the intervals ends within the recording, or nearly so."""
    return all(each.start > span[0] - NEAR_S and (each.end < span[1] + NEAR_S or each.until_next) for each in intervals)


def _moved(interval: Interval, shift: float) -> Interval:
    return replace(interval, start=interval.start - shift, end=interval.end - shift)


def _refuse_time_of_day(interval: Interval, name: str) -> list[Interval]:
    raise DataError(
        f"{interval.where}: is a time of day at which recording {name!r} does not run, as far as it tells. Write date "
        "and time, or seconds since the recording's first sample."
    )


def _times(interval: Interval, scale: float) -> Interval:
    return replace(interval, start=interval.start * scale, end=interval.end * scale)


def _of_day(interval: Interval, midnight: float, span: tuple[float, float]) -> Interval:
    """Return an interval in times of day on the recording's clock, of which zero is `midnight` seconds into the day."""
    start = (interval.start - midnight) % DAY_S
    lasts = interval.end - interval.start
    if start >= span[1] and start - DAY_S + lasts > span[0]:  # begins before the recording does
        start -= DAY_S
    return replace(interval, start=start, end=start + lasts)


def _first_of_day(findings: Findings, timezone: str | None) -> float | None:
    """Return the second of the day at which a recording's clock is zero, on the wall; None where nothing tells it."""
    if findings.started_s is None or findings.started is None:
        return None
    if not findings.started.endswith("Z"):
        return findings.started_s % DAY_S
    place = findings.timezone or timezone
    if place is None:
        return None
    return (findings.started_s + _ahead(place, findings.started_s)) % DAY_S


def _ahead(place: str, since_1970_s: float) -> float:
    """Return the seconds by which the wall's clock is ahead of UTC, in a zone or at a distance such as +02:00."""
    match = re.fullmatch(r"([+-])(\d\d):(\d\d)", place)
    if match:
        return (-1 if match[1] == "-" else 1) * (3600.0 * int(match[2]) + 60.0 * int(match[3]))
    zone = known_zone(place)
    if zone is None:
        return 0.0
    near = ahead_s(zone, int(since_1970_s))
    return float(ahead_s(zone, int(since_1970_s) + near))


def shift_of(interval: Interval, name: str, findings: Findings, timezone: str | None) -> float:
    """Return by how many seconds a point in time is ahead of a recording's clock.

    Raises:
        DataError: they cannot be compared.
    """
    if findings.started_s is None or findings.started is None:
        raise DataError(
            f"{interval.where}: is a point in time, but recording {name!r} counts from a start that it does not name. "
            "Give seconds since its first sample."
        )
    zoned = findings.started.endswith("Z")
    if not interval.zoned and zoned and timezone is not None:
        return findings.started_s + _ahead(timezone, findings.started_s)
    if interval.zoned != zoned:
        sides = ["the file of intervals", f"recording {name!r}"]
        with_zone, without = sides if interval.zoned else sides[::-1]
        raise DataError(
            f"{interval.where}: {with_zone} names a zone and {without} does not, so their times cannot be compared. "
            "Say the zone of those without one with --timezone, such as --timezone Europe/Berlin, or write times such "
            "as 2026-03-01T10:00:00+01:00, or seconds since the recording's first sample."
        )
    return findings.started_s
