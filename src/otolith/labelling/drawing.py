"""Signals as a page draws them: few enough points, and none of its peaks lost."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from otolith.recording import Recording, Stream

MOST_POINTS = 2000
SHOWN = ("acc", "gyro")


def drawn(recording: Recording, start: float, stop: float, points: int) -> list[dict[str, Any]]:
    """Return the streams of a recording between two times (seconds): {"channels", "t", "x", "step"} each.

    Args:
        points: at most about as many for a channel; of more samples the least and the greatest of each bin are drawn.
    """
    points = max(10, min(points, MOST_POINTS))
    found = []
    for stream in recording.streams:
        rows = [i for i, name in enumerate(stream.channels) if name.startswith(SHOWN)]
        times = stream.sample_times
        first, last = np.searchsorted(times, [start, stop])
        first, last = max(0, int(first) - 1), min(len(times), int(last) + 1)
        t, x = _thinned(times[first:last], np.asarray(stream.values)[rows, first:last], points)
        found.append(
            {
                "channels": [stream.channels[i] for i in rows],
                "t": np.round(t, 3).tolist(),
                "x": np.round(x.astype(np.float64), 3).tolist(),
                "step": float(max(1 / stream.rate_hz, (stop - start) / points)),
            }
        )
    return found


def span_of(recording: Recording) -> tuple[float, float]:
    """Return the first and the last time of a recording, in seconds on its clock."""
    ends = [_ends(stream) for stream in recording.streams if stream.n_samples]
    return (min(first for first, _ in ends), max(last for _, last in ends)) if ends else (0.0, 0.0)


def _ends(stream: Stream) -> tuple[float, float]:
    times = stream.sample_times
    return float(times[0]), float(times[-1])


def _thinned(
    t: NDArray[np.float64], x: NDArray[np.floating], points: int
) -> tuple[NDArray[np.float64], NDArray[np.floating]]:
    n = len(t)
    if n <= 2 * points:
        return t, x
    edges = np.linspace(0, n, points // 2 + 1).astype(np.int64)[:-1]
    low, high = np.minimum.reduceat(x, edges, axis=1), np.maximum.reduceat(x, edges, axis=1)
    both = np.stack([low, high], 2).reshape(len(x), -1)
    return np.repeat(t[edges], 2), both
