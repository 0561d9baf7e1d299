"""What stands between windows and a network: the scaler that a recipe asks for, and sensors that are not there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from otolith.augment import SignalSpec
from otolith.errors import DataError, RecipeError, unknown
from otolith.preprocessing.gravity import turned_triads
from otolith.preprocessing.scaler import Scaler
from otolith.recording import sensor_of, sensors_of
from otolith.splits import Split
from otolith.training.window_source import Source, Varied
from otolith.windows import WindowMeta, Windows

if TYPE_CHECKING:
    from otolith.recipes import Recipe


def check_sensors(channels: tuple[str, ...], recipe: Recipe) -> None:
    """Make sure that windows of these channels can be what a recipe asks for.

    Raises:
        DataError: sensors that the recipe leaves out, or without the axes by which it finds gravity.
        RecipeError: sensors that may be missing, and are not there or are needed.
    """
    section, may_miss, there = recipe.windows, recipe.robust.may_miss, sensors_of(channels)
    odd = [sensor for sensor in there if section.sensors and sensor not in section.sensors]
    if odd:
        raise DataError(
            f"the windows hold {', '.join(there)}, and windows.sensors names {', '.join(section.sensors)} alone: cut "
            f"them without {', '.join(odd)}"
        )
    for sensor in may_miss:
        if sensor not in there:
            raise RecipeError("robust.may_miss: " + unknown("sensor", sensor, there))
    if "acc" in may_miss and section.frame == "gravity":
        raise RecipeError("robust.may_miss: windows.frame = gravity needs the accelerometer; leave acc out of the list")
    if len(there) == 1 and may_miss:
        raise RecipeError(f"robust.may_miss: {may_miss[0]} is the only sensor, so that it cannot be missing")
    if section.frame == "gravity":
        turned_triads(channels)


def fit_scaler(w: Windows, split: Split, recipe: Recipe) -> Scaler:
    """The scaler of the training windows of `split`: in the recipe's frame, and with the sensors that may be missing.

    Raises:
        DataError, RecipeError: see `check_sensors`; also signals without gravity that shall be aligned by it.
    """
    channels = w.meta.channels
    check_sensors(channels, recipe)
    absent = [channel for channel, row in zip(channels, w.x[0], strict=True) if np.isnan(row).all()]
    if absent:
        raise DataError(
            f"{w.meta.dataset} has no {', '.join(absent)}, whose mean and deviation the model would have to know. "
            f"Train on data with all sensors, or a model without {', '.join(sensors_of(absent))} (windows.sensors)."
        )
    return Scaler.fit(
        w.x,
        split.train,
        turned=turned_triads(channels) if recipe.windows.frame == "gravity" else (),
        may_miss=[i for i, channel in enumerate(channels) if sensor_of(channel) in recipe.robust.may_miss],
    )


def signal_of(meta: WindowMeta, scaler: Scaler) -> SignalSpec:
    """What the channels of scaled windows are."""
    return SignalSpec(meta.channels, tuple(map(float, scaler.mean)), tuple(map(float, scaler.std)), meta.rate_hz)


def varied(source: Source, meta: WindowMeta, recipe: Recipe, seed: int) -> Varied:
    """Windows to train a head on: as they are and, where the recipe asks for robustness, in changed copies."""
    vary = recipe.variation(signal_of(meta, source.scaler))
    return Varied(source, vary, recipe.robust.copies if vary.items else 0, seed)


def may_miss(meta: WindowMeta, scaler: Scaler) -> tuple[str, ...]:
    """The sensors without which a model can be used, such as ("gyro",)."""
    return sensors_of([meta.channels[i] for i in scaler.may_miss])


def usable(found: tuple[str, ...], meta: WindowMeta, scaler: Scaler) -> tuple[str, ...]:
    """The model's channels that are among those `found`, in the model's order, where the others may be missing.

    A sensor is there with all its channels or not at all. Where a channel is missing that may not, or nothing would be
    left, all of the model's channels come back: whoever looks for them says what is missing.
    """
    sensors = may_miss(meta, scaler)
    gone = {s for s in sensors if not any(sensor_of(c) == s for c in found)}
    left = tuple(channel for channel in meta.channels if sensor_of(channel) not in gone)
    return left if left and set(left) <= set(found) else meta.channels


def widened(w: Windows, meta: WindowMeta) -> Windows:
    """The windows with all channels of `meta`, in its order: NaN throughout where `w` has no such channel."""
    if w.meta.channels == meta.channels:
        return w
    x = np.full((len(w), len(meta.channels), w.x.shape[2]), np.nan, np.float32)
    for row, channel in enumerate(w.meta.channels):
        x[:, meta.channels.index(channel)] = w.x[:, row]
    return replace(w, x=x, meta=replace(w.meta, channels=meta.channels))
