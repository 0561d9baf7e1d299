"""Write one self-contained page of predictions: totals, pictures and intervals of recordings, terms of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from otolith import __version__
from otolith.prediction.timeline import Timeline
from otolith.report.tables import write_text

MOST_INTERVALS = 200
"""Intervals of one recording on the page; the table beside it has all of them."""


@dataclass(frozen=True)
class Drawn:
    """A timeline and its picture as a data URI; None where too many recordings were drawn already."""

    timeline: Timeline
    picture: str | None


def write(
    path: Path,
    drawn: Sequence[Drawn],
    totals: Sequence[Mapping[str, Any]],
    facts: Sequence[tuple[str, str]],
    terms: Sequence[str],
    notes: Sequence[str],
) -> Path:
    """Write the page. `totals` are the rows of `tables.totals`, `notes` sentences on what was left out."""
    environment = Environment(
        loader=PackageLoader("otolith.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
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
        "recordings": [_recording(each) for each in drawn],
        "terms": terms,
        "notes": notes,
        "version": __version__,
    }
    return write_text(path, environment.get_template("timeline.html.j2").render(content))


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


def _recording(each: Drawn) -> dict[str, Any]:
    t = each.timeline
    intervals = list(t.intervals())
    return {
        "name": t.recording,
        "subject": t.subject,
        "started": None if t.started is None else t.started.isoformat(sep=" ", timespec="seconds"),
        "picture": each.picture,
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
