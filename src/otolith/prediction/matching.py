"""Match a recording to a model: channels by name, units, gravity, and enough samples a second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from otolith.errors import DataError
from otolith.preprocessing.scaler import Scaler
from otolith.preprocessing.sensors import usable
from otolith.recording import STANDARD_GRAVITY, Recording, Stream
from otolith.system.memory import release
from otolith.windows import WindowMeta
from otolith.windows.resampling import refuse_rate

LOOKED_AT_S = 2.0
"""Seconds of a block whose mean acceleration is taken: over so long movement averages out, and gravity stays."""
LEAST_WITH_GRAVITY = 0.5
MOST_WITHOUT_GRAVITY = 0.85
"""Mean accelerations, in units of gravity: below the first, gravity is not in a recording; above the second, it is."""
MOST_RAD_S = 70.0
"""4000 degrees a second. No sensor of a phone or watch measures more, so that larger numbers are degrees."""
ACC = ("acc_x", "acc_y", "acc_z")
AT_ONCE = 1 << 20
"""Samples that are looked at at once: a week's have no room for a copy."""


def fitting(recording: Recording, meta: WindowMeta, scaler: Scaler) -> Recording:
    """Return the recording with the model's channels alone; `windows.cut` puts them into the model's order.

    Sensors that the model may do without (`Scaler.may_miss`) can be missing, each with all its channels.

    Args:
        recording: signals in m/s² and rad/s.
        meta: channels and rate of the model's windows.
        scaler: the model's scaler, whose means and deviations tell about gravity.

    Raises:
        DataError: a channel is missing, a rate is too low, or the signals contradict the units or the gravity that the
            model was trained with.

    >>> meta = WindowMeta("own", ("sit",), ("gyro_x",), 50.0, 1.0, 0.5)
    >>> stream = Stream(("gyro_x", "light"), np.zeros((2, 100)), 60.0)
    >>> fitting(Recording("r", 1, (stream,)), meta, Scaler(np.zeros(1), np.ones(1))).channels
    ('gyro_x',)
    """
    where = f"recording {recording.name!r}"
    wanted = usable(recording.channels, meta, scaler)
    refuse_missing(recording.channels, wanted, where)
    streams = []
    for stream in recording.streams:
        inside = [i for i, channel in enumerate(stream.channels) if channel in wanted]
        if not inside:
            continue  # a sensor that the model does not read, whose gaps do not matter
        named = "/".join(stream.channels[i] for i in inside)
        refuse_rate(stream.rate_hz, meta.rate_hz, f"{where}, {named}", "the model expects")
        kept = stream
        if len(inside) < len(stream.channels):
            rows = slice(inside[0], inside[-1] + 1) if inside[-1] - inside[0] < len(inside) else inside  # or a copy
            kept = replace(stream, channels=tuple(stream.channels[i] for i in inside), values=stream.values[rows])
        streams.append(kept)
    matched = replace(recording, streams=tuple(streams))
    _refuse_units(matched, meta, scaler, where)
    return matched


def refuse_missing(found: Sequence[str], wanted: Sequence[str], where: str) -> None:
    """Raise DataError unless every wanted channel is among those found."""
    missing = [channel for channel in wanted if channel not in found]
    if missing:
        raise DataError(
            f"{where} has no {', '.join(missing)}: it has {', '.join(found) or 'no channel'}, and the model expects "
            f"{', '.join(wanted)}. Record the missing sensor too, or train a model on the channels that there are "
            "(windows.sensors in its recipe) or one that may miss them (robust.may_miss)."
        )


def _refuse_units(recording: Recording, meta: WindowMeta, scaler: Scaler, where: str) -> None:
    for stream in recording.streams:
        if set(ACC) <= set(stream.channels) and stream.n_samples:
            refuse_gravity(_block_lengths(stream), meta, scaler, where)
            break
    for stream in recording.streams:
        rows = [i for i, channel in enumerate(stream.channels) if channel.startswith("gyro")]
        for at in range(0, stream.n_samples if rows else 0, AT_ONCE):
            refuse_gyro_unit(stream.values[rows, at : at + AT_ONCE], where)
            release(stream.values)


def refuse_gravity(lengths: NDArray[np.float64], meta: WindowMeta, scaler: Scaler, where: str) -> None:
    """Raise DataError where the lengths of mean accelerations (n,) contradict what the model was trained on."""
    expects, typical = expects_gravity(meta, scaler), float(np.median(lengths))
    if expects and typical < LEAST_WITH_GRAVITY * STANDARD_GRAVITY:
        raise DataError(
            f"{where}: the mean acceleration is {typical:.2f} m/s², and the model was trained with gravity in it "
            f"({STANDARD_GRAVITY:.2f} m/s²). "
            + (
                "The numbers look like g: convert them to m/s², or import the file with --acc-unit g."
                if 0.85 < typical < 1.15
                else "Gravity seems to have been removed: export acceleration including gravity, or train a model "
                "without it."
            )
        )
    if expects is False and typical > MOST_WITHOUT_GRAVITY * STANDARD_GRAVITY:
        raise DataError(
            f"{where}: the mean acceleration is {typical:.2f} m/s², so gravity is in it, and the model was trained "
            "without. Export linear acceleration (without gravity), or train a model with it."
        )


def refuse_removed_gravity(gravity: str | None, meta: WindowMeta, scaler: Scaler, where: str) -> None:
    """Raise DataError where gravity was "removed" from a source and the model was trained with it.

    "included" is only the default of a data set; there the signals decide.
    """
    if gravity == "removed" and expects_gravity(meta, scaler):
        raise DataError(
            f"{where}: gravity was removed, and the model was trained on signals with it. Export acceleration with "
            "gravity, or train a model on this source."
        )


def refuse_gyro_unit(gyro: NDArray[np.floating], where: str) -> None:
    """Raise DataError where a gyroscope's values (channels, n) cannot be rad/s."""
    most = float(np.abs(gyro).max()) if gyro.size else 0.0
    if most > MOST_RAD_S:
        raise DataError(
            f"{where}: the gyroscope reaches {most:.0f}, more than any sensor measures in rad/s; the numbers look like "
            "degrees. Convert them to rad/s, or import the file with --gyro-unit deg/s."
        )


def expects_gravity(meta: WindowMeta, scaler: Scaler) -> bool | None:
    """Return True if the training windows had gravity in them, from their mean square length; None if it is unclear."""
    if not set(ACC) <= set(meta.channels):
        return None
    if scaler.turned:
        return True  # alignment is refused where there is none
    rows = [meta.channels.index(channel) for channel in ACC]
    length = float(np.sqrt((scaler.mean[rows] ** 2 + scaler.std[rows] ** 2).sum()))
    mean = float(np.linalg.norm(scaler.mean[rows]))
    if 0.85 * STANDARD_GRAVITY < length < 2 * STANDARD_GRAVITY:
        return True
    if length < 0.6 * STANDARD_GRAVITY and mean < 0.2 * STANDARD_GRAVITY:
        return False
    return None


def _block_lengths(stream: Stream) -> NDArray[np.float64]:
    """Return the length of the mean acceleration in each block of `LOOKED_AT_S` of a stream with all three axes."""
    each = max(1, round(LOOKED_AT_S * stream.rate_hz))
    n = stream.n_samples // each
    if n == 0:  # shorter than a block
        n, each = 1, stream.n_samples
    rows = [stream.channels.index(channel) for channel in ACC]
    found = []
    step = max(1, AT_ONCE // each)
    for first in range(0, n, step):
        values = stream.values[rows, first * each : min(first + step, n) * each]
        found.append(np.linalg.norm(values.reshape(3, -1, each).mean(2), axis=0))
        release(stream.values)
    out: NDArray[np.float64] = np.concatenate(found)
    return out
