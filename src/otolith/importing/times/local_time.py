"""Zones of the clock on the wall, as files name them."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def known_zone(name: str) -> str | None:
    """Return a name that is one of a time zone; None for any other text.

    >>> known_zone("Europe/Berlin"), known_zone("here")
    ('Europe/Berlin', None)
    """
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def place_of(zone: str, ahead_s: int | None) -> str | None:
    """Return a zone's name or its distance from UTC; None where neither is said, and for UTC.

    >>> place_of("UTC", 19800), place_of("Europe/Berlin", 3600), place_of("UTC", 0)
    ('+05:30', 'Europe/Berlin', None)
    """
    if zone not in ("", "UTC"):
        return zone
    if not ahead_s:
        return None
    minutes = abs(ahead_s) // 60
    return f"{'-' if ahead_s < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"
