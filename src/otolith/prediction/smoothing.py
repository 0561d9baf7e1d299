"""A hidden Markov model over the probabilities of windows: activities last, and single odd windows are no change.

The hidden state is the activity, or "unknown" where the model is calibrated to tell it. A person leaves a state after
`dwell_s` seconds on average, for any other state alike, whatever the time between two windows: over dt seconds the
state stays what it is with exp(-rate dt) and is drawn anew from all states otherwise. A gap in the recording is only a
longer dt, so that what was before it counts less, and after a long one nothing.

What a window says of a state is its calibrated probability. Of "unknown" it says 1 / (number of activities), and the
flag that its score raises or not says more: among known activities it is raised as often as the calibration states
(`false_unknowns`), among unknown ones with `FOUND`. Windows that overlap see the same samples: each counts for the
share that is new in it (1 - overlap), as the power of its likelihood.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from otolith.errors import DataError, unknown

DWELL_S = 3.0
"""Expected time that a state lasts. The best on uci-har's validation subjects (docs/deploy.md). People walk and sit
for longer, but neighbouring windows are often wrong together, which the model does not know."""
FOUND = 0.5
"""Assumed share of unknown windows whose score raises the flag. It cannot be known; on uci-har it is more."""
LEAST = 1e-6
"""Floor of probabilities: no window excludes an activity for good."""
KINDS = ("offline", "causal", "none")

Array = NDArray[np.float64]


@dataclass(frozen=True)
class HiddenMarkov:
    """The model described at the top of this file.

    Attributes:
        n_activities: states but for "unknown".
        false_unknowns: share of windows of known activities whose flag is raised; None: there is no "unknown".
        share: of a window that the one before it has not seen, 1 - overlap.
        dwell_s: expected seconds in one state.
    """

    n_activities: int
    false_unknowns: float | None = None
    share: float = 1.0
    dwell_s: float = DWELL_S

    def __post_init__(self) -> None:
        if not (math.isfinite(self.dwell_s) and self.dwell_s > 0):
            raise DataError(f"the expected duration of an activity is {self.dwell_s} s; expected a positive number")

    @property
    def n_states(self) -> int:
        return self.n_activities + (self.false_unknowns is not None)

    def kept(self, dt: float) -> float:
        """Probability that the state is not drawn anew within `dt` seconds."""
        n = self.n_states
        # a new draw may give the same state again, hence n / (n - 1)
        return math.exp(-max(dt, 0.0) / self.dwell_s * (n / (n - 1))) if n > 1 else 1.0

    def transition(self, dt: float) -> Array:
        """(n_states, n_states): row now, column `dt` seconds later. Two steps give the step of their sum."""
        kept = self.kept(dt)
        return kept * np.eye(self.n_states) + (1 - kept) / self.n_states

    def emissions(self, probabilities: ArrayLike, flagged: ArrayLike) -> Array:
        """Likelihood of each window in each state, up to a factor: (n, n_activities), (n,) bool -> (n, n_states)."""
        p = np.maximum(np.asarray(probabilities, np.float64), LEAST)
        if self.false_unknowns is not None:
            raised = np.asarray(flagged, np.bool_)[:, None]
            known = np.where(raised, self.false_unknowns, 1 - self.false_unknowns)
            foreign = np.where(raised, FOUND, 1 - FOUND) / self.n_activities
            p = np.concatenate([p * known, foreign], 1)
        out: Array = p**self.share
        return out


class Filter:
    """The causal form, one window at a time: probabilities of the states given all windows so far."""

    def __init__(self, model: HiddenMarkov) -> None:
        self.model = model
        self._belief: Array | None = None
        self._at = 0.0

    def step(self, probabilities: ArrayLike, flagged: bool, start_s: float) -> Array:
        """Take one window, (n_activities,), and return (n_states,). `start_s` on the recording's clock, increasing."""
        seen = self.model.emissions(np.asarray(probabilities)[None], [flagged])[0]
        if self._belief is None:
            belief = seen
        else:
            kept = self.model.kept(start_s - self._at)
            belief = (kept * self._belief + (1 - kept) / self.model.n_states) * seen
        self._belief, self._at = belief / belief.sum(), start_s
        return self._belief.copy()


def filtered(model: HiddenMarkov, probabilities: ArrayLike, flagged: ArrayLike, start_s: ArrayLike) -> Array:
    """Probabilities (n, n_states) of each window's state given the windows up to it; see `Filter`."""
    steps = Filter(model)
    rows = [
        steps.step(p, bool(f), float(s))
        for p, f, s in zip(np.asarray(probabilities), np.asarray(flagged), np.asarray(start_s), strict=True)
    ]
    return np.array(rows).reshape(len(rows), model.n_states)


def smoothed(model: HiddenMarkov, probabilities: ArrayLike, flagged: ArrayLike, start_s: ArrayLike) -> Array:
    """Probabilities (n, n_states) of each window's state given all windows, by the forward-backward algorithm."""
    forward = filtered(model, probabilities, flagged, start_s)
    seen = model.emissions(probabilities, flagged)
    times = np.asarray(start_s, np.float64)
    after = np.ones(model.n_states)
    out = np.empty_like(forward)
    for i in range(len(forward) - 1, -1, -1):
        out[i] = forward[i] * after
        out[i] /= out[i].sum()
        if i:
            kept = model.kept(float(times[i] - times[i - 1]))
            weighted = after * seen[i]
            after = kept * weighted + (1 - kept) * weighted.mean()
            after /= after.sum()
    return out


def smooth(kind: str, model: HiddenMarkov, probabilities: ArrayLike, flagged: ArrayLike, start_s: ArrayLike) -> Array:
    """By name: "offline" (`smoothed`), "causal" (`filtered`).

    Raises:
        DataError: another name.
    """
    if kind == "offline":
        return smoothed(model, probabilities, flagged, start_s)
    if kind == "causal":
        return filtered(model, probabilities, flagged, start_s)
    raise DataError(unknown("smoothing", kind, KINDS))
