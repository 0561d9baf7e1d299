"""Single moments as people and devices write them, outside of columns."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta


def parse_moment(text: str) -> tuple[int, bool] | None:
    """Return nanoseconds since 1970 of an ISO 8601 date and time, and whether it names a zone; None if it is not one.

    >>> parse_moment("1970-01-01 00:00:01.5+00:00")
    (1500000000, True)
    """
    match = re.fullmatch(r"(.*\d[T ]\d\d:\d\d(?::\d\d)?)(?:[.,](\d+))?\s*(?:UTC)?(Z|[+-]\d\d:?\d\d)?", text.strip())
    if match is None:
        return None
    try:
        moment = datetime.fromisoformat(match[1] + (match[3] or ""))
    except ValueError:
        return None
    zoned = moment.tzinfo is not None or "UTC" in text
    moment = moment.astimezone(UTC) if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    whole = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
    if not -9_000_000_000 < whole < 9_000_000_000:
        return None
    return whole * 1_000_000_000 + int((match[2] or "0")[:9].ljust(9, "0")), zoned
