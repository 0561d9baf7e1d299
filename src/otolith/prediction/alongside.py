"""Recordings of one person at the same time, as of devices at two places: a day of theirs is not twice as long."""

from __future__ import annotations

from datetime import UTC

import numpy as np
from numpy.typing import NDArray

from otolith.prediction.timeline import Timeline

LEAST_S = 60.0
"""Seconds that two recordings may share: files of one device may overlap a little."""

Stretches = tuple[NDArray[np.float64], NDArray[np.float64]]


class Alongside:
    """Tells recordings that cover time which an earlier one of the same person has covered.

    >>> def made(name: str) -> Timeline:
    ...     p, start = np.ones((100, 1), np.float32), np.arange(100.0)
    ...     no, none = np.zeros(100, bool), np.array([""] * 100)
    ...     return Timeline(name, "ada", ("sit",), start, 1.0, 1.0, p, None, no, None, none, datetime(2026, 1, 1))
    >>> from datetime import datetime
    >>> found = Alongside()
    >>> found.own(made("wrist")), found.own(made("hip"))
    (None, 'hip')
    """

    def __init__(self) -> None:
        self._covered: dict[tuple[str, bool], list[Stretches]] = {}
        self._own: dict[str, str | None] = {}

    def own(self, t: Timeline) -> str | None:
        """Return the recording's name if its days have rows of their own; None where they join those of others."""
        if t.started is None:
            return t.recording
        if t.recording not in self._own:
            start, stop = t.spans()
            zero = (t.started if t.started.tzinfo else t.started.replace(tzinfo=UTC)).timestamp()
            new = np.flatnonzero(np.r_[True, start[1:] > stop[:-1] + 1e-6])
            stretches = start[new] + zero, stop[np.r_[new[1:] - 1, len(stop) - 1]] + zero
            before = self._covered.setdefault((str(t.subject), t.started.tzinfo is None), [])
            shared = any(_shared(stretches, each) > LEAST_S for each in before)
            if not shared:
                before.append(stretches)
            self._own[t.recording] = t.recording if shared else None
        return self._own[t.recording]


def _shared(a: Stretches, b: Stretches) -> float:
    """Return the seconds that two lists of stretches (begins, ends), each in order, have in common."""
    edges = np.stack(b, 1).ravel()
    covered = np.cumsum(np.r_[0.0, np.diff(edges) * (np.arange(len(edges) - 1) % 2 == 0)])
    return float((np.interp(a[1], edges, covered) - np.interp(a[0], edges, covered)).sum())
