"""Write one self-contained page of predictions: totals, pictures and intervals of recordings, terms of the data."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
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
    recordings: Sequence[Mapping[str, Any]],
    totals: Sequence[Mapping[str, Any]],
    facts: Sequence[tuple[str, str]],
    terms: Sequence[str],
    notes: Sequence[str],
) -> Path:
    """Write the page, from what `recording` returned for each and the rows of `tables.totals`."""
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
        "recordings": recordings,
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


def image(path: Path) -> str:
    """Return a picture's file as a data URI."""
    kind = "svg+xml" if path.suffix == ".svg" else "png"
    return f"data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def recording(t: Timeline, picture: str | None) -> dict[str, Any]:
    """Return what the page shows of a recording; `picture` is a data URI."""
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
