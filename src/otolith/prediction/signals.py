"""Signals of a recording at the finest detail that a page shows: extremes of short stretches, a byte each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from otolith.recording import Recording, Stream
from otolith.system.memory import release
from otolith.windows.pieces import places_in

_Piece = tuple[slice, NDArray[np.float32], NDArray[np.int64], NDArray[np.bool_]]
STEPS_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 300.0)
MOST = 245_000
"""Stretches of a recording: 2.5 s each in a week."""
AT_ONCE = 4_000
NONE = 255
"""Byte of a stretch without samples; 0 to 254 span the range."""


@dataclass(frozen=True, eq=False)
class Signals:
    """Least and greatest values over stretches of `step_s` seconds, of which the first begins at `start_s`.

    Attributes:
        acc: uint8 (3, 2, n): least and greatest of each axis; n is 0 without an accelerometer.
        acc_range: m/s² that 0 and 254 stand for.
        gyro: uint8 (n,): greatest length of the rotation; empty without a gyroscope.
        gyro_range: rad/s that 0 and 254 stand for.
    """

    step_s: float
    start_s: float
    acc: NDArray[np.uint8]
    acc_range: tuple[float, float]
    gyro: NDArray[np.uint8]
    gyro_range: tuple[float, float]


def signals_of(recording: Recording) -> Signals:
    """Return the signals of a recording, in bounded memory."""
    acc, gyro = _stream(recording, "acc"), _stream(recording, "gyro")
    there = [stream for stream in (acc, gyro) if stream is not None]
    if not there:
        none = np.zeros((3, 2, 0), np.uint8)
        return Signals(1.0, 0.0, none, (0.0, 1.0), none[0, 0], (0.0, 1.0))
    begin, end = min(_span(s)[0] for s in there), max(_span(s)[1] for s in there)
    step = next((s for s in STEPS_S if (end - begin) / s <= MOST and s >= 1 / there[0].rate_hz), STEPS_S[-1])
    marks: NDArray[np.float64] = begin + step * np.arange(int((end - begin) / step) + 2, dtype=np.float64)
    low_high = np.full((3, 2, len(marks) - 1), np.nan, np.float32)
    if acc is not None:
        for at, x, starts, there_too in _pieces(acc, "acc", marks):
            low_high[:, 0, at][:, there_too] = np.minimum.reduceat(x, starts, axis=1)
            low_high[:, 1, at][:, there_too] = np.maximum.reduceat(x, starts, axis=1)
    turning = np.full(len(marks) - 1 if gyro is not None else 0, np.nan, np.float32)
    if gyro is not None:
        for at, x, starts, there_too in _pieces(gyro, "gyro", marks):
            turning[at][there_too] = np.maximum.reduceat(np.sqrt((x**2).sum(0)), starts)
    acc_bytes, acc_range = _bytes(low_high if acc is not None else low_high[:, :, :0])
    gyro_bytes, gyro_range = _bytes(turning, 0.0)
    return Signals(step, begin, acc_bytes, acc_range, gyro_bytes, gyro_range)


def _stream(recording: Recording, sensor: str) -> Stream | None:
    axes = {f"{sensor}_{axis}" for axis in "xyz"}
    return next((s for s in recording.streams if axes <= set(s.channels) and s.n_samples), None)


def _span(stream: Stream) -> tuple[float, float]:
    if stream.times is not None:
        return float(stream.times[0]), float(stream.times[-1])
    return stream.start_s, stream.start_s + (stream.n_samples - 1) / stream.rate_hz


def _pieces(stream: Stream, sensor: str, marks: NDArray[np.float64]) -> Iterator[_Piece]:
    """Yield a slice of stretches, samples (3, m) of them, the first sample of each, and which have any."""
    rows = [stream.channels.index(f"{sensor}_{axis}") for axis in "xyz"]
    if stream.times is not None:
        edges = places_in(stream.times, marks)
    else:
        edges = np.clip(np.ceil((marks - stream.start_s) * stream.rate_hz - 1e-6), 0, stream.n_samples).astype(np.int64)
    for at in range(0, len(marks) - 1, AT_ONCE):
        inside = edges[at : at + AT_ONCE + 1]
        filled = np.diff(inside) > 0
        if filled.any():
            x = np.asarray(stream.values[rows, inside[0] : inside[-1]], np.float32)
            release(stream.values)
            yield slice(at, at + len(filled)), x, (inside[:-1] - inside[0])[filled], filled


def _bytes(values: NDArray[np.float32], lowest: float | None = None) -> tuple[NDArray[np.uint8], tuple[float, float]]:
    known = values[~np.isnan(values)]
    if not known.size:
        return np.full(values.shape, NONE, np.uint8), (0.0, 1.0)
    low, high = (float(v) for v in np.percentile(known, (0.01, 99.99)))  # a knock does not flatten the rest
    low = lowest if lowest is not None else low
    high = max(high, low + 1e-3)
    with np.errstate(invalid="ignore"):
        scaled = np.clip(np.rint((values - low) * (254 / (high - low))), 0, 254)
    return np.where(np.isnan(values), NONE, np.nan_to_num(scaled)).astype(np.uint8), (low, high)
