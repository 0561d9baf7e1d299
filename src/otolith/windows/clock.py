"""One clock for all sensors of a recording: from any streams to gap-free, regularly sampled ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from otolith.errors import DataError
from otolith.recording import Recording, Stream
from otolith.system.memory import release
from otolith.windows.pieces import median_step, slices, where_step

MAX_GAP_S = 0.25
"""A longer silence of any sensor ends a stretch; it is never bridged."""

MOST = 1e12
"""Largest value in m/s² or rad/s: beyond what any sensor measures, and far from where sums and slopes overflow."""

LONG = 4_000_000
"""Points of a grid from which on its values are computed as they are asked for."""
MOST_FILLED = 1000
"""Interpolated samples for one that was given: more, and a rate has nothing to do with its time stamps."""


def contiguous(recording: Recording, max_gap_s: float = MAX_GAP_S) -> list[Stream]:
    """Return the recording as gap-free, regularly sampled streams that hold all of its channels, in time order.

    Regular streams of one rate and one start are only stacked, no sample changes. Anything else (time stamps,
    several rates, sensors that start apart) is interpolated linearly onto one grid at the highest nominal
    rate, from the latest first time to the earliest last time of the streams. Where the time stamps of any
    stream are more than `max_gap_s` apart the grid ends, and a new one begins after the gap.

    Each stream's `start_s` is on the recording's clock; its values are (channels, samples), channels in the
    order of `recording.channels`.

    Raises:
        DataError: NaN, infinite or absurd samples (`MOST`), times that do not increase, a channel given twice,
            a rate that is not positive or far from its time stamps (`MOST_FILLED`), equal rates with unequal lengths,
            sensors that never overlap in time. The message names recording, channel and sample.
    """
    streams = recording.streams
    if not _on_one_clock(recording, max_gap_s):
        return _on_common_grid(recording, max_gap_s)
    if len(streams) == 1:
        return [streams[0]]
    return [_stacked(recording, [s.values for s in streams], streams[0].rate_hz, streams[0].start_s)]


def check_contiguous(recording: Recording, max_gap_s: float = MAX_GAP_S) -> None:
    """Make sure that `contiguous` takes a recording, without the memory that its result takes.

    Raises:
        DataError: as `contiguous`.
    """
    if not _on_one_clock(recording, max_gap_s):
        for _ in _grids(recording, max_gap_s):
            pass


def _on_one_clock(recording: Recording, max_gap_s: float) -> bool:
    """Check the streams, and tell if they are regular, of one rate and begin together."""
    if not (np.isfinite(max_gap_s) and max_gap_s > 0):
        raise DataError(f"max_gap_s is {max_gap_s}; it has to be a positive number of seconds.")
    check_streams(recording)
    streams = recording.streams
    first = streams[0]
    if all(s.times is None and s.rate_hz == first.rate_hz and s.start_s == first.start_s for s in streams):
        lengths = {s.n_samples for s in streams}
        if len(lengths) > 1:
            found = ", ".join(f"{'/'.join(s.channels)}: {s.n_samples} samples" for s in streams)
            raise DataError(
                f"Recording {recording.name!r}: sensors of one rate ({first.rate_hz:g} Hz) differ in length "
                f"({found}). A file is probably cut off: fetch it again, or give each stream its time stamps."
            )
        return True
    return False


def check_streams(recording: Recording) -> None:
    """Make sure that each stream holds what `Stream` promises.

    Raises:
        DataError: as `contiguous`, from looking at each stream by itself.
    """
    name = recording.name
    if not recording.streams:
        raise DataError(f"Recording {name!r} holds no stream; it needs at least one sensor's samples.")
    channels = recording.channels
    twice = sorted({c for c in channels if channels.count(c) > 1})
    if twice:
        raise DataError(f"Recording {name!r} has channel {twice[0]!r} twice; every channel may come once.")
    for stream in recording.streams:
        values, label = stream.values, "/".join(stream.channels)
        if values.ndim != 2 or values.shape[0] != len(stream.channels):
            raise DataError(
                f"Recording {name!r}, {label}: values have shape {values.shape}, "
                f"expected ({len(stream.channels)}, samples)."
            )
        if not np.issubdtype(values.dtype, np.floating):
            raise DataError(f"Recording {name!r}, {label}: values are {values.dtype}, expected floating point.")
        if not (np.isfinite(stream.rate_hz) and stream.rate_hz > 0):
            raise DataError(f"Recording {name!r}, {label}: rate is {stream.rate_hz} Hz, expected a positive number.")
        if not np.isfinite(stream.start_s):
            raise DataError(f"Recording {name!r}, {label}: start is {stream.start_s} s, expected a finite number.")
        bad = _first_beyond(values)
        if bad is not None:
            row, sample = bad
            raise DataError(
                f"Recording {name!r}: channel {stream.channels[row]} is {values[row, sample]} at sample "
                f"{sample} (of {stream.n_samples}, counted from 0). Repair the file, or end the stream "
                "before that sample."
            )
        if stream.times is not None:
            _check_times(name, label, stream.times, stream.n_samples)


def _first_beyond(values: NDArray[np.floating]) -> tuple[int, int] | None:
    """Return row and column of the first value, by rows, that is no number up to `MOST`; None where all are."""
    for row, each in enumerate(values):
        for at in slices(values.shape[1]):  # a week's values have no room for a copy
            wrong = ~(np.abs(each[at]) <= MOST)
            release(values)
            if wrong.any():
                return row, at.start + int(wrong.argmax())
    return None


def _check_times(name: str, label: str, times: NDArray[np.float64], n_samples: int) -> None:
    if times.shape != (n_samples,):
        raise DataError(
            f"Recording {name!r}, {label}: {times.shape} time stamps for {n_samples} samples; expected one for each."
        )
    # `not >` rather than `<=`, so that a NaN among the times is caught too
    wrong = where_step(times, lambda steps: ~(steps > 0))
    if wrong.size:
        i = int(wrong[0]) + 1
        raise DataError(
            f"Recording {name!r}, {label}: time stamps have to increase, but sample {i} is at {times[i]} s "
            f"after {times[i - 1]} s. Sort the samples by time and remove repeated ones."
        )
    ends = np.isfinite(times[[0, -1]]) if len(times) else np.ones(1, np.bool_)  # between them they increase
    if not ends.all():
        i = 0 if not ends[0] else len(times) - 1
        raise DataError(f"Recording {name!r}, {label}: the time of sample {i} is {times[i]}, expected seconds.")


def _stacked(recording: Recording, rows: list[NDArray[np.floating]], rate_hz: float, start_s: float) -> Stream:
    return Stream(recording.channels, np.concatenate(rows, axis=0), rate_hz, None, start_s)


Bounds = tuple[tuple[int, int], ...]


def _on_common_grid(recording: Recording, max_gap_s: float) -> list[Stream]:
    rate_hz = max(s.rate_hz for s in recording.streams)
    clocks = [_times_of(s) for s in recording.streams]
    out = []
    for bounds, lo, n in _grids(recording, max_gap_s):
        given = _Interpolated(recording.streams, tuple(clocks), bounds, lo, rate_hz, n)
        values: Any = given if n >= LONG else given[:, :]
        out.append(Stream(recording.channels, values, rate_hz, None, lo))
    return out


@dataclass(frozen=True, eq=False)
class _Interpolated:
    """Values of streams on a grid of `n` points from `lo` on, computed for the points that are asked for.

    An array, as far as `values[:, a:b]` and `values[rows, a:b]` go.
    """

    streams: tuple[Stream, ...]
    clocks: tuple[NDArray[np.float64], ...]
    bounds: Bounds
    lo: float
    rate_hz: float
    n: int

    dtype = np.dtype(np.float64)
    ndim = 2

    @property
    def shape(self) -> tuple[int, int]:
        return sum(len(stream.channels) for stream in self.streams), self.n

    def __getitem__(self, at: tuple[Any, slice]) -> NDArray[np.float64]:
        rows, (first, stop, _) = at[0], at[1].indices(self.n)
        grid = self.lo + np.arange(first, stop) / self.rate_hz
        found = []
        for stream, times, (a, b) in zip(self.streams, self.clocks, self.bounds, strict=True):
            if len(grid):  # what lies around the points; interpolation reads no more
                begin = max(a, int(np.searchsorted(times[a : b + 1], grid[0], "right")) + a - 1)
                b = min(b, int(np.searchsorted(times[a : b + 1], grid[-1], "left")) + a + 1)
                a = begin
            some = times[a : b + 1]
            found += [np.interp(grid, some, channel) for channel in stream.values[:, a : b + 1]]
            release(stream.values)
            release(times)
        return np.stack(found)[rows]


def _grids(recording: Recording, max_gap_s: float) -> Iterator[tuple[Bounds, float, int]]:
    """Yield first and last sample of every stream, first time and number of grid points of each common stretch."""
    streams = recording.streams
    empty = next((s for s in streams if not s.n_samples), None)
    if empty is not None:
        raise DataError(f"Recording {recording.name!r}: {'/'.join(empty.channels)} holds no sample.")
    rate_hz = max(s.rate_hz for s in streams)
    clocks = [_times_of(s) for s in streams]
    runs = [_runs(recording, s, t, max_gap_s) for s, t in zip(streams, clocks, strict=True)]
    found = False
    for bounds in _common_stretches(runs, clocks):
        found = True
        lo = max(t[a] for t, (a, _) in zip(clocks, bounds, strict=True))
        hi = min(t[b] for t, (_, b) in zip(clocks, bounds, strict=True))
        # a millionth of a period, so that rounding does not cost the last grid point
        n = int(np.floor((hi - lo) * rate_hz + 1e-6)) + 1
        given = max(b - a + 1 for a, b in bounds)
        if n > MOST_FILLED * given:
            raise DataError(
                f"Recording {recording.name!r}: {given:,} samples over {hi - lo:g} s would become {n:,} at its highest "
                f"rate, {rate_hz:g} Hz. Correct that rate, or the time stamps."
            )
        yield tuple(bounds), float(lo), n
    if not found:
        spans = "; ".join(
            f"{'/'.join(s.channels)} {t[0]:g} to {t[-1]:g} s" for s, t in zip(streams, clocks, strict=True)
        )
        raise DataError(
            f"Recording {recording.name!r}: its sensors never record at the same time ({spans}). "
            "Check that all files come from one session and count time from one zero."
        )


def _times_of(stream: Stream) -> NDArray[np.float64]:
    if stream.times is not None:
        return stream.times
    return stream.start_s + np.arange(stream.n_samples) / stream.rate_hz


def _runs(recording: Recording, stream: Stream, times: NDArray[np.float64], max_gap_s: float) -> list[tuple[int, int]]:
    """First and last sample of every stretch without a gap."""
    if stream.times is None:
        return [(0, len(times) - 1)]
    spacing = median_step(times) if len(times) > 1 else 0.0
    if spacing > max_gap_s:
        raise DataError(
            f"Recording {recording.name!r}, {'/'.join(stream.channels)}: samples come every "
            f"{spacing:g} s, slower than the {max_gap_s:g} s that count as a gap. "
            "Check that the times are in seconds."
        )
    # times such as 0.1 + 0.25 miss the limit by rounding; a nanosecond is below any sensor's clock
    cuts = where_step(times, lambda steps: steps > max_gap_s + 1e-9)
    return list(zip([0, *(cuts + 1).tolist()], [*cuts.tolist(), len(times) - 1], strict=True))


def _common_stretches(
    runs: list[list[tuple[int, int]]], clocks: list[NDArray[np.float64]]
) -> list[tuple[tuple[int, int], ...]]:
    """Combinations of one run per stream that share some time, found in one sweep over the ends."""
    at = [0] * len(runs)
    out = []
    while all(i < len(r) for i, r in zip(at, runs, strict=True)):
        bounds = tuple(r[i] for i, r in zip(at, runs, strict=True))
        ends = [t[b] for t, (_, b) in zip(clocks, bounds, strict=True)]
        if max(t[a] for t, (a, _) in zip(clocks, bounds, strict=True)) <= min(ends):
            out.append(bounds)
        at[int(np.argmin(ends))] += 1
    return out
