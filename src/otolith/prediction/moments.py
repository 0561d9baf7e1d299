"""Moments of a recording on the calendar of its place: days and hours are cut where the clock on the wall says.

All tables and pages take days, hours and the texts of times from here. A start is of one of three kinds: on the wall
of an unknown place (no zone), an instant of an unknown place (`datetime.UTC`), or both (any other zone).
"""

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
            return timezone(ahead) if ahead else ZoneInfo("UTC")
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


def zone_name(started: datetime | None) -> str | None:
    """Return the name of a start's zone, such as Europe/Berlin or UTC+05:30; None where it is unknown.

    >>> zone_name(datetime(2026, 3, 1, tzinfo=zone_of("+05:30"))), zone_name(datetime(2026, 3, 1))
    ('UTC+05:30', None)
    """
    return None if started is None or started.tzinfo is None else str(started.tzinfo)


def local_text(started: datetime | None, seconds: float, unit: str = "milliseconds") -> str | None:
    """Return the time on the wall (ISO 8601), with its distance from UTC where the zone is known.

    None where only the instant is known, or nothing.

    >>> local_text(datetime(2026, 3, 1, 12, tzinfo=zone_of("Asia/Tokyo")), 1.5), local_text(datetime(2026, 3, 1), 0)
    ('2026-03-01T12:00:01.500+09:00', '2026-03-01T00:00:00.000')
    """
    if started is None or started.tzinfo is UTC:
        return None
    return moment(started, seconds).isoformat(timespec=unit)


def utc_text(started: datetime | None, seconds: float, unit: str = "milliseconds") -> str | None:
    """Return the instant (ISO 8601, ending in Z); None where the zone is unknown.

    >>> utc_text(datetime(2026, 3, 1, 12, tzinfo=zone_of("Asia/Tokyo")), 1.5), utc_text(datetime(2026, 3, 1), 0)
    ('2026-03-01T03:00:01.500Z', None)
    """
    if started is None or started.tzinfo is None:
        return None
    return f"{moment(started, seconds).astimezone(UTC).replace(tzinfo=None).isoformat(timespec=unit)}Z"


def changes(started: datetime | None, start_s: float, stop_s: float) -> list[tuple[float, float]]:
    """Return when clocks are changed, in seconds on the recording's clock, and by how many seconds forward.

    >>> changes(datetime(2026, 3, 29, tzinfo=zone_of("Europe/Berlin")), 0.0, 86400.0)
    [(7200.0, 3600.0)]
    """
    if started is None or started.tzinfo is None or isinstance(started.tzinfo, timezone):
        return []
    out = []
    at, ahead = start_s, _ahead(started, start_s)
    while at < stop_s:
        step = min(at + _LOOK_S, stop_s)
        if (then := _ahead(started, step)) != ahead:
            out.append((_changed(started, at, step), then - ahead))
        at, ahead = step, then
    return out


def day_around(started: datetime, at: float) -> tuple[float, float]:
    """Return midnight before and after a moment, in seconds on the recording's clock.

    >>> day_around(datetime(2026, 3, 29, 12, tzinfo=zone_of("Europe/Berlin")), 0.0)
    (-39600.0, 43200.0)
    """
    midnight = moment(started, at).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    following = (midnight.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=midnight.tzinfo)
    return _seconds(started, midnight), _seconds(started, following)


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
        end = min(stop_s, max(day_around(started, at)[1], at + 1e-3))
        yield moment(started, at).date().isoformat(), at, end
        at = end


def hours(started: datetime | None, start_s: float, stop_s: float) -> Iterator[tuple[float, float, float]]:
    """Yield the hours of a stretch: when each begins, and begin and end of its part.

    Seconds are those of the recording's clock. Hours are those of the clock on the wall: one that comes twice is two,
    and one in which clocks are changed by half an hour ends there. Where the date is unknown, they count from zero.

    >>> list(hours(datetime(2024, 2, 29, 23, 59), 0.0, 90.0))
    [(-3540.0, 0.0, 60.0), (60.0, 60.0, 90.0)]
    """
    at = start_s
    while at < stop_s:
        begin, end = _hour_around(started, at)
        end = min(stop_s, max(end, at + 1e-3))
        yield begin, at, end
        at = end


def _hour_around(started: datetime | None, at: float) -> tuple[float, float]:
    if started is None:
        return 3600.0 * (at // 3600), 3600.0 * (at // 3600 + 1)
    begin = round(at - _into(started, at), 6)
    end = begin + 3600
    for changed, _ in changes(started, begin, end):
        if changed <= at + 1e-6:
            begin = max(begin, changed)
            end = begin + 3600 - _into(started, begin)
        else:
            end = changed
            break
    return begin, end


def _into(started: datetime, at: float) -> float:
    """Return the seconds since the full hour on the wall."""
    here = moment(started, at)
    return here.minute * 60 + here.second + here.microsecond / 1e6


_LOOK_S = 6 * 3600.0
"""Clocks are not changed twice within so many seconds."""


def _ahead(started: datetime, at: float) -> float:
    return (moment(started, at).utcoffset() or timedelta(0)).total_seconds()


def _changed(started: datetime, before: float, after: float) -> float:
    """Return when, between two moments, clocks are changed: at a whole second of UTC."""
    zero = started.astimezone(UTC)
    low, high = (int(zero.timestamp() + at) - 1 + step for at, step in ((before, 0), (after, 2)))
    ahead = _ahead(started, before)
    while high - low > 1:
        middle = (low + high) // 2
        if (datetime.fromtimestamp(middle, started.tzinfo).utcoffset() or timedelta(0)).total_seconds() == ahead:
            low = middle
        else:
            high = middle
    return (datetime.fromtimestamp(high, UTC) - zero).total_seconds()


def _seconds(started: datetime, later: datetime) -> float:
    if started.tzinfo is not None:  # the difference of two moments of one zone would be that of their hands
        return (later.astimezone(UTC) - started.astimezone(UTC)).total_seconds()
    return (later - started).total_seconds()
