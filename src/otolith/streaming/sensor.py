"""The samples of one sensor that are still needed, in stretches without a gap."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import ArrayLike, NDArray

from otolith.errors import DataError
from otolith.windows.clock import MAX_GAP_S

Array = NDArray[np.float64]


def called(sensor: str) -> str:
    """Return what messages call a sensor; the only one of a stream has no name."""
    return f"sensor {sensor!r}" if sensor else "the stream"


def numbers(values: ArrayLike, argument: str, sensor: str) -> Array:
    """Return an argument of `push` as float64.

    Raises:
        DataError: it holds no real numbers, or rows of different lengths; names the argument and the sensor.

    >>> numbers([[1, 2], [3]], "samples", "acc")
    Traceback (most recent call last):
    otolith.errors.DataError: samples of sensor 'acc' are no array of numbers; ...
    """
    try:
        found = np.asarray(values)
    except ValueError:
        found = np.empty(0, object)
    if found.dtype.kind not in "fiu":
        expected = "m/s² or rad/s, (channels, n) or (channels,)" if argument == "samples" else "seconds, (n,) or one"
        kind = "" if found.dtype.kind == "O" else f" but {found.dtype}"
        raise DataError(f"{argument} of {called(sensor)} are no array of numbers{kind}; expected {expected}")
    return found.astype(np.float64)


class Run:
    """Samples without a gap between them. `start` is the time of the first one, which may have been dropped."""

    def __init__(self, start: float, n_channels: int) -> None:
        self.start = start
        self.ended = False
        self.times: Array = np.empty(0)
        self.values: Array = np.empty((n_channels, 0))
        self.last = start

    def add(self, times: Array, values: Array) -> None:
        self.times = np.concatenate([self.times, times])
        self.values = np.concatenate([self.values, values], 1)
        self.last = float(times[-1])

    def forget(self, before: float) -> None:
        """Drop samples from which no time later than `before` is interpolated."""
        first = int(np.searchsorted(self.times, before, side="right")) - 1
        if first > 0:
            self.times, self.values = self.times[first:].copy(), self.values[:, first:].copy()


class Sensor:
    """One stream of samples with its clock. `timed` says if it has time stamps; None before the first push."""

    def __init__(self, name: str, channels: tuple[str, ...], rate_hz: float, start_s: float) -> None:
        self.name, self.channels, self.rate_hz, self.start_s = name, channels, rate_hz, start_s
        self.timed: bool | None = None
        self.runs: deque[Run] = deque()
        self.count = 0
        self.first: float | None = None
        self.last: float | None = None

    def push(self, samples: Array, times: Array | None) -> None:
        """Take samples (channels, n); `times` (n,) seconds, or None for a sensor that keeps its rate exactly.

        Raises:
            DataError: another shape, values that are not finite, times that do not increase.
        """
        where = called(self.name)
        if samples.ndim != 2 or samples.shape[0] != len(self.channels):
            raise DataError(
                f"samples of {where} have shape {samples.shape}, expected ({len(self.channels)}, n) for the channels "
                f"{', '.join(self.channels)}"
            )
        n = samples.shape[1]
        if not n:
            return
        if not np.isfinite(samples).all():
            row, column = (int(i) for i in np.argwhere(~np.isfinite(samples))[0])
            raise DataError(
                f"samples of {where}: {self.channels[row]} of sample {column} is {samples[row, column]}; leave the "
                "sample out"
            )
        if self.timed is not None and self.timed != (times is not None):
            raise DataError(
                f"times of {where} came with one push and not with another; give them with every push or with none"
            )
        if times is None:
            stamps = self.start_s + np.arange(self.count, self.count + n) / self.rate_hz
        else:
            stamps = times
            self._check(where, stamps, n)
        self.timed = times is not None
        self.count += n
        # what `clock.contiguous` counts as a gap; a sensor without time stamps has none
        steps = np.diff(stamps, prepend=stamps[0] if self.last is None else self.last)
        cuts = np.flatnonzero(steps > MAX_GAP_S + 1e-9).tolist() if self.timed else []
        fresh = not self.runs or self.runs[-1].ended
        cuts = [0, *(cut for cut in cuts if cut)] if fresh else [-1, *cuts]
        for first, stop in zip(cuts, [*cuts[1:], n], strict=True):
            if first >= 0:
                if self.runs:
                    self.runs[-1].ended = True
                self.runs.append(Run(float(stamps[first]), len(self.channels)))
            if max(first, 0) < stop:
                piece = slice(max(first, 0), stop)
                self.runs[-1].add(stamps[piece], samples[:, piece])
        self.first = float(stamps[0]) if self.first is None else self.first
        self.last = float(stamps[-1])

    def _check(self, where: str, stamps: Array, n: int) -> None:
        if stamps.shape != (n,):
            raise DataError(f"times of {where} have shape {stamps.shape}, expected ({n},): one for each sample")
        if not np.isfinite(stamps).all():
            sample = int(np.argmin(np.isfinite(stamps)))
            raise DataError(f"times of {where}: that of sample {sample} is not finite; leave the sample out")
        before = np.r_[-np.inf if self.last is None else self.last, stamps[:-1]]
        wrong = np.flatnonzero(~(stamps > before))
        if wrong.size:
            i = int(wrong[0])
            raise DataError(
                f"times of {where} have to increase, but {stamps[i]} s follows {before[i]} s. Push samples in "
                "their order, and repeated ones once."
            )
