"""Write one self-contained page of predictions: totals, pictures and intervals of recordings, terms of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from otolith import __version__
from otolith.prediction.timeline import Timeline
from otolith.report.html import environment
from otolith.report.tables import write_text

MOST_INTERVALS = 200
"""Intervals of one recording on the page; the table beside it has all of them."""


def write(
    path: Path,
    timelines: Sequence[Timeline],
    pictures: Sequence[str],
    totals: Sequence[Mapping[str, Any]],
    facts: Sequence[tuple[str, str]],
    terms: Sequence[str],
    notes: Sequence[str],
) -> Path:
    """Write the page, with pictures (data URIs) of the first timelines and the rows of `tables.totals`."""
    content = {
        "facts": facts,
        "totals": [
            [
                t["activity"],
                duration(t["seconds"]),
                f"{100 * t['share']:.1f} %",
                t["day"] or t["recording"],
                t["subject"],
            ]
            for t in totals
        ],
        "recordings": [_recording(*each) for each in zip_longest(timelines, pictures)],
        "terms": terms,
        "notes": notes,
        "version": __version__,
    }
    return write_text(path, environment().get_template("timeline.html.j2").render(content))


def duration(seconds: float) -> str:
    """Return seconds as a clock shows them, below a minute with a decimal.

    >>> duration(3725.4), duration(75), duration(12.5)
    ('1:02:05', '1:15 min', '12.5 s')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d} min"


def _recording(t: Timeline, picture: str | None) -> dict[str, Any]:
    intervals = list(t.intervals())
    return {
        "name": t.recording,
        "subject": t.subject,
        "started": None if t.started is None else t.started.isoformat(sep=" ", timespec="seconds"),
        "picture": picture,
        "alt": f"Timeline of {t.recording} over its signals",
        "n_intervals": len(intervals),
        "intervals": [
            [
                f"{i.start_s:.2f}",
                f"{i.stop_s:.2f}",
                i.activity,
                duration(i.stop_s - i.start_s),
                "" if i.probability != i.probability else f"{100 * i.probability:.0f} %",
            ]
            for i in intervals[:MOST_INTERVALS]
        ],
    }
