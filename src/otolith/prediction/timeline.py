"""What a model says of one recording, window by window, and the intervals that this amounts to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Interval:
    """A stretch of one state, in seconds on the recording's clock; `probability` is the mean over its windows."""

    start_s: float
    stop_s: float
    activity: str
    probability: float
    n_windows: int


@dataclass(frozen=True, eq=False)
class Timeline:
    """The windows of one recording in order of time.

    Attributes:
        states: the model's activities and, where it is calibrated, "unknown" at the end.
        start_s: (n,) seconds on the recording's clock; a window lasts `seconds`, the next one starts `hop_s` later
            unless there is a gap between them.
        probabilities: (n, n_activities) of the windows by themselves, calibrated where the model is.
        score, flagged: (n,) how foreign each window looks (None without calibration), and whether that is too much.
        belief: (n, len(states)) probabilities after smoothing; None without smoothing.
        labels: (n,) activity of the labelled segment that holds the whole window, "" where there is none.
        started: when the recording's clock was at zero, where that is known.
        without: sensors that the model had to do without.
    """

    recording: str
    subject: int | str
    states: tuple[str, ...]
    start_s: NDArray[np.float64]
    seconds: float
    hop_s: float
    probabilities: NDArray[np.float32]
    score: NDArray[np.float32] | None
    flagged: NDArray[np.bool_]
    belief: NDArray[np.float64] | None
    labels: NDArray[np.str_]
    started: datetime | None = None
    without: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.start_s)

    @property
    def state(self) -> NDArray[np.int64]:
        """(n,) index into `states`: the most probable one after smoothing; without it, "unknown" where flagged."""
        if self.belief is not None:
            return self.belief.argmax(1)
        best = self.probabilities.argmax(1)
        return np.where(self.flagged, len(self.states) - 1, best)

    @property
    def activity(self) -> list[str]:
        """Name of each window's state."""
        return [self.states[i] for i in self.state]

    @property
    def probability(self) -> NDArray[np.float64]:
        """(n,) of each window's state. NaN for windows that are unknown without smoothing: a flag is no probability."""
        if self.belief is not None:
            return self.belief.max(1)
        return np.where(self.flagged, np.nan, self.probabilities.max(1)).astype(np.float64)

    def spans(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Start and stop of the part of the clock that each window speaks for: (n,) each, without overlap.

        It is where the window's middle is the nearest, and at the ends of a gap-free stretch all of the window.
        """
        middle = self.start_s + self.seconds / 2
        start, stop = middle - self.hop_s / 2, middle + self.hop_s / 2
        follows = self._follows()
        start = np.where(follows, start, self.start_s)
        # a hop is a whole number of samples, so that neighbours may miss each other by one: they meet at one point
        stop[:-1] = np.where(follows[1:], start[1:], self.start_s[:-1] + self.seconds)
        if len(stop):
            stop[-1] = self.start_s[-1] + self.seconds
        return start, stop

    def _follows(self) -> NDArray[np.bool_]:
        """(n,) whether a window continues the one before it."""
        steps = np.diff(self.start_s, prepend=-np.inf)
        # by half a hop, as starts are rounded to samples
        return (steps < 1.5 * self.hop_s) & (steps > 0)

    def intervals(self) -> Iterator[Interval]:
        """Neighbouring windows of one state as one interval, in order of time; none reaches over a gap."""
        if not len(self):
            return
        state, probability = self.state, self.probability
        start, stop = self.spans()
        new = ~self._follows() | (np.diff(state, prepend=-1) != 0)
        first = np.flatnonzero(new)
        for a, b in zip(first, [*first[1:], len(self)], strict=True):
            yield Interval(
                float(start[a]), float(stop[b - 1]), self.states[state[a]], float(probability[a:b].mean()), int(b - a)
            )


def state_names(activities: tuple[str, ...], calibrated: bool) -> tuple[str, ...]:
    """The activities and, for a calibrated model, "unknown" under a name that no activity has."""
    if not calibrated:
        return activities
    name = UNKNOWN
    while name in activities:
        name = f"otherwise {name}"
    return (*activities, name)


def as_text(labels: list[Any]) -> NDArray[np.str_]:
    """Labels as strings, (n,) even where n is 0."""
    return np.array([str(label) for label in labels], dtype=np.str_).reshape(len(labels))
