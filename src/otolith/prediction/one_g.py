"""Zero and scale of an accelerometer from its still moments, in which it measures gravity alone: 1 g.

The method is that of van Hees et al. 2014 (J. Appl. Physiol. 117:738-744): each axis gets an offset and a factor such
that the mean accelerations of still epochs come to lie on a sphere of 1 g. The nearest points of that sphere are the
targets of a weighted linear regression for each axis, which is repeated until nothing changes.
Temperature is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from otolith.prediction.epochs import ACC, Epochs, acceleration
from otolith.prediction.wear import STILL_MS2
from otolith.recording import STANDARD_GRAVITY, Recording

LEAST_EPOCHS = 36
"""Three minutes of still moments."""
MOST_EPOCHS = 5000
"""More of them are thinned out evenly."""
COVERED_G = 0.3
"""The still moments of each axis have to reach beyond this on both sides of zero, or the sphere is not determined."""
WORST_MG = 10.0
"""Mean distance from 1 g up to which a fit is believed."""
ROUNDS, CLOSE = 1000, 1e-10


@dataclass(frozen=True)
class OneG:
    """Zero and scale of an accelerometer, as they were found.

    Attributes:
        offset: (x, y, z) in m/s², added before the factor.
        scale: factors of x, y and z.
        before_mg, after_mg: mean distance of still moments from 1 g, without and with them.
        why_not: reason why it was left as it is; "" where the calibration applies.

    >>> OneG((0.1, 0.0, 0.0), (1.0, 1.0, 1.0), 12.0, 2.0).told()
    'still moments are 2.0 mg off 1 g, before 12.0 mg (zero x +10, y +0, z +0 mg; scale 1.000, 1.000, 1.000)'
    """

    offset: tuple[float, ...] = (0.0, 0.0, 0.0)
    scale: tuple[float, ...] = (1.0, 1.0, 1.0)
    before_mg: float | None = None
    after_mg: float | None = None
    why_not: str = ""

    def told(self) -> str:
        """Return in words what was done, or why nothing was."""
        before = "" if self.before_mg is None else f"; still moments are {self.before_mg:.1f} mg off 1 g"
        if self.why_not:
            return f"left as it is: {self.why_not}{before}"
        zero = ", ".join(
            f"{axis} {1000 * v / STANDARD_GRAVITY:+.0f}" for axis, v in zip("xyz", self.offset, strict=True)
        )
        scale = ", ".join(f"{v:.3f}" for v in self.scale)
        return (
            f"still moments are {self.after_mg:.1f} mg off 1 g, before {self.before_mg:.1f} mg "
            f"(zero {zero} mg; scale {scale})"
        )


def fit(epochs: Epochs) -> OneG:
    """Return zero and scale of the accelerometer that epochs come from, where their still moments decide them.

    Args:
        epochs: with gravity in them.
    """
    still = np.all(epochs.std < STILL_MS2, axis=1)
    x = np.asarray(epochs.mean[still], np.float64) / STANDARD_GRAVITY
    x = x[np.abs(np.linalg.norm(x, axis=1) - 1) < 0.5] if len(x) else x.reshape(0, 3)
    if len(x) < LEAST_EPOCHS:
        return OneG(why_not=f"{len(x) * 5 / 60:.1f} min of stillness, {LEAST_EPOCHS * 5 // 60} min are needed")
    before = float(np.abs(np.linalg.norm(x, axis=1) - 1).mean()) * 1000
    if not ((x.min(0) < -COVERED_G) & (x.max(0) > COVERED_G)).all():
        return OneG(before_mg=before, why_not="it lay still in too few directions")
    offset, scale = _on_the_sphere(x[:: -(-len(x) // MOST_EPOCHS)])
    after = float(np.abs(np.linalg.norm((x + offset) * scale, axis=1) - 1).mean()) * 1000
    if not after < min(before, WORST_MG):
        return OneG(before_mg=before, why_not=f"a fit would leave {after:.1f} mg")
    return OneG(tuple((offset * STANDARD_GRAVITY).tolist()), tuple(scale.tolist()), before, after)


def _on_the_sphere(x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return offset and factor (3,) of accelerations (n, 3) in g, found in repeated regressions."""
    slope, shift = np.ones(3), np.zeros(3)
    weights, error = np.ones(len(x)), np.inf
    for _ in range(ROUNDS):
        now = x * slope + shift
        length = np.linalg.norm(now, axis=1, keepdims=True)
        target = now / np.maximum(length, 1e-9)
        for axis in range(3):
            a, b = np.polyfit(now[:, axis], target[:, axis], 1, w=np.sqrt(weights))
            slope[axis], shift[axis] = a * slope[axis], a * shift[axis] + b
        residual = float((weights[:, None] * (x * slope + shift - target) ** 2).sum() / weights.sum())
        weights = np.minimum(1 / np.maximum(np.abs(length[:, 0] - 1), 1e-12), 100.0)
        if abs(error - residual) < CLOSE:
            break
        error = residual
    return shift / slope, slope


def applied(recording: Recording, found: OneG) -> Recording:
    """Return a recording with its accelerometer calibrated; its other streams are the same objects."""
    stream = acceleration(recording)
    if stream is None or found.why_not:
        return recording
    values = stream.values.copy()
    for channel, offset, scale in zip(ACC, found.offset, found.scale, strict=True):
        row = stream.channels.index(channel)
        values[row] = (values[row] + offset) * scale
    streams = (replace(each, values=values) if each is stream else each for each in recording.streams)
    return replace(recording, streams=tuple(streams))
