"""Doubtful stretches of a recording: long stillness, the end of the sensor's range, a value that no longer changes.

They are flagged and kept: only the owner knows if a still hour is sleep or a phone on a table.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from otolith.importing.findings import Flag
from otolith.importing.sensors.evidence import in_blocks
from otolith.recording import STANDARD_GRAVITY, Stream
from otolith.system.memory import release
from otolith.windows.clock import MAX_GAP_S
from otolith.windows.pieces import slices

STILL_MS2 = 0.013 * STANDARD_GRAVITY
"""Deviation of every axis within a block below which a device lies still: 13 mg, as actigraphy has it."""
STILL_BLOCK_S = 10.0
STILL_S = 600.0
"""Stillness of ten minutes and more is flagged."""
FROZEN_S = 1.0
RANGES = {
    "acc": tuple(g * STANDARD_GRAVITY for g in (2, 4, 8, 16, 32)),
    "gyro": tuple(np.radians(d) for d in (250, 500, 1000, 2000, 4000)),
}
"""Ends of the ranges that motion sensors are built with."""
RANGE_TOLERANCE = 0.03
SATURATED_SAMPLES = 3


def flags_of(stream: Stream) -> list[Flag]:
    """Return all flags of one stream, in order of time."""
    times = stream.sample_times
    found: list[Flag] = []
    for kind, name in (("acc", "accelerometer"), ("gyro", "gyroscope")):
        rows = [i for i, channel in enumerate(stream.channels) if channel.startswith(kind)]
        if rows:
            values = stream.values[rows[0] : rows[0] + 3]
            if kind == "acc":
                found += [Flag("still", name, *span) for span in _still(times, values)]
            found += [Flag("saturated", name, *span) for span in _saturated(times, values, RANGES[kind])]
            found += [Flag("frozen", name, *span) for span in _frozen(times, values)]
    return sorted(found, key=lambda flag: (flag.start_s, flag.kind))


def _still(times: NDArray[np.float64], values: NDArray[np.floating]) -> list[tuple[float, float]]:
    numbers, counts, _, squares = in_blocks(times, values, STILL_BLOCK_S)
    quiet = (np.sqrt(squares) < STILL_MS2).all(axis=0)
    begins = times[0] + numbers * STILL_BLOCK_S
    spans = []
    for first, last in _runs(quiet & (counts >= 5), numbers.astype(np.int64)):
        stop = min(begins[last] + STILL_BLOCK_S, times[-1])
        if stop - begins[first] >= STILL_S:
            spans.append((float(begins[first]), float(stop)))
    return spans


def _frozen(times: NDArray[np.float64], values: NDArray[np.floating]) -> list[tuple[float, float]]:
    same = np.zeros(max(0, len(times) - 1), np.bool_)
    for at in slices(len(same)):
        more = slice(at.start, at.stop + 1)
        same[at] = np.diff(times[more]) <= MAX_GAP_S
        for row in values[:, more]:
            same[at] &= row[1:] == row[:-1]
        release(values)
        release(times)
    return [(float(times[a]), float(times[b + 1])) for a, b in _runs(same) if times[b + 1] - times[a] >= FROZEN_S]


def _saturated(
    times: NDArray[np.float64], values: NDArray[np.floating], ranges: tuple[float, ...]
) -> list[tuple[float, float]]:
    """Return runs of samples at an axis' extreme value, where that ends a range; runs within a second are one."""
    parts = []
    for at in slices(values.shape[1]):
        piece = np.ascontiguousarray(values[:, at])  # four times as fast where channels lie side by side
        parts.append((piece.max(axis=1), piece.min(axis=1)))
        release(values)
    extremes = np.max([high for high, _ in parts], axis=0), np.min([low for _, low in parts], axis=0)
    at_end = np.zeros(values.shape[1], np.bool_)
    for row, both in zip(values, zip(*extremes, strict=True), strict=True):
        for extreme in map(float, both):
            if any(abs(abs(extreme) / end - 1) <= RANGE_TOLERANCE for end in ranges):
                near = np.zeros(len(row), np.bool_)
                for at in slices(len(row)):
                    near[at] = np.abs(row[at] - extreme) <= 1e-3 * abs(extreme)
                    release(values)
                for a, b in _runs(near):
                    if b - a + 1 >= SATURATED_SAMPLES:
                        at_end[a : b + 1] = True
    spans: list[tuple[float, float]] = []
    for a, b in _runs(at_end):
        if spans and times[a] - spans[-1][1] <= 1.0:
            spans[-1] = (spans[-1][0], float(times[b]))
        else:
            spans.append((float(times[a]), float(times[b])))
    return spans


def _runs(mask: NDArray[np.bool_], numbers: NDArray[np.int64] | None = None) -> list[tuple[int, int]]:
    """Return first and last index of each run of True; a run also ends where the `numbers` skip one."""
    padded = np.concatenate([[False], mask, [False]])
    first, last = np.flatnonzero(~padded[:-1] & padded[1:]), np.flatnonzero(padded[:-1] & ~padded[1:]) - 1
    out = []
    for a, b in zip(first.tolist(), last.tolist(), strict=True):
        if numbers is None:
            out.append((a, b))
            continue
        cuts = a + np.flatnonzero(np.diff(numbers[a : b + 1]) > 1)
        out += list(zip([a, *(cuts + 1).tolist()], [*cuts.tolist(), b], strict=True))
    return out
