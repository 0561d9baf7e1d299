"""Units of sensors: from headers and from the data themselves. `decide` chooses between the two.

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
TIME_UNITS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
"""Nanoseconds in each unit of time."""
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
    "m/s^2": ("m/s^2", "m/s2", "m/s/s", "ms-2", "ms^-2", "m.s-2", "m*s^-2", "m/s**2", "mps2"),
    "g": ("g", "gs", "g's", "gforce", "g-force", "gravity", "g0"),
    "mg": ("mg", "milli-g", "millig", "milligs"),
    "rad/s": ("rad/s", "rads/s", "rads", "rps", "rads-1", "rads^-1", "rad.s-1", "1/s", "s^-1"),
    "deg/s": ("deg/s", "dps", "degs-1", "deg.s-1", "degs^-1"),
    "mdeg/s": ("mdps", "mdeg/s"),
}
_TIME_SPELLED = {
    "s": ("s", "secs", "second", "seconds", "sek", "sekunden", "segundos", "secondes"),
    "ms": ("ms", "msecs", "millis", "milliseconds", "millisecond"),
    "us": ("us", "usecs", "micros", "microseconds", "microsecond"),
    "ns": ("ns", "nsecs", "nanos", "nanoseconds", "nanosecond"),
}
_OTHER = {"ut", "nt", "gauss", "ga", "mgauss", "v", "mv", "uv", "ohm", "kohm", "siemens", "hz", "c", "celsius", "hpa",
          "kpa", "pa", "mbar", "m", "km", "km/h", "m/s", "deg", "rad", "%", "bpm", "lux", "lx", "db", "no_units",
          "no units", "unitless", "n/a", "arb", "count", "counts", "local_flux", "mm"}  # fmt: skip
"""Units of what is no motion; they only tell a row of units."""
_DATE_PATTERN = re.compile(r"[ymdhsf./:\- tz0]+", re.IGNORECASE)
_WORDS = (
    (r"[²₂]", "^2"), (r"[°º]", "deg"), (r"[µμ]", "u"), (r"[()]", ""), (r"\bper\b", "/"),
    (r"\bmet(er|re)s?\b", "m"), (r"\bdegrees?\b", "deg"), (r"\bradians?\b", "rad"), (r"\bsec(ond)?s?\b", "s"),
    (r"\bsquared\b", "^2"), (r"\s*([/^*])\s*", r"\1"),
)  # fmt: skip
"""Words and signs of units, and how they are written here, in this order."""
_SENSOR_UNITS, _TIME_UNITS = (
    {spelling: unit for unit, spellings in spelled.items() for spelling in spellings}
    for spelled in (_SPELLED, _TIME_SPELLED)
)
_BRACKETS = re.compile(r"[(\[]([^()\[\]]*)[)\]]\s*$")


def split_header(header: str) -> tuple[str, str | None]:
    """Return name and sensor's unit of a header with brackets.

    >>> split_header("Acceleration x (m/s^2)"), split_header("Gyr_X [°/s]"), split_header("time")
    (('Acceleration x', 'm/s^2'), ('Gyr_X', 'deg/s'), ('time', None))
    """
    text = header.strip()
    match = _BRACKETS.search(text)
    if match is None:
        return text, None
    return text[: match.start()].strip(), unit_of_text(match[1])


def bracketed(header: str) -> str:
    """Return the text in the brackets that end a header; "" where there are none.

    >>> bracketed("x-axis (deg/s)"), bracketed("x")
    ('deg/s', '')
    """
    match = _BRACKETS.search(header.strip())
    return "" if match is None else match[1].strip()


def unit_of_text(text: str) -> str | None:
    """Return a sensor's unit as people spell it; None for any other.

    >>> unit_of_text("m/s²"), unit_of_text("m/(sec^2)"), unit_of_text("degrees per second"), unit_of_text("hPa")
    ('m/s^2', 'm/s^2', 'deg/s', None)
    """
    return _SENSOR_UNITS.get(_plain(text)) or _SENSOR_UNITS.get(_plain(text).replace(" ", ""))


def is_unit_text(text: str) -> bool:
    """Tell if a text is a unit, of motion, time or something else, or a pattern for dates, as rows of units have.

    >>> is_unit_text("m/(sec^2)"), is_unit_text("mSecs"), is_unit_text("yyyy/mm/dd hh:mm:ss"), is_unit_text("Acc_X")
    (True, True, True, False)
    """
    word = _plain(text)
    known = unit_of_text(text) is not None or word in _TIME_UNITS or word in _OTHER
    return known or (len(word) > 7 and bool(_DATE_PATTERN.fullmatch(word)))


def time_unit_of_text(text: str) -> str | None:
    """Return a unit of time as people spell it; None for any other.

    >>> time_unit_of_text("mSecs"), time_unit_of_text("g")
    ('ms', None)
    """
    return _TIME_UNITS.get(_plain(text))


def _plain(text: str) -> str:
    """Return a unit in small letters, with the signs and words that are spelled in many ways spelled in one."""
    word = text.strip().lower()
    for pattern, plain in _WORDS:
        word = re.sub(pattern, plain, word)
    return word.strip()


def unit_in_name(header: str, units: dict[str, float]) -> str | None:
    """Return a unit that stands in a header with or without brackets; None where there is none or several.

    >>> unit_in_name("acc_x_g", ACC_UNITS), unit_in_name("gyro_x [dps]", GYRO_UNITS), unit_in_name("acc_x", ACC_UNITS)
    ('g', 'deg/s', None)
    """
    bracketed = split_header(header)[1]
    words = re.split(r"[_\s]+", header.strip().lower())
    words = words[:1] + [word for word in words[1:] if word != "gravity"]  # such as acc_x_no_gravity
    last = _unit_at_the_end(words)
    if last is not None and bracketed is None and last[1] in units:
        return last[1]
    found = {bracketed} if bracketed else {unit for word in words[1:] if (unit := unit_of_text(word)) in units}
    unit = found.pop() if len(found) == 1 else None
    return unit if unit in units else None


def without_unit(words: str) -> str:
    """Return words of a header without the sensor's unit that ends them.

    >>> without_unit("acc x g"), without_unit("x acceleration meters per second squared"), without_unit("acc x")
    ('acc x', 'x acceleration', 'acc x')
    """
    each = words.split()
    last = _unit_at_the_end(each)
    return words if last is None else " ".join(each[: len(each) - last[0]])


def _unit_at_the_end(words: list[str]) -> tuple[int, str] | None:
    """Return how many words at the end are a sensor's unit, at most five and never all of them, and the unit."""
    for count in range(min(5, len(words) - 1), 0, -1):
        for joined in (" ".join(words[-count:]), "/".join(words[-count:])):
            unit = unit_of_text(joined)
            if unit is not None:
                return count, unit
    return None


def time_unit_in_name(header: str) -> str | None:
    """Return the unit of time in a header's last word; None where it says none.

    >>> time_unit_in_name("time (ms)"), time_unit_in_name("timestamp_ns"), time_unit_in_name("seconds")
    ('ms', 'ns', None)
    """
    words = re.findall(r"[^\W_]+", header.lower())
    return _TIME_UNITS.get(words[-1]) if len(words) > 1 else None


@dataclass(frozen=True)
class Blocks:
    """Length of an accelerometer's mean vector in each block of `BLOCK_S`, and the deviation from that vector."""

    lengths: Array
    spreads: Array

    @property
    def typical(self) -> float:
        """Median length; NaN without blocks."""
        return float(np.median(self.lengths)) if self.lengths.size else math.nan

    def scaled(self, factor: float) -> Blocks:
        """Return the same in another unit."""
        return Blocks(self.lengths * factor, self.spreads * factor)


def blocks_of(*parts: tuple[Array, Array]) -> Blocks:
    """Return the blocks with enough samples in parts of (times (samples,) in s, values (3, samples))."""
    lengths, spreads = [np.empty(0)], [np.empty(0)]
    for times, values in parts:
        if len(times) < 10 or not times[-1] - times[0] >= 1.0:
            continue
        _, counts, means, squares = in_blocks(times, values, BLOCK_S)
        lengths.append(np.linalg.norm(means, axis=0)[counts >= 5])
        spreads.append(np.sqrt(squares.sum(axis=0))[counts >= 5])
    return Blocks(np.concatenate(lengths), np.concatenate(spreads))


def in_blocks(
    times: Array, values: NDArray[np.floating], length_s: float
) -> tuple[Array, NDArray[np.int64], Array, Array]:
    """Return number, count, mean (axes, blocks) and variance (axes, blocks) of every block of time with samples in it.

    >>> in_blocks(np.array([0.0, 1.0, 4.0]), np.array([[1.0, 3.0, 5.0]]), 2.0)[1:]
    (array([2, 1]), array([[2., 5.]]), array([[1., 0.]]))
    """
    block = np.floor((times - times[0]) / length_s)
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


def gravity_of_data(blocks_ms2: Blocks) -> str | None:
    """Return "included" or "removed" for data in m/s² where most blocks say so; else None."""
    if _shows_gravity(blocks_ms2):
        return "included"
    lengths = blocks_ms2.lengths
    return "removed" if lengths.size and np.mean(lengths < 0.3 * STANDARD_GRAVITY) >= AGREE else None


def _shows_gravity(blocks_ms2: Blocks) -> bool:
    """Motion alone averages out, so a mean that is small beside the motion is not gravity, whatever its length."""
    steady = blocks_ms2.lengths >= STEADY * blocks_ms2.spreads
    near = np.abs(blocks_ms2.lengths / STANDARD_GRAVITY - 1) <= NEAR
    return bool(steady.size and np.mean(near & steady) >= AGREE)


def gyro_unit_of_data(acc_times: Array, acc: Array, gyro_times: Array, gyro: Array) -> tuple[str, str] | None:
    """Return the gyroscope's unit and the reason, from the turning of gravity or from its size. None: not decided.

    `acc` (3, samples) has gravity in it, in any unit.
    """
    large = float(np.percentile(np.abs(gyro), 99)) if gyro.size else 0.0
    if large > MOST_RAD_S * 180 / math.pi:
        return "mdeg/s", "larger than any sensor's range in deg/s"
    if large > MOST_RAD_S:
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
