"""Columns of the time of day: hh:mm:ss with a fraction after `.`, `,` or `:`, minutes and seconds alone, or days."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from otolith.errors import DataError
from otolith.importing.times.dates import UNPADDED, fractions

if TYPE_CHECKING:
    import polars as pl

    from otolith.importing.findings import Findings
    from otolith.importing.tables.table import Table

CLOCK = r"^\s*(\d{1,3}):([0-5]?\d):([0-5]?\d)(?:[.,:](\d{1,9}))?(?:\s*([AaPp])\.?\s?[Mm]\.?)?\s*$"
MINUTES = r"^\s*()([0-5]?\d):([0-5]?\d)[.,](\d{1,9})\s*$"
"""Minutes and seconds with a fraction, as a spreadsheet shows a time to which it has no format."""
SPAN = r"^\s*(?:(\d{1,5})(?: days?,? |\.))(\d{1,2}):([0-5]\d):([0-5]\d)(?:[.,](\d{1,9}))?\s*$"
"""Days and hours since a start, as pandas, Python and .NET write them."""
FORMS = (CLOCK, MINUTES, SPAN)
HALF_DAY_S, HALF_HOUR_S = 43_200.0, 1800.0


def form_of_time(text: str) -> str | None:
    """Return the pattern of a time of day or a span of time; None where it is neither.

    >>> form_of_time("0 days 00:00:00.020000") == SPAN, form_of_time("10:00:00") == CLOCK, form_of_time("now")
    (True, True, None)
    """
    return next((form for form in FORMS if re.match(form, text)), None)


def time_of_day(table: Table, column: str, findings: Findings) -> NDArray[np.float64]:
    """Return seconds, NaN for an empty cell; past midnight, or past the hour of minutes, the clock goes on.

    Raises:
        DataError: a cell is written otherwise than the first; names its line.
    """
    import polars as pl

    text = table.text(column)
    first = next(iter(text.fill_null("").filter(text.fill_null("") != "")), "")
    pattern = form_of_time(first) or CLOCK
    parts = [text.str.extract(pattern, group + (pattern == SPAN)) for group in (1, 2, 3, 4)]
    good = parts[2].is_not_null().to_numpy()
    hours, minutes, seconds = (part.cast(pl.Float64, strict=False).fill_null(0).to_numpy() for part in parts[:3])
    if pattern == CLOCK:
        letter = text.str.extract(pattern, 5).str.to_lowercase()
        afternoon = letter.fill_null("").eq("p").to_numpy()
        hours = np.where(letter.is_not_null().to_numpy(), hours % 12 + 12 * afternoon, hours)
    if pattern == SPAN:
        hours = hours + 24 * text.str.extract(pattern, 1).cast(pl.Float64, strict=False).fill_null(0).to_numpy()
    times = np.where(good, hours * 3600 + minutes * 60 + seconds, np.nan)
    nanoseconds, unpadded = fractions(parts[3], np.nan_to_num(times).astype(np.int64))
    times += nanoseconds / 1e9
    if unpadded:
        findings.decide("time", "hh:mm:ss" + UNPADDED, f"column {column!r} would run back otherwise")
    refuse_odd(table, column, text, np.isfinite(times))
    if pattern == SPAN:
        return np.asarray(times)
    half, what = (HALF_DAY_S, "midnight") if pattern == CLOCK else (HALF_HOUR_S, "the hour")
    known = np.flatnonzero(np.isfinite(times))
    passed = np.concatenate([[0.0], np.cumsum(np.diff(times[known]) < -half)]) if known.size else np.zeros(0)
    if passed.size and passed[-1]:
        row = int(known[int(np.argmax(passed > 0))])
        findings.repair(table.at(row), f"the clock passes {what} and was carried on", int(passed[-1]))
    times[known] += passed * 2 * half
    return np.asarray(times)


def refuse_odd(table: Table, column: str, text: pl.Series, good: NDArray[np.bool_]) -> None:
    """Refuse a column with a cell that is neither empty nor `good`.

    Raises:
        DataError: names the line of the first.
    """
    odd = np.flatnonzero(~good & (text.fill_null("") != "").to_numpy())
    if odd.size:
        row = int(odd[0])
        raise DataError(
            f"{table.at(row)}: {column} is {text[row][:40]!r}, which is not a time like those before it. Repair "
            "the line."
        )
