"""Perturbed windows, to measure what a model bears: devices worn another way, or without a sensor."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from otolith.errors import DataError, unknown
from otolith.preprocessing.scaler import Scaler
from otolith.preprocessing.sensors import may_miss
from otolith.recording import sensor_of, triads
from otolith.windows import WindowMeta, Windows


def turned(w: Windows, seed: int) -> Windows:
    """Return the windows with each recording turned by a random rotation of its own, the same for all of its windows.

    Rotations are uniform on SO(3), as `seed` draws them.

    Raises:
        DataError: no sensor has all three axes.

    >>> w = Windows.from_arrays(np.ones((2, 3, 30), np.float32), np.zeros(2, int), channels=("acc_x", "acc_y", "acc_z"))
    >>> lengths = np.linalg.norm(turned(w, seed=0).x, axis=1)
    >>> bool(np.allclose(lengths, 3**0.5, atol=1e-5))
    True
    """
    from scipy.spatial.transform import Rotation

    sensors = triads(w.meta.channels)
    if not sensors:
        raise DataError(
            f"only sensors of three axes can be turned; there are {', '.join(w.meta.channels)}. Record all axes of one."
        )
    names, which = np.unique(w.recording, return_inverse=True)
    matrices = Rotation.random(len(names), random_state=np.random.default_rng(seed)).as_matrix().astype(np.float32)
    x = np.array(w.x)
    for number, matrix in enumerate(matrices):
        rows = np.flatnonzero(which == number)
        for sensor in sensors:
            at = np.ix_(rows, np.array(sensor))
            x[at] = matrix @ x[at]
    return replace(w, x=x)


def without(w: Windows, sensor: str, meta: WindowMeta, scaler: Scaler) -> Windows:
    """Return the windows without a sensor, such as "gyro": NaN in its channels.

    Args:
        meta, scaler: of the model, which say what may be missing.

    Raises:
        DataError: the model cannot do without the sensor.
    """
    allowed = may_miss(meta, scaler)
    if sensor not in allowed:
        raise DataError(
            f"the model cannot do without a sensor: {unknown('sensor', sensor, allowed)}"
            if allowed
            else f"the model cannot do without any sensor; train one that can: --set robust.may_miss={sensor}"
        )
    x = np.array(w.x)
    x[:, [i for i, channel in enumerate(w.meta.channels) if sensor_of(channel) == sensor]] = np.nan
    return replace(w, x=x)
