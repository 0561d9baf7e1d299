"""Five seconds of an accelerometer in a few numbers: intensity of movement, posture and stillness.

With r the length of the acceleration in mg (1 g is 1000 mg), over the samples of an epoch:

    ENMO = mean(max(r - 1000, 0))        van Hees et al. 2013, PLoS ONE 8(4):e61691
    MAD  = mean(|r - mean(r)|)           Vähä-Ypyä et al. 2015, PLoS ONE 10(8):e0134813

ENMO stands on the sensor's zero and scale being right, MAD hardly does. Neither is defined without gravity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from otolith.recording import STANDARD_GRAVITY, Recording, Stream
from otolith.system.memory import release
from otolith.windows.pieces import places_in

EPOCH_S = 5.0
LEAST_SHARE = 0.5
"""Share of an epoch's samples below which it is not counted."""
AT_ONCE = 720
"""Epochs that are computed at once: an hour."""
ACC = ("acc_x", "acc_y", "acc_z")


@dataclass(frozen=True, eq=False)
class Epochs:
    """Epochs of `EPOCH_S` seconds, in order of time; those without enough samples are left out.

    Attributes:
        start_s: (n,) seconds on the recording's clock.
        enmo, mad: (n,) in mg; NaN where gravity is not in the signal.
        mean, std: (n, 3) mean and standard deviation of each axis in m/s².

    >>> epochs_of(Recording("r", 1, ())).start_s.shape
    (0,)
    """

    start_s: NDArray[np.float64]
    enmo: NDArray[np.float32]
    mad: NDArray[np.float32]
    mean: NDArray[np.float32]
    std: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.start_s)


def acceleration(recording: Recording) -> Stream | None:
    """Return the stream that holds the accelerometer's three axes; None where there is none."""
    return next((s for s in recording.streams if set(ACC) <= set(s.channels) and s.n_samples), None)


def epochs_of(
    recording: Recording,
    gravity: bool = True,
    offset: NDArray[np.float64] | None = None,
    scale: NDArray[np.float64] | None = None,
) -> Epochs:
    """Return the epochs of a recording's accelerometer, an hour at a time in memory.

    Args:
        gravity: gravity is in the signal.
        offset, scale: (3,) calibration, see `otolith.prediction.wear.Calibrated`: (x + offset) * scale is in m/s².
    """
    stream = acceleration(recording)
    if stream is None:
        return _empty()
    rows = [stream.channels.index(channel) for channel in ACC]
    first, edges = _bounds(stream)
    wanted = max(2.0, LEAST_SHARE * EPOCH_S * stream.rate_hz)
    found = []
    for at in range(0, len(edges) - 1, AT_ONCE):
        inside = edges[at : at + AT_ONCE + 1]
        counts = np.diff(inside)
        good = counts >= wanted
        if not good.any():
            continue
        x = np.asarray(stream.values[rows, inside[0] : inside[-1]], np.float64)
        if offset is not None:
            x += offset[:, None]
        if scale is not None:
            x *= scale[:, None]
        release(stream.values)
        starts = (inside[:-1] - inside[0])[counts > 0]
        begins: NDArray[np.float64] = (first + at + np.flatnonzero(good)).astype(np.float64) * EPOCH_S
        found.append(_some(x, starts, counts[counts > 0], good[counts > 0], begins))
    if not found:
        return _empty()
    start, enmo, mad, mean, std = (np.concatenate(part) for part in zip(*found, strict=True))
    if not gravity:
        enmo, mad = np.full_like(enmo, np.nan), np.full_like(mad, np.nan)
    return Epochs(start, enmo, mad, mean, std)


def _empty() -> Epochs:
    none, three = np.empty(0, np.float32), np.empty((0, 3), np.float32)
    return Epochs(np.empty(0), none, none, three, three)


def _bounds(stream: Stream) -> tuple[int, NDArray[np.int64]]:
    """Return the number of the first epoch, and the first sample of each epoch and the one after the last."""
    n = stream.n_samples
    if stream.times is not None:
        begin, end = float(stream.times[0]), float(stream.times[-1])
    else:
        begin, end = stream.start_s, stream.start_s + (n - 1) / stream.rate_hz
    first, last = int(begin // EPOCH_S), int(end // EPOCH_S) + 1
    marks = np.arange(first, last + 1) * EPOCH_S
    if stream.times is not None:
        edges = places_in(stream.times, marks)
    else:
        edges = np.clip(np.ceil((marks - stream.start_s) * stream.rate_hz - 1e-6), 0, n)
    return first, edges.astype(np.int64)


def _some(
    x: NDArray[np.float64],
    starts: NDArray[np.int64],
    counts: NDArray[np.int64],
    good: NDArray[np.bool_],
    start_s: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    mean = np.add.reduceat(x, starts, axis=1) / counts
    spread = np.add.reduceat((x - np.repeat(mean, counts, axis=1)) ** 2, starts, axis=1) / counts
    r = np.sqrt((x**2).sum(0)) * (1000 / STANDARD_GRAVITY)
    enmo = np.add.reduceat(np.maximum(r - 1000, 0), starts) / counts
    middle = np.add.reduceat(r, starts) / counts
    mad = np.add.reduceat(np.abs(r - np.repeat(middle, counts)), starts) / counts
    kind = np.float32
    return (
        start_s,
        enmo[good].astype(kind),
        mad[good].astype(kind),
        mean.T[good].astype(kind),
        np.sqrt(spread).T[good].astype(kind),
    )
