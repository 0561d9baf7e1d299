"""The states of one recording, window by window, and the intervals that they form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from otolith import showing

UNKNOWN = "unknown"
NOT_WORN = "not worn"
"""State of the intervals in which a device was not worn; no time of any activity."""


@dataclass(frozen=True)
class Interval:
    """A stretch of time in one state.

    Attributes:
        start_s, stop_s: begin and end in seconds, on the recording's clock.
        activity: name of the state.
        probability: mean over its windows; NaN for windows that are unknown without smoothing.
        n_windows: number of its windows.

    >>> each = Interval(2.0, 5.5, "walk", 0.93, 6)
    >>> each.stop_s - each.start_s
    3.5
    """

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
        score, flagged: (n,) novelty score of each window (None without calibration), True above the threshold.
        belief: (n, len(states)) probabilities after smoothing; None without smoothing.
        labels: (n,) activity of the labelled segment that holds the whole window, "" where there is none.
        started: date and time at which the recording's clock was at zero; None where it is unknown.
        without: sensors of the model that the recording lacks.
        not_worn: begin and end, in seconds, of the stretches in which the device was not worn.

    >>> p = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]], np.float32)
    >>> no, start = np.zeros(3, bool), np.array([0.0, 0.5, 1.0])
    >>> line = Timeline("r", 1, ("sit", "walk"), start, 1.0, 0.5, p, None, no, None, np.array([""] * 3))
    >>> [(each.start_s, each.stop_s, each.activity) for each in line.intervals()]
    [(0.0, 1.25, 'sit'), (1.25, 2.0, 'walk')]
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
    not_worn: tuple[tuple[float, float], ...] = ()

    def __repr__(self) -> str:
        told = [f"of {showing.plain(self.subject, 30)}", showing.count(len(self), "window")]
        length = showing.duration(float(self.start_s[-1] - self.start_s[0]) + self.seconds) if len(self) else ""
        return showing.line("Timeline", self.recording, [*told, length, f"{len(self.states)} states"])

    def __len__(self) -> int:
        return len(self.start_s)

    @property
    def state(self) -> NDArray[np.int64]:
        """State of each window, (n,) index into `states`."""
        return decide(self.states, self.probabilities, self.flagged, self.belief)[0]

    @property
    def activity(self) -> list[str]:
        """Name of each window's state."""
        return [self.states[i] for i in self.state]

    @property
    def probability(self) -> NDArray[np.float64]:
        """Probability of each window's state, (n,). NaN for windows that are unknown without smoothing."""
        return decide(self.states, self.probabilities, self.flagged, self.belief)[1]

    def spans(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return start and stop (n,) of the time that each window stands for, without overlap.

        These are the times to which the window's middle is the nearest one, and at the ends of a gap-free stretch all
        of the window.
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

    def off(self) -> NDArray[np.bool_]:
        """Return (n,) True for the windows whose middle lies where the device was not worn."""
        middle = self.start_s + self.seconds / 2
        found = np.zeros(len(middle), np.bool_)
        for begin, end in self.not_worn:
            found |= (middle >= begin) & (middle < end)
        return found

    def _follows(self) -> NDArray[np.bool_]:
        """Return (n,) True where a window continues the one before it."""
        steps = np.diff(self.start_s, prepend=-np.inf)
        # by half a hop, as starts are rounded to samples
        return (steps < 1.5 * self.hop_s) & (steps > 0)

    def intervals(self) -> Iterator[Interval]:
        """Yield neighbouring windows of one state as one interval, in order of time; none reaches over a gap.

        Windows whose middle lies where the device was not worn are in the state `NOT_WORN`.
        """
        if not len(self):
            return
        state, probability = decide(self.states, self.probabilities, self.flagged, self.belief)
        names = (*self.states, NOT_WORN)
        if self.not_worn:
            off = self.off()
            state, probability = np.where(off, len(self.states), state), np.where(off, np.nan, probability)
        start, stop = self.spans()
        new = ~self._follows() | (np.diff(state, prepend=-1) != 0)
        first = np.flatnonzero(new)
        for a, b in zip(first, [*first[1:], len(self)], strict=True):
            yield Interval(
                float(start[a]), float(stop[b - 1]), names[state[a]], float(probability[a:b].mean()), int(b - a)
            )


def decide(
    states: tuple[str, ...],
    probabilities: NDArray[np.float32],
    flagged: NDArray[np.bool_],
    belief: NDArray[np.float64] | None,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the state of each window (n,), an index into `states`, and its probability (n,).

    It is the most probable state after smoothing. Without smoothing (`belief` is None) it is the most probable activity
    or, where a window is flagged, "unknown" with NaN: a flag is not a probability.
    """
    if belief is not None:
        return belief.argmax(1), belief.max(1)
    state = np.where(flagged, len(states) - 1, probabilities.argmax(1))
    return state, np.where(flagged, np.nan, probabilities.max(1)).astype(np.float64)


def state_names(activities: tuple[str, ...], calibrated: bool) -> tuple[str, ...]:
    """Return the activities and, for a calibrated model, "unknown" under a name that no activity has."""
    if not calibrated:
        return activities
    name = UNKNOWN
    while name in activities:
        name = f"otherwise {name}"
    return (*activities, name)
