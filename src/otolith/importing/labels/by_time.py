"""Recordings to which points in time belong, where a file of labels names none."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from otolith.errors import DataError
from otolith.importing.findings import Findings
from otolith.importing.labels.intervals import Interval
from otolith.importing.labels.readings import shift_of

Spans = Mapping[str, tuple[float, float]]
"""First and last time of each recording on its clock."""


def recordings_at(
    interval: Interval, spans: Spans, findings: Mapping[str, Findings], timezone: str | None = None
) -> list[str]:
    """Return the recordings that run at the time of an interval; of a mark those at its begin.

    Raises:
        DataError: times cannot be compared, several recordings run at once, or none does then.
    """
    runs = []
    for name, (lo, hi) in spans.items():
        shift = shift_of(interval, name, findings[name], timezone)
        runs.append((lo + shift, hi + shift, name))
    runs.sort()
    for (_, end, one), (start, _, other) in pairwise(runs):
        if start < end:
            raise DataError(
                f"{interval.where}: does not say of which recording, and {one!r} and {other!r} run at the same "
                "time. Add a column called recording."
            )
    end = interval.start if interval.until_next else interval.end
    early = 1e-6 if interval.until_next else 0.0
    found = [name for lo, hi, name in runs if interval.start < hi and end > lo - early]
    if not found:
        raise DataError(
            f"{interval.where}: none of the {len(runs)} recordings runs at its time. Check the zone, or remove "
            "the line."
        )
    return found
