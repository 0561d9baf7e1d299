"""Gravity alignment: windows as a device would have recorded them that lay level, however it was worn.

The mean acceleration of a window points, but for movement, along gravity. The smallest rotation that takes it to +z is
applied to every three-axis sensor of the window. What remains is the heading: turning the device about the vertical
turns the aligned window about +z, and any other rotation of the device does the same. Where the heading shall not
matter at all, x and y of an aligned sensor become its horizontal length and its whole length (`parts`). A window needs
nothing outside itself, so that offline prediction, streaming and an exported graph cannot differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from otolith.errors import DataError
from otolith.recording import Triads, triads

FRAMES = ("device", "gravity", "vertical")
"""As the sensors sit in the device; with gravity along +z; or what of that stays the same whatever the heading."""
LEAST = 0.5
"""m/s²: a window whose mean acceleration is shorter (a free fall, or a violent shake) keeps the device's axes."""
FACING_DOWN = 1e-3
"""Squared horizontal part of the mean's direction below which, pointing down, it says nothing of the smallest
rotation's axis: within 1.8 degrees of -z the window is turned by half a turn about x."""


def turned_triads(channels: Sequence[str]) -> Triads:
    """Return the triads that gravity alignment turns, the accelerometer, which finds gravity, first.

    Raises:
        DataError: the accelerometer lacks an axis, or a channel belongs to no triad and so could not be turned.
    """
    found = triads(channels)
    whole = {i for triad in found for i in triad}
    acc = [triad for triad in found if channels[triad[0]] == "acc_x"]
    if not acc:
        raise DataError(
            f"windows.frame = gravity finds gravity by acc_x, acc_y and acc_z; there are {', '.join(channels)}. "
            "Record all three axes, or take windows.frame=device."
        )
    odd = [channel for i, channel in enumerate(channels) if i not in whole]
    if odd:
        raise DataError(
            f"windows.frame = gravity turns sensors of three axes; {', '.join(odd)} cannot be turned. Record the other "
            "axes too, leave the sensor out, or take windows.frame=device."
        )
    return (*acc, *(triad for triad in found if triad not in acc))


def align(x: Any, turned: Triads, parts: bool = False) -> Any:
    """Turn windows (..., channels, time), a numpy array or a torch tensor in physical units, so that gravity is +z.

    Args:
        turned: of `turned_triads`.
        parts: put the length of the horizontal part into x of each triad and the whole length into y.

    Returns:
        A new array of the same shape and type. Lengths of accelerations and turns are kept. With R the rotation and
        (mx, my, mz) the direction of the mean acceleration,

            R = [[1 - k mx², -k mx my, -mx], [-k mx my, 1 - k my², -my], [mx, my, mz]],   k = 1 / (1 + mz).

    >>> align(np.full((3, 10), [[9.81], [0.0], [0.0]]), ((0, 1, 2),))[:, 0].round(2).tolist()
    [0.0, 0.0, 9.81]
    >>> align(np.full((3, 10), [[9.81], [0.0], [0.0]]), ((0, 1, 2),), parts=True)[:, 0].round(2).tolist()
    [0.0, 9.81, 9.81]
    """
    xp = np if isinstance(x, np.ndarray) else _torch()
    acc = turned[0]
    ax, ay, az = (x[..., i : i + 1, :].mean(-1)[..., None] for i in acc)
    length = xp.sqrt(ax * ax + ay * ay + az * az)
    known = length >= LEAST
    safe = xp.where(known, length, length * 0 + 1)
    mx, my, mz = ax / safe, ay / safe, az / safe
    flat = mx * mx + my * my
    down = (mz < 0) & (flat < FACING_DOWN)
    # 1 / (1 + mz) as (1 - mz) / (mx² + my²) where mz is near -1, since the sum would cancel
    k = xp.where(mz < 0, (1 - mz) / xp.where(flat < FACING_DOWN, flat * 0 + 1, flat), 1 / (1 + abs(mz)))
    plain = known & ~down
    one, zero = length * 0 + 1, length * 0
    xx, xy, yy = (xp.where(plain, value, zero) for value in (k * mx * mx, k * mx * my, k * my * my))
    mx, my, mz = xp.where(plain, mx, zero), xp.where(plain, my, zero), xp.where(plain, mz, one)
    sign = xp.where(known & down, -one, one)  # half a turn about x
    rows = [x[..., i : i + 1, :] for i in range(x.shape[-2])]
    for i, j, k_ in turned:
        sx, sy, sz = rows[i], rows[j], rows[k_]
        level_x = (1 - xx) * sx - xy * sy - mx * sz
        level_y = sign * ((1 - yy) * sy - xy * sx - my * sz)
        rows[k_] = sign * (mx * sx + my * sy + mz * sz)
        if parts:
            flat = level_x * level_x + level_y * level_y
            level_x, level_y = xp.sqrt(flat), xp.sqrt(flat + rows[k_] * rows[k_])
        rows[i], rows[j] = level_x, level_y
    return xp.concatenate(rows, -2)


def _torch() -> Any:
    import torch

    return torch
