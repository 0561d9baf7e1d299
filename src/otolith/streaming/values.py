"""The values that streaming returns: windows as they are cut, predictions, and their latency."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Prediction:
    """The prediction for one window.

    Attributes:
        start_s, stop_s: begin and end of the window in seconds, on the clock of the samples.
        activity: the most probable state, one of the model's activities or "unknown".
        probability: probability of that state; NaN for an unknown window without smoothing.
        probabilities: float32 (n_activities,) of the window by itself, calibrated where the model is.
        score, unknown: novelty score of the window (None without calibration), True if it exceeds the threshold.
        belief: (n_states,) probabilities after causal smoothing; None without smoothing.
        waited_s: seconds that the samples had come beyond the window's end when it could be cut.
        compute_s: seconds from `push` to this prediction, shared among those of one push.

    >>> found = Prediction(2.0, 3.0, "walk", 0.9, np.array([0.9, 0.1], np.float32), None, False, None, 0.0, 0.001)
    >>> f"{found.start_s} s: {found.activity}"
    '2.0 s: walk'
    """

    start_s: float
    stop_s: float
    activity: str
    probability: float
    probabilities: NDArray[np.float32]
    score: float | None
    unknown: bool
    belief: NDArray[np.float64] | None
    waited_s: float
    compute_s: float


@dataclass(frozen=True, eq=False)
class Cut:
    """Windows that samples have completed, before they go through a network.

    Attributes:
        x: float32 (n, channels, time) in m/s² and rad/s; NaN where a sensor is missing.
        start_s: n times in seconds, on the clock of the samples.
        newest_s: time in seconds that the samples of all sensors have reached.
        cut_s: seconds that cutting took.

    >>> Cut(np.zeros((2, 6, 50), np.float32), (0.0, 0.5), 1.5, 0.001).x.shape
    (2, 6, 50)
    """

    x: NDArray[np.float32]
    start_s: tuple[float, ...]
    newest_s: float
    cut_s: float


@dataclass(frozen=True)
class Latency:
    """The parts of the delay between a movement and its prediction, in seconds.

    A change has to fill a window of `window_s`; a window ends every `hop_s`. `waited_s` and `compute_s` are medians
    over the last predictions (see `Prediction`), NaN before the first one.

    >>> Latency(window_s=1.0, hop_s=0.5, waited_s=0.0, compute_s=0.002).hop_s
    0.5
    """

    window_s: float
    hop_s: float
    waited_s: float
    compute_s: float
