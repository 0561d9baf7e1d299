"""Units of sensors: what a header says, what the data say, and which of them decides.

Gravity tells the accelerometer's unit: the mean vector of a second or two has the length of one g whatever the body
does, so 9.8 means m/s² and 1 means g. Where gravity was removed that mean is near zero, and the data say nothing about
the unit. The gyroscope's unit follows from gravity's direction g: it turns as dg/dt = g x w with w in rad/s.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from otolith.recording import STANDARD_GRAVITY

if TYPE_CHECKING:
    Array = NDArray[np.float64]

ACC_UNITS = {"m/s^2": 1.0, "g": STANDARD_GRAVITY, "mg": STANDARD_GRAVITY / 1000}
"""m/s² in each unit."""
GYRO_UNITS = {"rad/s": 1.0, "deg/s": math.pi / 180, "mdeg/s": math.pi / 180_000}
"""rad/s in each unit."""
GRAVITY = ("included", "removed")

NEAR = 0.15
"""Share by which the length of gravity may be off: sensors are biased, and bodies accelerate."""
BLOCK_S = 2.0
AGREE = 0.8
"""Share of blocks that have to agree."""
STEADY = 0.5
"""Least length of a block's mean beside the deviation from it, where that mean is gravity."""
MOST_RAD_S = 70.0
"""4000 deg/s: no sensor of a phone or watch measures more, so larger numbers are degrees."""

LEAST_S = 5.0
GRID_S = 0.04
ALIKE = 0.6
"""Least correlation between how gravity turns and how the gyroscope says it should."""

_SPELLED = {
    "m/s^2": ("m/s^2", "m/s2", "m/s²", "m/s/s", "ms-2", "ms^-2", "m.s-2", "m/s**2", "m/sec^2", "m/sec2", "mps2"),
    "g": ("g", "gs", "g's", "gforce", "g-force"),
    "mg": ("mg", "milli-g", "millig"),
    "rad/s": ("rad/s", "rads/s", "rads", "rps", "rad/sec", "rad s-1", "rads-1", "1/s", "radians/s", "radians/second"),
    "deg/s": ("deg/s", "°/s", "dps", "deg/sec", "degrees/s", "degrees/second", "degs-1", "º/s"),
    "mdeg/s": ("mdps", "mdeg/s"),
}
_BY_SPELLING = {spelling: unit for unit, spellings in _SPELLED.items() for spelling in spellings}
_BRACKETS = re.compile(r"[(\[]([^()\[\]]*)[)\]]\s*$")


def split_header(header: str) -> tuple[str, str | None]:
    """Name and unit of a header with brackets: "Acceleration x (m/s^2)" -> ("Acceleration x", "m/s^2").

    >>> split_header("Gyr_X [°/s]")
    ('Gyr_X', 'deg/s')
    """
    text = header.strip()
    match = _BRACKETS.search(text)
    if match is None:
        return text, None
    return text[: match.start()].strip(), unit_of_text(match[1])


def unit_of_text(text: str) -> str | None:
    """Unit of a sensor as people spell it; None if it is none of ours.

    >>> unit_of_text("m/s²"), unit_of_text("dps"), unit_of_text("hPa")
    ('m/s^2', 'deg/s', None)
    """
    return _BY_SPELLING.get(text.strip().lower())


def unit_in_name(header: str, units: dict[str, float]) -> str | None:
    """A unit that stands in a header without brackets, such as `acc_x_g`, `gyro_x_dps` or `acc_mps2_x`."""
    tokens = re.split(r"[_\s]+", header.strip().lower())
    found = {unit for token in tokens[1:] if (unit := unit_of_text(token)) in units}
    return found.pop() if len(found) == 1 else None


@dataclass(frozen=True)
class Blocks:
    """Of each block of `BLOCK_S` of an accelerometer: the length of its mean vector, and the deviation from it."""

    lengths: Array
    spreads: Array

    @property
    def typical(self) -> float:
        """Median length; NaN without blocks."""
        return float(np.median(self.lengths)) if self.lengths.size else math.nan

    def scaled(self, factor: float) -> Blocks:
        """The same in another unit."""
        return Blocks(self.lengths * factor, self.spreads * factor)


def blocks_of(*parts: tuple[Array, Array]) -> Blocks:
    """The blocks with enough samples in parts of (times, values (3, samples))."""
    lengths, spreads = [np.empty(0)], [np.empty(0)]
    for times, values in parts:
        if len(times) < 10 or not times[-1] - times[0] >= 1.0:
            continue
        block = np.floor((times - times[0]) / BLOCK_S).astype(np.int64)
        _, block, counts = np.unique(block, return_inverse=True, return_counts=True)
        means = np.stack([np.bincount(block, row) for row in values]) / counts
        squares = np.bincount(block, ((values - means[:, block]) ** 2).sum(axis=0)) / counts
        lengths.append(np.linalg.norm(means, axis=0)[counts >= 5])
        spreads.append(np.sqrt(squares)[counts >= 5])
    return Blocks(np.concatenate(lengths), np.concatenate(spreads))


def acc_unit_of_data(blocks: Blocks) -> str | None:
    """Unit that the data decide: most blocks have a mean of the length of one g in that unit, and in no other.

    Motion alone averages out, so a mean that is small beside the motion is not gravity, whatever its length.
    """
    if not blocks.lengths.size:
        return None
    steady = blocks.lengths >= STEADY * blocks.spreads
    for unit, factor in ACC_UNITS.items():
        near = np.abs(blocks.lengths * factor / STANDARD_GRAVITY - 1) <= NEAR
        if np.mean(near & steady) >= AGREE:
            return unit
    return None


def gravity_of_data(blocks_ms2: Blocks) -> str | None:
    """Whether gravity is in data of known unit (m/s²), where most blocks say so."""
    lengths = blocks_ms2.lengths
    if not lengths.size:
        return None
    steady = lengths >= STEADY * blocks_ms2.spreads
    if np.mean((np.abs(lengths / STANDARD_GRAVITY - 1) <= NEAR) & steady) >= AGREE:
        return "included"
    if np.mean(lengths < 0.3 * STANDARD_GRAVITY) >= AGREE:
        return "removed"
    return None


def gyro_unit_of_data(acc_times: Array, acc: Array, gyro_times: Array, gyro: Array) -> tuple[str, str] | None:
    """Unit of the gyroscope from the turning of gravity, or from its size; with the reason. None: not decided.

    `acc` (3, samples) has gravity in it, in any unit.
    """
    if gyro.shape[1] and float(np.percentile(np.abs(gyro), 99)) > MOST_RAD_S * 180 / math.pi:
        return "mdeg/s", "larger than any sensor's range in deg/s"
    if gyro.shape[1] and float(np.percentile(np.abs(gyro), 99)) > MOST_RAD_S:
        return "deg/s", "larger than any sensor's range in rad/s"
    lo, hi = max(acc_times[0], gyro_times[0]), min(acc_times[-1], gyro_times[-1])
    if not hi - lo >= LEAST_S:
        return None
    grid = np.arange(lo, min(hi, lo + 1800.0), GRID_S)
    # what is left of the accelerometer's signal after half a second's average, twice, is mostly gravity
    width = round(0.5 / GRID_S)
    kernel = np.convolve(np.ones(width), np.ones(width)) / width**2
    g, w = (
        np.stack([np.convolve(np.interp(grid, times, row), kernel, "valid") for row in values])
        for times, values in ((acc_times, acc), (gyro_times, gyro))
    )
    turned, expected = np.gradient(g, GRID_S, axis=1), np.cross(g, w, axis=0)
    product, square = float(np.sum(turned * expected)), float(np.sum(expected**2))
    length = math.sqrt(float(np.sum(turned**2)) * square)
    if not (math.isfinite(length) and length > 0 and abs(product) / length >= ALIKE):
        return None
    for unit, wanted in GYRO_UNITS.items():
        if abs(math.log(abs(product) / square / wanted)) < math.log(3):
            # where one of the sensors is mounted mirrored, gravity seems to turn the other way; its speed is the same
            way = "" if product > 0 else ", the other way round: the signs of one sensor are reversed"
            return unit, f"gravity turns as fast as it would in {unit} (correlation {abs(product) / length:.2f}){way}"
    return None
