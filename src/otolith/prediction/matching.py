"""What a model asks of a recording: its channels by name, their units, gravity, and enough samples a second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from otolith.errors import DataError
from otolith.preprocessing.scaler import Scaler
from otolith.preprocessing.sensors import usable
from otolith.recording import STANDARD_GRAVITY, Recording, Stream
from otolith.windows import WindowMeta

LOWEST_RATE = 0.5
"""Share of the model's rate below which a recording is refused: half of the band that the model saw is not in it."""
LOOKED_AT_S = 2.0
"""Block whose mean acceleration is taken: over as long, movement averages out and gravity stays."""
LEAST_WITH_GRAVITY = 0.5
MOST_WITHOUT_GRAVITY = 0.85
"""Mean acceleration, in units of gravity, below which gravity cannot be in a recording, and above which it must be."""
MOST_RAD_S = 70.0
"""4000 degrees a second: no sensor of a phone or watch measures more, so that larger numbers are degrees."""
ACC = ("acc_x", "acc_y", "acc_z")


def fitting(recording: Recording, meta: WindowMeta, scaler: Scaler) -> Recording:
    """The recording with the model's channels alone, in its streams; `windows.cut` puts them into the model's order.

    Sensors that the model may do without (`Scaler.may_miss`) can be missing, each with all its channels.

    Raises:
        DataError: a channel is missing or comes twice, a rate is too low, or the signals contradict the units or the
            gravity that the model was trained with; says what is missing and what to do.
    """
    where = f"recording {recording.name!r}"
    wanted = usable(recording.channels, meta, scaler)
    refuse_missing(recording.channels, wanted, where)
    streams = []
    for stream in recording.streams:
        inside = [i for i, channel in enumerate(stream.channels) if channel in wanted]
        if not inside:
            continue  # another sensor, whose clock and gaps are none of ours
        refuse_rate(stream.rate_hz, meta, f"{where}, {'/'.join(stream.channels[i] for i in inside)}")
        kept = stream
        if len(inside) < len(stream.channels):
            kept = replace(stream, channels=tuple(stream.channels[i] for i in inside), values=stream.values[inside])
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


def refuse_rate(rate_hz: float, meta: WindowMeta, where: str) -> None:
    """Raise DataError where a recording of this rate cannot be resampled to what the model saw."""
    if not rate_hz >= LOWEST_RATE * meta.rate_hz:
        raise DataError(
            f"{where}: {rate_hz:g} Hz, and the model expects {meta.rate_hz:g} Hz. Movements that fast are not in such "
            f"a recording, and no resampling brings them back. Record at {meta.rate_hz:g} Hz or more, or train with "
            f"--set windows.rate_hz={rate_hz:g}."
        )


def _refuse_units(recording: Recording, meta: WindowMeta, scaler: Scaler, where: str) -> None:
    lengths = _block_lengths(recording)
    if lengths is not None and len(lengths):
        refuse_gravity(lengths, meta, scaler, where)
    for stream in recording.streams:
        refuse_turns(stream.values[[i for i, c in enumerate(stream.channels) if c.startswith("gyro")]], where)


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
    """Raise DataError where a source says that gravity was "removed" and the model saw it.

    That it is "included" is said of every data set of which nobody says otherwise; there the signals decide.
    """
    if gravity == "removed" and expects_gravity(meta, scaler):
        raise DataError(
            f"{where}: gravity was removed, and the model was trained on signals with it. Export acceleration with "
            "gravity, or train on this one."
        )


def refuse_turns(gyro: NDArray[np.floating], where: str) -> None:
    """Raise DataError where a gyroscope's values (channels, n) cannot be rad/s."""
    most = float(np.abs(gyro).max()) if gyro.size else 0.0
    if most > MOST_RAD_S:
        raise DataError(
            f"{where}: the gyroscope reaches {most:.0f}, more than any sensor measures in rad/s; the numbers look like "
            "degrees. Convert them to rad/s, or import the file with --gyro-unit deg/s."
        )


def expects_gravity(meta: WindowMeta, scaler: Scaler) -> bool | None:
    """Whether the training windows had gravity in them, from their mean square length; None where it cannot be told."""
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


def _block_lengths(recording: Recording) -> NDArray[np.float64] | None:
    """Length of the mean acceleration in each block of `LOOKED_AT_S`; None without all three axes in one stream."""
    for stream in recording.streams:
        if set(ACC) <= set(stream.channels):
            return _of_stream(stream)
    return None


def _of_stream(stream: Stream) -> NDArray[np.float64]:
    each = max(1, round(LOOKED_AT_S * stream.rate_hz))
    n = stream.n_samples // each
    values = stream.values[[stream.channels.index(channel) for channel in ACC]]
    if n == 0:  # shorter than a block
        n, each = (1, stream.n_samples) if stream.n_samples else (0, 1)
    means = values[:, : n * each].reshape(3, n, each).mean(2)
    out: NDArray[np.float64] = np.linalg.norm(means, axis=0)
    return out
