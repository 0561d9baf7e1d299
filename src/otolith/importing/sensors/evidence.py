"""Evidence in the data themselves of a sensor's unit and of gravity. `decide` weighs it against what headers say.

Gravity tells the accelerometer's unit: the mean vector of a second or two has the length of one g whatever the body
does, so 9.8 means m/s² and 1 means g. Where gravity was removed that mean is near zero, and the data say nothing about
the unit. The gyroscope's unit follows from gravity's direction g: it turns as dg/dt = g x w with w in rad/s.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from otolith.importing.naming.unit_words import ACC_UNITS, GYRO_UNITS
from otolith.recording import STANDARD_GRAVITY
from otolith.system.memory import release
from otolith.windows.pieces import AT_ONCE, slices, thinned, where_step

if TYPE_CHECKING:
    Array = NDArray[np.float64]

NEAR = 0.15
"""Share by which the length of gravity may be off: sensors are biased, and bodies accelerate."""
BLOCK_S = 2.0
AGREE = 0.8
"""Share of blocks that have to agree."""
STEADY = 0.5
"""Least length of a block's mean beside the deviation from it, where that mean is gravity."""
MOST_RAD_S = 70.0
"""4000 deg/s: no sensor of a phone or watch measures more, so larger numbers are degrees."""
STILL = 0.03
"""Most deviation from a block's mean beside its length, where nothing moves: what is left is gravity."""
STRAY = 0.4
"""Share by which the usual block may be off the length of gravity, where blocks at rest are not."""
CLOSE, SOME = 0.1, 5
"""Share by which the length, whichever way it points, may be off 1 g in most blocks, and how many these have to be."""
LEAST_S = 5.0
GRID_S = 0.04
ALIKE = 0.6
"""Least correlation between how gravity turns and how the gyroscope says it should."""


@dataclass(frozen=True)
class Blocks:
    """Length of an accelerometer's mean vector in each block of `BLOCK_S`, and the deviation from that vector."""

    lengths: Array
    spreads: Array

    @property
    def typical(self) -> float:
        """Median length; NaN without blocks."""
        return float(np.median(self.lengths)) if self.lengths.size else math.nan

    @property
    def whole(self) -> float:
        """Median length, whichever way it points within a block; NaN without blocks."""
        return float(np.median(np.hypot(self.lengths, self.spreads))) if self.lengths.size else math.nan

    def scaled(self, factor: float) -> Blocks:
        """Return the same in another unit."""
        return Blocks(self.lengths * factor, self.spreads * factor)


def blocks_of(*parts: tuple[Array, Array]) -> Blocks:
    """Return the blocks with enough samples in parts of (times (samples,) in s, values (3, samples)).

    Blocks of zeros alone, as of a sensor that sleeps, are left out.
    """
    lengths, spreads = [np.empty(0)], [np.empty(0)]
    for times, values in parts:
        if len(times) < 10 or not times[-1] - times[0] >= 1.0:
            continue
        _, counts, means, squares = in_blocks(times, values, BLOCK_S)
        length, spread = np.linalg.norm(means, axis=0), np.sqrt(squares.sum(axis=0))
        told = (counts >= 5) & ((length > 0) | (spread > 0))
        lengths.append(length[told])
        spreads.append(spread[told])
    return Blocks(np.concatenate(lengths), np.concatenate(spreads))


def in_blocks(
    times: Array, values: NDArray[np.floating], length_s: float
) -> tuple[Array, NDArray[np.int64], Array, Array]:
    """Return number, count, mean (axes, blocks) and variance (axes, blocks) of every block of time with samples in it.

    >>> in_blocks(np.array([0.0, 1.0, 4.0]), np.array([[1.0, 3.0, 5.0]]), 2.0)[1:]
    (array([2, 1]), array([[2., 5.]]), array([[1., 0.]]))
    """
    if len(times) <= AT_ONCE or len(where_step(times, lambda steps: steps < 0)):
        return _in_blocks(times, values, length_s, float(times[0]))
    found, first, begin = [], 0, float(times[0])
    while first < len(times):  # pieces end where a block does
        stop = min(first + AT_ONCE, len(times))
        if stop < len(times):
            numbers = np.floor((times[first:stop] - begin) / length_s)
            stop = first + (int(np.searchsorted(numbers, numbers[-1])) or len(numbers))
        found.append(_in_blocks(times[first:stop], values[:, first:stop], length_s, begin))
        first = stop
        release(values)
        release(times)
    each = list(zip(*found, strict=True))
    return np.concatenate(each[0]), np.concatenate(each[1]), np.concatenate(each[2], 1), np.concatenate(each[3], 1)


def _in_blocks(
    times: Array, values: NDArray[np.floating], length_s: float, begin: float
) -> tuple[Array, NDArray[np.int64], Array, Array]:
    block = np.floor((times - begin) / length_s)
    if (np.diff(block) < 0).any():
        order = np.argsort(block, kind="stable")
        block, values = block[order], values[:, order]
    starts = np.flatnonzero(np.concatenate([[True], np.diff(block) > 0]))
    counts = np.diff(np.concatenate([starts, [len(block)]]))
    means = np.stack([np.add.reduceat(row, starts) for row in values]) / counts
    squares = [
        np.add.reduceat((row - np.repeat(mean, counts)) ** 2, starts) for row, mean in zip(values, means, strict=True)
    ]
    return block[starts], counts, means, np.stack(squares) / counts


def acc_unit_of_data(blocks: Blocks) -> str | None:
    """Return the unit in which most blocks have a mean of the length of one g; None: in none of them."""
    return next((unit for unit, factor in ACC_UNITS.items() if _shows_gravity(blocks.scaled(factor))), None)


def acc_unit_at_rest(blocks: Blocks) -> tuple[str, float] | None:
    """Return the unit in which blocks have the length of one g where a body moves little, and that length.

    It decides where a body turns or moves for most of a recording: if two blocks or more are at rest and none of them
    says otherwise, or if the length is as of one g in most blocks, whichever way it points. None: not decided.

    >>> acc_unit_at_rest(Blocks(np.array([1.0, 0.8, 0.7, 1.0]), np.array([0.01, 0.5, 0.4, 0.01])))
    ('g', 1.0)
    """
    rest = blocks.lengths[blocks.spreads <= STILL * blocks.lengths]
    whole = np.hypot(blocks.lengths, blocks.spreads)
    for unit, factor in ACC_UNITS.items():
        off, off_whole, usual = (
            np.abs(lengths * factor / STANDARD_GRAVITY - 1) for lengths in (rest, whole, blocks.typical)
        )
        if usual <= STRAY and len(rest) > 1 and (off <= NEAR).all():
            return unit, float(np.median(rest))
        if usual <= STRAY and len(whole) >= SOME and np.mean(off_whole <= CLOSE) >= AGREE:
            return unit, float(np.median(whole))
    return None


def gravity_of_data(blocks_ms2: Blocks) -> str | None:
    """Return "included" or "removed" for data in m/s² where most blocks say so; else None."""
    rest = acc_unit_at_rest(blocks_ms2)
    if _shows_gravity(blocks_ms2) or (rest is not None and rest[0] == "m/s^2"):
        return "included"
    lengths = blocks_ms2.lengths
    return "removed" if lengths.size and np.mean(lengths < 0.3 * STANDARD_GRAVITY) >= AGREE else None


def _shows_gravity(blocks_ms2: Blocks) -> bool:
    """Motion alone averages out, so a mean that is small beside the motion is not gravity, whatever its length."""
    steady = blocks_ms2.lengths >= STEADY * blocks_ms2.spreads
    near = np.abs(blocks_ms2.lengths / STANDARD_GRAVITY - 1) <= NEAR
    return bool(steady.size and np.mean(near & steady) >= AGREE)


def gyro_unit_of_data(
    acc_times: Array, acc: Array, gyro_times: Array, gyro: Array, raw: bool = False
) -> tuple[str, str] | None:
    """Return the gyroscope's unit and the reason, from the turning of gravity or from its size. None: not decided.

    `acc` (3, samples) has gravity in it, in any unit. Whole numbers, and those that are called `raw`, may be counts,
    whose size says nothing.
    """
    some = thinned(gyro)
    large = _largest(some)
    counts = raw or bool(some.size and are_whole(some))
    if not counts and large > MOST_RAD_S * 180 / math.pi:
        return "mdeg/s", "larger than any sensor's range in deg/s"
    if not counts and large > MOST_RAD_S:
        return "deg/s", "larger than any sensor's range in rad/s"
    found = turning_of_gravity(acc_times, acc, gyro_times, gyro)
    if found is None:
        return None
    share, correlation = found
    for unit, wanted in GYRO_UNITS.items():
        if abs(math.log(abs(share) / wanted)) < math.log(3):
            return unit, _turns(unit, share, correlation)
    return None


def _largest(some: NDArray[np.floating]) -> float:
    return float(np.percentile(np.abs(some), 99)) if some.size else 0.0


def scale_contradicted(
    acc_times: Array, acc: Array, gyro_times: Array, gyro: Array, rad_s: float
) -> tuple[bool, str] | None:
    """Return whether a gyroscope's data contradict a stated scale, and how; None where they say nothing of it.

    Args:
        acc_times: in s.
        acc: (3, samples) with gravity, in any unit.
        gyro_times: in s.
        gyro: (3, samples).
        rad_s: stated to be in one of the gyroscope's units.
    """
    if _largest(thinned(gyro)) * rad_s > MOST_RAD_S:
        return True, "they would be larger than any sensor's range"
    found = turning_of_gravity(acc_times, acc, gyro_times, gyro)
    if found is None:
        return None
    times = abs(found[0]) / rad_s
    return abs(math.log(times)) >= math.log(3), f"gravity turns {times:.2g} times as fast as they would say"


def are_whole(values: NDArray[np.floating]) -> bool:
    """Tell if values (axes, samples) are whole numbers, as raw counts are."""
    for at in slices(values.shape[1]):
        some = values[:, at]
        if not (some == np.round(some)).all():
            return False
        release(values)
    return True


def _turns(unit: str, share: float, correlation: float) -> str:
    """Return the reason; where a sensor is mounted mirrored, gravity seems to turn the other way at the same speed."""
    way = "" if share > 0 else ", the other way round: the signs of one sensor are reversed"
    return f"gravity turns as fast as it would in {unit} (correlation {correlation:.2f}){way}"


def turning_of_gravity(acc_times: Array, acc: Array, gyro_times: Array, gyro: Array) -> tuple[float, float] | None:
    """Return rad/s in one of the gyroscope's units by how fast gravity turns, and how alike both turn.

    The share is below 0 where the signs of one sensor are reversed. None: too short, too still, or not alike.

    Args:
        acc: (3, samples) with gravity, in any unit.
        gyro: (3, samples).
    """
    if len(acc_times) < 2 or len(gyro_times) < 2:
        return None
    lo, hi = max(acc_times[0], gyro_times[0]), min(acc_times[-1], gyro_times[-1])
    if not hi - lo >= LEAST_S:
        return None
    grid = np.arange(lo, min(hi, lo + 1800.0), GRID_S)
    stop = (
        int(np.searchsorted(acc_times, grid[-1], "right")) + 1,
        int(np.searchsorted(gyro_times, grid[-1], "right")) + 1,
    )
    # what is left of the accelerometer's signal after half a second's average, twice, is mostly gravity
    width = round(0.5 / GRID_S)
    kernel = np.convolve(np.ones(width), np.ones(width)) / width**2
    g, w = (
        np.stack([np.convolve(np.interp(grid, times, row), kernel, "valid") for row in values])
        for times, values in (
            (acc_times[: stop[0]], acc[:, : stop[0]]),
            (gyro_times[: stop[1]], gyro[:, : stop[1]]),
        )
    )
    turned, expected = np.gradient(g, GRID_S, axis=1), np.cross(g, w, axis=0)
    product, square = float(np.sum(turned * expected)), float(np.sum(expected**2))
    length = math.sqrt(float(np.sum(turned**2)) * square)
    if not (math.isfinite(length) and length > 0 and abs(product) / length >= ALIKE):
        return None
    return product / square, abs(product) / length
