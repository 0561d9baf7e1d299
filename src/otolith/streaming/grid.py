"""The common clock of `otolith.windows.clock`, for samples that arrive piece by piece.

It gives bit for bit the streams that `clock.contiguous` gives for the whole recording, as soon as they cannot change
any more: a point of the grid waits for the first sample at or after it of every sensor.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from otolith.errors import DataError
from otolith.streaming.sensor import Run, Sensor
from otolith.windows.clock import MAX_GAP_S

Array = NDArray[np.float64]


@dataclass
class Piece:
    """Further samples (channels, n) of a stretch that begins at `start_s`; `new` marks the first of a stretch."""

    values: Array
    start_s: float
    new: bool


class Grid:
    """Bring sensors onto one clock at the highest of their rates; channels stand in the order of the sensors."""

    def __init__(self, sensors: list[Sensor], max_lag_s: float) -> None:
        self.sensors = sensors
        self.rate_hz = max(sensor.rate_hz for sensor in sensors)
        self.max_lag_s = max_lag_s
        self._open = False
        self._lo = 0.0
        self._k = 0
        self._stacked: bool | None = None

    def advance(self) -> Iterator[Piece]:
        """Yield the samples that have become certain since the last call, in order.

        Raises:
            DataError: a sensor is more than `max_lag_s` behind, and one of them has no time stamps.
        """
        yield from self._certain()
        late = self._late()
        if late:
            for sensor in late:
                if sensor.runs:
                    sensor.runs[-1].ended = True
            yield from self._certain()  # afterwards no stretch is open that a drop could touch
            for sensor in self.sensors:
                if sensor not in late and sensor.runs:
                    self._drop(sensor, self.horizon)

    def _certain(self) -> Iterator[Piece]:
        if any(sensor.timed is None for sensor in self.sensors):
            return
        if self._stacked is None:
            first = self.sensors[0]
            self._stacked = all(
                not s.timed and s.rate_hz == first.rate_hz and s.start_s == first.start_s for s in self.sensors
            )
        yield from self._stack() if self._stacked else self._interpolate()

    def _stack(self) -> Iterator[Piece]:
        """Stack regular sensors of one rate and one start: no sample changes, and none waits for a later one."""
        runs = [sensor.runs[0] for sensor in self.sensors]
        n = min(run.times.size for run in runs)
        if n:
            values = np.concatenate([run.values[:, :n] for run in runs])
            for run in runs:
                run.times, run.values = run.times[n:].copy(), run.values[:, n:].copy()
            yield Piece(values, self.sensors[0].start_s, not self._open)
            self._open = True

    def _interpolate(self) -> Iterator[Piece]:
        while all(sensor.runs for sensor in self.sensors):
            runs = [sensor.runs[0] for sensor in self.sensors]
            lo = max(run.start for run in runs)
            if not self._open:
                self._lo, self._k = lo, 0
            over = [run for run in runs if run.ended]
            # a run that ended before another began shares nothing with it
            if not over or min(run.last for run in over) >= lo:
                last = self._last_certain(runs, over)
                if last >= self._k:
                    yield self._points(runs, last)
            for run in runs:
                run.forget(self._lo + (self._k - 1) / self.rate_hz)
            if not self._leave(over, runs):
                return

    def _last_certain(self, runs: list[Run], over: list[Run]) -> int:
        """Return the number of the last point that no later sample can change."""
        still = [run.last for run in runs if not run.ended]
        last = np.inf
        if still:
            last = np.floor((min(still) - self._lo) * self.rate_hz + 1e-3)
            # by comparison, as the division may be off by a rounding
            while last >= self._k and self._lo + last / self.rate_hz > min(still):
                last -= 1
        if over:
            hi = min(run.last for run in over)
            last = min(last, np.floor((hi - self._lo) * self.rate_hz + 1e-6))
        return int(last)

    def _points(self, runs: list[Run], last: int) -> Piece:
        grid = self._lo + np.arange(self._k, last + 1) / self.rate_hz
        rows = [np.interp(grid, run.times, channel) for run in runs for channel in run.values]
        new, self._open, self._k = not self._open, True, last + 1
        return Piece(np.stack(rows), self._lo, new)

    def _leave(self, over: list[Run], runs: list[Run]) -> bool:
        """Leave the run that ends first, once it is certain which one that is; return True if one was left."""
        if not over:
            return False
        first = min(over, key=lambda run: run.last)
        if any(not run.ended and run.last < first.last for run in runs):
            return False
        if (
            self._open
            and any(not run.ended and run.last < self._lo + self._k / self.rate_hz for run in runs)
            and self._k <= np.floor((first.last - self._lo) * self.rate_hz + 1e-6)
        ):
            return False  # a last point waits for a sample of another sensor
        self.sensors[runs.index(first)].runs.popleft()
        self._open = False
        return True

    def finish(self) -> Iterator[Piece]:
        """Yield the last points: the recording has ended, and they wait for nothing more."""
        for sensor in self.sensors:
            if sensor.runs:
                sensor.runs[-1].ended = True
        if not self._stacked:
            yield from self._certain()

    def _late(self) -> list[Sensor]:
        """Return the sensors that others have left behind by `max_lag_s`; from there on they have a gap."""
        begun = [sensor.first for sensor in self.sensors if sensor.first is not None]
        late = [s for s in self.sensors if (min(begun) if s.last is None else s.last) + MAX_GAP_S < self.horizon]
        untimed = next((sensor for sensor in self.sensors if sensor.timed is False), None)
        if late and untimed is not None:
            raise DataError(
                f"sensor {late[0].name!r} is more than {self.max_lag_s:g} s behind, and sensor {untimed.name!r} has no "
                "time stamps by which the two could be aligned again. Push samples with times, or the sensors in turn."
            )
        return late

    def _drop(self, sensor: Sensor, horizon: float) -> None:
        while len(sensor.runs) > 1 and sensor.runs[0].last < horizon:
            sensor.runs.popleft()
        sensor.runs[0].forget(horizon)

    @property
    def horizon(self) -> float:
        """Return the time before which samples come too late."""
        ahead = max((s.last for s in self.sensors if s.last is not None), default=-np.inf)
        return ahead - self.max_lag_s
