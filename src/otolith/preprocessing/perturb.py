"""Windows as they would be had devices been worn another way, or lacked a sensor: what a model bears, measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from otolith.errors import DataError, unknown
from otolith.model import Model
from otolith.preprocessing.sensors import may_miss
from otolith.recording import sensor_of, triads
from otolith.windows import Windows


def turned(w: Windows, seed: int) -> Windows:
    """Each recording turned by a random rotation of its own, uniform on SO(3) and the same for all of its windows.

    Raises:
        DataError: no sensor has all three axes.
    """
    from scipy.spatial.transform import Rotation

    sensors = triads(w.meta.channels)
    if not sensors:
        raise DataError(f"only sensors of three axes can be turned; there are {', '.join(w.meta.channels)}")
    names, which = np.unique(w.recording, return_inverse=True)
    matrices = Rotation.random(len(names), random_state=np.random.default_rng(seed)).as_matrix().astype(np.float32)
    x = np.array(w.x)
    for number, matrix in enumerate(matrices):
        rows = np.flatnonzero(which == number)
        for sensor in sensors:
            at = np.ix_(rows, np.array(sensor))
            x[at] = matrix @ x[at]
    return replace(w, x=x)


def without(w: Windows, sensor: str, model: Model) -> Windows:
    """The windows without a sensor, such as "gyro", for a model that may miss it.

    Raises:
        DataError: it may not.
    """
    allowed = may_miss(model.meta, model.encoder.scaler)
    if sensor not in allowed:
        raise DataError(
            f"the model cannot do without a sensor: {unknown('sensor', sensor, allowed)}"
            if allowed
            else f"the model cannot do without any sensor; train one that can: --set robust.may_miss={sensor}"
        )
    x = np.array(w.x)
    x[:, [i for i, channel in enumerate(w.meta.channels) if sensor_of(channel) == sensor]] = np.nan
    return replace(w, x=x)
