"""Moments of a recording on the calendar of its place: days and hours are cut where the clock on the wall says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from otolith.errors import DataError


def zone_of(name: str) -> tzinfo:
    """Return the time zone of a name such as Europe/Berlin, or of a distance from UTC such as +05:30.

    Raises:
        DataError: there is none.

    >>> zone_of("+05:30").utcoffset(None)
    datetime.timedelta(seconds=19800)
    """
    try:
        if name[:1] in "+-":
            ahead = datetime.fromisoformat(f"2000-01-01T00:00:00{name}").utcoffset()
            assert ahead is not None
            return timezone(ahead)
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError, AssertionError) as error:
        raise DataError(
            f"{name!r} is no time zone. Give one such as Europe/Berlin, America/New_York, UTC or +05:30."
        ) from error


def placed(started: datetime | None, zone: tzinfo | None) -> datetime | None:
    """Return a start on the clock of a zone; one without a zone is taken to be on that clock already.

    >>> placed(datetime(2026, 3, 1, 12, tzinfo=UTC), zone_of("Asia/Tokyo")).hour
    21
    """
    if started is None or zone is None:
        return started
    return started.replace(tzinfo=zone) if started.tzinfo is None else started.astimezone(zone)


def moment(started: datetime, seconds: float) -> datetime:
    """Return the moment so many seconds after `started`, on the same clock on the wall."""
    if started.tzinfo is None:
        return started + timedelta(seconds=float(seconds))
    return (started.astimezone(UTC) + timedelta(seconds=float(seconds))).astimezone(started.tzinfo)


def days(started: datetime | None, start_s: float, stop_s: float) -> Iterator[tuple[str | None, float, float]]:
    """Yield the days of a stretch (ISO 8601), each with its begin and end in seconds on the recording's clock.

    (None, begin, end) where the date is unknown.

    >>> list(days(datetime(2024, 2, 29, 23, 59), 0.0, 90.0))
    [('2024-02-29', 0.0, 60.0), ('2024-03-01', 60.0, 90.0)]
    """
    if started is None:
        yield None, start_s, stop_s
        return
    at = start_s
    while at < stop_s:
        here = moment(started, at)
        midnight = (here.replace(tzinfo=None) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        end = min(stop_s, max(_seconds(started, midnight.replace(tzinfo=here.tzinfo)), at + 1e-3))
        yield here.date().isoformat(), at, end
        at = end


def hours(started: datetime | None, start_s: float, stop_s: float) -> Iterator[tuple[str | None, float, float]]:
    """Yield the hours of a stretch as `days` does: the begin of each (ISO 8601), and the seconds of its part.

    Where the date is unknown, hours count from the recording's zero: (None, begin, end).
    """
    at = start_s
    while at < stop_s:
        if started is None:
            end, name = 3600.0 * (at // 3600 + 1), None
        else:
            here = moment(started, at)
            into = here.minute * 60 + here.second + here.microsecond / 1e6
            end, name = at + 3600 - into, here.replace(minute=0, second=0, microsecond=0).isoformat()
        end = min(stop_s, max(end, at + 1e-3))
        yield name, at, end
        at = end


def _seconds(started: datetime, later: datetime) -> float:
    if started.tzinfo is not None:  # the difference of two moments of one zone would be that of their hands
        return (later.astimezone(UTC) - started.astimezone(UTC)).total_seconds()
    return (later - started).total_seconds()
