"""A hidden Markov model over the probabilities of windows: activities last, and one odd window does not change them.

The hidden state is the activity, or "unknown" where the model is calibrated to tell it. A person leaves a state after
`dwell_s` seconds on average, for any other state alike, whatever the time between two windows: over dt seconds the
state stays what it is with exp(-rate dt) and is drawn anew from all states otherwise. A gap in the recording is only a
longer dt, so that what was before it counts less, and after a long one nothing.

The evidence of a window for an activity is its calibrated probability, for "unknown" 1 / (number of activities). The
flag that its score raises is evidence too: it is raised as often as the calibration states (`false_unknowns`) among
known activities, with `FOUND` among unknown ones. Windows that overlap share samples: each counts for the share that is
new in it (1 - overlap), as the power of its likelihood.

No library has this model: hmmlearn and its like take observations at equal steps and emissions of their own, not the
probabilities of a classifier at uneven times, and have no causal form that takes one window at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from otolith.errors import DataError

DWELL_S = 3.0
"""Expected seconds that a state lasts, the best on uci-har's validation subjects (docs/deploy.md). People walk and sit
for longer, but errors of neighbouring windows are correlated, which the model does not know."""
FOUND = 0.5
"""Assumed share of unknown windows whose score raises the flag. It cannot be known; on uci-har it is more."""
LEAST = 1e-6
"""Smallest probability that is counted: no window excludes an activity for good."""

Array = NDArray[np.float64]
AT_ONCE = 1 << 14
"""Windows whose likelihoods are computed at a time."""


@dataclass(frozen=True)
class HiddenMarkov:
    """The parameters of the model described at the top of this file.

    Attributes:
        n_activities: number of states without "unknown".
        false_unknowns: share of windows of known activities whose flag is raised; None: never unknown.
        share: share of a window that the one before it does not hold, 1 - overlap.
        dwell_s: expected seconds in one state.

    Raises:
        DataError: a `dwell_s` that is not a positive number.
    """

    n_activities: int
    false_unknowns: float | None = None
    share: float = 1.0
    dwell_s: float = DWELL_S

    def __post_init__(self) -> None:
        if not (math.isfinite(self.dwell_s) and self.dwell_s > 0):
            raise DataError(
                f"the expected duration of an activity is {self.dwell_s} s; give a positive number of seconds"
            )

    @property
    def n_states(self) -> int:
        return self.n_activities + (self.false_unknowns is not None)

    def kept(self, dt: float) -> float:
        """Return the probability that the state is not drawn anew within `dt` seconds."""
        n = self.n_states
        # a new draw may give the same state again, hence n / (n - 1)
        return math.exp(-max(dt, 0.0) / self.dwell_s * (n / (n - 1))) if n > 1 else 1.0

    def emissions(self, probabilities: ArrayLike, flagged: ArrayLike) -> Array:
        """Return likelihoods (n, n_states), up to a factor, of windows (n, n_activities) and their flags (n,) bool."""
        probabilities, flagged = np.asarray(probabilities), np.asarray(flagged, np.bool_)
        out = np.empty((len(probabilities), self.n_states))
        for first in range(0, len(out), AT_ONCE):
            at = slice(first, first + AT_ONCE)
            out[at] = self._emissions(probabilities[at].astype(np.float64), flagged[at])
        return out

    def _emissions(self, probabilities: Array, flagged: NDArray[np.bool_]) -> Array:
        p = np.maximum(probabilities, LEAST)
        if self.false_unknowns is not None:
            raised = flagged[:, None]
            known = np.where(raised, self.false_unknowns, 1 - self.false_unknowns)
            unknown = np.where(raised, FOUND, 1 - FOUND) / self.n_activities
            p = np.concatenate([p * known, unknown], 1)
        out: Array = p**self.share
        return out


class Filter:
    """The causal form, one window at a time.

    >>> steps = Filter(HiddenMarkov(2))
    >>> [steps.step([0.8, 0.2], False, second).round(2).tolist() for second in (0.0, 1.0)]
    [[0.8, 0.2], [0.88, 0.12]]
    """

    def __init__(self, model: HiddenMarkov) -> None:
        self.model = model
        self._belief: Array | None = None
        self._at = 0.0

    def step(self, probabilities: ArrayLike, flagged: bool, start_s: float) -> Array:
        """Return probabilities of the states (n_states,) after one more window (n_activities,). `start_s` increases."""
        seen = self.model.emissions(np.asarray(probabilities)[None], [flagged])[0]
        if self._belief is None:
            belief = seen
        else:
            kept = self.model.kept(start_s - self._at)
            belief = (kept * self._belief + (1 - kept) / self.model.n_states) * seen
        self._belief, self._at = belief / belief.sum(), start_s
        return self._belief.copy()


def filtered(model: HiddenMarkov, probabilities: ArrayLike, flagged: ArrayLike, start_s: ArrayLike) -> Array:
    """Return probabilities (n, n_states) of each window's state given the windows up to it; see `Filter`."""
    out = model.emissions(probabilities, flagged)
    kept = _kept(model, start_s)
    for i in range(len(out)):
        if i:
            out[i] *= kept[i] * out[i - 1] + (1 - kept[i]) / model.n_states
        out[i] /= out[i].sum()
    return out


def _kept(model: HiddenMarkov, start_s: ArrayLike) -> list[float]:
    """Return, for each window, the probability that the state of the one before it is kept."""
    times = np.asarray(start_s, np.float64)
    return [model.kept(dt) for dt in np.diff(times, prepend=times[:1]).tolist()]


def smoothed(model: HiddenMarkov, probabilities: ArrayLike, flagged: ArrayLike, start_s: ArrayLike) -> Array:
    """Return probabilities (n, n_states) of each window's state given all windows (forward-backward algorithm)."""
    out = filtered(model, probabilities, flagged, start_s)
    seen = model.emissions(probabilities, flagged)
    kept = _kept(model, start_s)
    after = np.ones(model.n_states)
    for i in range(len(out) - 1, -1, -1):
        out[i] *= after
        out[i] /= out[i].sum()
        if i:
            weighted = after * seen[i]
            after = kept[i] * weighted + (1 - kept[i]) * weighted.mean()
            after /= after.sum()
    return out


SMOOTHERS: dict[str, Callable[[HiddenMarkov, ArrayLike, ArrayLike, ArrayLike], Array] | None] = {
    "offline": smoothed,
    "causal": filtered,
    "none": None,
}
