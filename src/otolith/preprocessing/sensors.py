"""Sensors that a model uses or may do without, and the scaler that follows from them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from otolith.errors import DataError, RecipeError, unknown
from otolith.preprocessing.gravity import turned_triads
from otolith.preprocessing.scaler import Scaler
from otolith.recording import known_sensors, sensor_of, sensors_of
from otolith.splits import Split
from otolith.windows import WindowMeta, Windows


@dataclass(frozen=True)
class SensorSettings:
    """The sensors of a model, as a recipe asks for them.

    Args:
        sensors: the only ones to use, such as ("acc", "gyro"); none named: all that there are.
        frame: the axes that the network sees: one of `otolith.preprocessing.gravity.FRAMES`.
        may_miss: sensors that may be missing in recordings to predict on.
    """

    sensors: tuple[str, ...] = ()
    frame: Literal["device", "gravity", "vertical"] = "device"
    may_miss: tuple[str, ...] = ()


def check_sensors(channels: tuple[str, ...], settings: SensorSettings) -> None:
    """Refuse windows of channels that cannot be what the settings ask for.

    Raises:
        DataError: sensors that the settings leave out, or without the axes by which they find gravity.
        RecipeError: sensors that may be missing, and are unknown or needed; one that is not there is no error.

    Args:
        channels: names such as "acc_x".

    >>> check_sensors(("acc_x", "acc_y", "acc_z"), SensorSettings(frame="gravity"))
    >>> check_sensors(("acc_x", "gyro_x"), SensorSettings(may_miss=("mag",)))
    Traceback (most recent call last):
    otolith.errors.RecipeError: robust.may_miss: unknown sensor 'mag'. Known: acc, gyro
    """
    may_miss, there = settings.may_miss, sensors_of(channels)
    odd = [sensor for sensor in there if settings.sensors and sensor not in settings.sensors]
    if odd:
        raise DataError(
            f"the windows hold {', '.join(there)}, and windows.sensors names {', '.join(settings.sensors)} alone. Cut "
            f"them without {', '.join(odd)}."
        )
    for sensor in may_miss:
        if sensor not in known_sensors(there):
            raise RecipeError("robust.may_miss: " + unknown("sensor", sensor, known_sensors(there)))
    if "acc" in may_miss and settings.frame != "device":
        raise RecipeError(
            f"robust.may_miss: windows.frame = {settings.frame} needs the accelerometer; leave acc out of the list"
        )
    if len(there) == 1 and there[0] in may_miss:
        raise RecipeError(
            f"robust.may_miss: {there[0]} is the only sensor, so that it cannot be missing; leave the list empty"
        )
    if settings.frame != "device":
        turned_triads(channels)


def fit_scaler(w: Windows, split: Split, settings: SensorSettings, *, scaled: bool = True) -> Scaler:
    """Return the scaler of the training windows of `split`, in the frame and with the missing sensors of `settings`.

    Args:
        scaled: False leaves samples in m/s² and rad/s, see `Scaler`.

    Raises:
        DataError, RecipeError: see `check_sensors`; also signals without gravity that shall be aligned by it.
    """
    channels = w.meta.channels
    check_sensors(channels, settings)
    absent = [channel for channel, row in zip(channels, w.x[0], strict=True) if np.isnan(row).all()]
    if absent:
        raise DataError(
            f"{w.meta.dataset} has no {', '.join(absent)}, whose mean and deviation the model would have to know. "
            f"Train on data with all sensors, or a model without {', '.join(sensors_of(absent))} (windows.sensors)."
        )
    fitted = Scaler.fit(
        w.x,
        split.train,
        turned=turned_triads(channels) if settings.frame != "device" else (),
        parts=settings.frame == "vertical",
        may_miss=[i for i, channel in enumerate(channels) if sensor_of(channel) in settings.may_miss],
    )
    return replace(fitted, applied=scaled)


def frame_of(scaler: Scaler) -> str:
    """Return the frame of windows that a scaler has scaled, one of `otolith.preprocessing.gravity.FRAMES`."""
    return ("vertical" if scaler.parts else "gravity") if scaler.turned else "device"


def may_miss(meta: WindowMeta, scaler: Scaler) -> tuple[str, ...]:
    """Return the sensors without which a model can be used, such as ("gyro",)."""
    return sensors_of([meta.channels[i] for i in scaler.may_miss])


def usable(found: tuple[str, ...], meta: WindowMeta, scaler: Scaler) -> tuple[str, ...]:
    """Return the model's channels that are among those `found`, in the model's order, where the others may be missing.

    A sensor is there with all its channels or not at all. Where a channel is missing that may not, or nothing would be
    left, all of the model's channels come back: whoever looks for them says what is missing.

    >>> meta = WindowMeta("own", ("walk",), ("acc_x", "gyro_x"))
    >>> usable(("acc_x",), meta, Scaler(np.zeros(2), np.ones(2), may_miss=(1,)))
    ('acc_x',)
    """
    sensors = may_miss(meta, scaler)
    gone = {s for s in sensors if not any(sensor_of(c) == s for c in found)}
    left = tuple(channel for channel in meta.channels if sensor_of(channel) not in gone)
    return left if left and set(left) <= set(found) else meta.channels


def widened(w: Windows, meta: WindowMeta) -> Windows:
    """Return the windows with all channels of `meta`, in its order: NaN throughout where `w` has no such channel."""
    if w.meta.channels == meta.channels:
        return w
    x = np.full((len(w), len(meta.channels), w.x.shape[2]), np.nan, np.float32)
    for row, channel in enumerate(w.meta.channels):
        x[:, meta.channels.index(channel)] = w.x[:, row]
    return replace(w, x=x, meta=replace(w.meta, channels=meta.channels))
