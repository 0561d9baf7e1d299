"""Labelled intervals: later ones over earlier ones, and the table of them that `otolith import --labels` reads."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Span = tuple[float, float, str]
"""Start and stop in seconds on the recording's clock, and the activity."""


@dataclass(frozen=True)
class Labelled:
    """A label of a stretch, in seconds on its recording's clock; an empty activity takes labels away."""

    recording: str
    start: float
    stop: float
    activity: str


def painted(labels: Iterable[Labelled]) -> dict[str, list[Span]]:
    """Return the spans of each recording, in order and without overlap: a later label covers what is beneath it.

    Neighbours of one activity become one.

    >>> painted([Labelled("walk", 0.0, 8.0, "still"), Labelled("walk", 4.0, 12.0, "walking")])
    {'walk': [(0.0, 4.0, 'still'), (4.0, 12.0, 'walking')]}
    """
    found: dict[str, list[Span]] = {}
    for label in labels:
        spans: list[Span] = []
        for start, stop, activity in found.get(label.recording, []):
            if start < label.start:
                spans.append((start, min(stop, label.start), activity))
            if stop > label.stop:
                spans.append((max(start, label.stop), stop, activity))
        if label.activity:
            spans.append((label.start, label.stop, label.activity))
        found[label.recording] = _joined(sorted(span for span in spans if span[1] > span[0]))
    return {name: spans for name, spans in found.items() if spans}


def _joined(spans: Sequence[Span]) -> list[Span]:
    joined: list[Span] = []
    for start, stop, activity in spans:
        if joined and joined[-1][2] == activity and start - joined[-1][1] < 1e-6:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]), activity)
        else:
            joined.append((start, stop, activity))
    return joined


def to_csv(spans: Mapping[str, Sequence[Span]]) -> str:
    """Return the table of intervals that `otolith import --labels` reads.

    >>> print(to_csv({"walk": [(0.0, 4.5, "still")]}), end="")
    recording,start,end,activity
    walk,0,4.5,still
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("recording", "start", "end", "activity"))
    for name in sorted(spans):
        writer.writerows((name, _seconds(start), _seconds(stop), activity) for start, stop, activity in spans[name])
    return out.getvalue()


def _seconds(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


def activity_of(
    spans: Sequence[Span], starts: NDArray[np.float64], stops: NDArray[np.float64], least: float
) -> list[str]:
    """Return the activity of each stretch (n,) of a recording: one that covers the share `least` of it, else ""."""
    found = [""] * len(starts)
    for start, stop, activity in spans:
        shared = np.minimum(stops, stop) - np.maximum(starts, start)
        for i in np.flatnonzero(shared >= least * (stops - starts) - 1e-9):
            found[i] = activity
    return found
