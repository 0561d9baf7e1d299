"""What streaming gives: windows as they are cut, predictions, and where the time went."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Prediction:
    """What is recognised in one window.

    Attributes:
        start_s, stop_s: of the window, on the clock of the samples.
        activity: the most probable state, one of the model's activities or "unknown".
        probability: of it; NaN for an unknown window without smoothing.
        probabilities: float32 (n_activities,) of the window by itself, calibrated where the model is.
        score, unknown: how foreign the window looks (None without calibration), and whether that is too much.
        belief: (n_states,) after causal smoothing; None without.
        waited_s: how far the samples had come beyond the window's end when it could be cut.
        compute_s: time from `push` to this prediction, shared among those of one push.
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
    """Windows that samples have completed, before any network has seen them.

    Attributes:
        x: float32 (n, channels, time) in m/s² and rad/s; NaN where a sensor is missing.
        start_s: n numbers, on the clock of the samples.
        newest_s: time up to which all sensors have come.
        cut_s: seconds that it took.
    """

    x: NDArray[np.float32]
    start_s: tuple[float, ...]
    newest_s: float
    cut_s: float


@dataclass(frozen=True)
class Latency:
    """Where the time goes between a movement and its name, in seconds.

    A change is seen once it fills a window: `window_s`. `waited_s` and `compute_s` are medians over the last
    predictions (see `Prediction`); NaN before the first one.
    """

    window_s: float
    hop_s: float
    waited_s: float
    compute_s: float
