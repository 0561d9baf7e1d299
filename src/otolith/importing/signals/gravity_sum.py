"""Sum of an accelerometer without gravity and of gravity, which a phone gives as two sensors with two clocks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from otolith.errors import DataError
from otolith.importing.naming.unit_words import ACC_UNITS
from otolith.importing.sensors.evidence import acc_unit_of_data, blocks_of
from otolith.importing.session import Sensor, axes
from otolith.importing.signals.repair import MOST, clean
from otolith.recording import STANDARD_GRAVITY
from otolith.windows.clock import MAX_GAP_S

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from otolith.importing.findings import Findings

EXACT = 1e-3
"""Share by which lengths of computed gravity differ."""
NEARLY = 0.01
"""Share by which that length may be off 1 g: phones take 9.8 or 9.81 for it."""
LEAST_SHARE = 0.2
"""Share of gravity that is in an accelerometer which has it, and not in one without, but for what moves."""


def with_gravity(linear: Sensor, gravity: Sensor, findings: Findings, why: str) -> Sensor:
    """Return the accelerometer with the phone's own estimate of gravity added; NaN where that is not known.

    Args:
        why: words for the sum in the report.

    Raises:
        DataError: their clocks cannot be compared.
    """
    if (linear.clock.origin_ns is None) != (gravity.clock.origin_ns is None):
        raise DataError(
            f"{gravity.table.where}: counts its time from another start than {linear.table.where}. "
            "Export the recording again, or leave this file out."
        )
    shift = ((gravity.clock.origin_ns or 0) - (linear.clock.origin_ns or 0)) / 1e9
    parts = clean(gravity, findings)
    if len(parts) > 1:
        raise DataError(
            f"{gravity.table.where}: its clock jumps back, so it cannot be added to the accelerometer. Leave the "
            "file out."
        )
    times, at = parts[0].times + shift, linear.clock.seconds
    after = np.clip(np.searchsorted(times, at), 1, len(times) - 1)
    with np.errstate(invalid="ignore"):
        near = (times[after] - times[after - 1] <= MAX_GAP_S) | (times[after] == at)
        inside = (at >= times[0]) & (at <= times[-1]) & near
    with np.errstate(over="ignore", invalid="ignore"):
        total = linear.values + np.stack([np.interp(at, times, row) for row in parts[0].values])
    total[:, ~inside] = np.nan
    return replace(linear, values=total, gravity="included", gravity_why=why)


def summed_if_without(sensor: Sensor, columns: tuple[str, ...]) -> Sensor:
    """Return the sum of an accelerometer and of gravity in the same table, if the data say that it is without.

    Args:
        sensor: of which nothing says whether gravity is in it.
        columns: gravity's x, y and z.
    """
    added = axes(sensor.table, columns)
    seconds = sensor.clock.seconds
    with np.errstate(over="ignore", invalid="ignore"):
        total = sensor.values + added
    known = np.isfinite(seconds) & (np.abs(total) < MOST).all(axis=0) & (np.abs(added) < MOST).all(axis=0)
    alone, still, both = (
        acc_unit_of_data(blocks_of((seconds[known], values[:, known]))) for values in (sensor.values, added, total)
    )
    computed = _unit_beside(sensor.values[:, known], added[:, known])
    if alone is not None or (computed is None and (still is None or both != still)):
        return sensor
    why = f"{columns[0]} and the like were added, as gravity is not in the data without them"
    unit, unit_why = sensor.unit, sensor.unit_why
    if unit is None and computed is not None:
        unit, unit_why = computed, f"{columns[0]} and the like are as long as 1 g in {computed}"
    return replace(sensor, values=total, unit=unit, unit_why=unit_why, gravity="included", gravity_why=why)


def _unit_beside(values: NDArray[np.float64], gravity: NDArray[np.float64]) -> str | None:
    """Return the unit of gravity that a phone computed, which is of one length to the digit, if `values` have no share.

    So it is told of bodies, too, that move too hard for the sum to show it.
    """
    lengths = np.linalg.norm(gravity, axis=0)
    if not lengths.size or np.ptp(lengths) > EXACT * lengths.max():
        return None
    if abs(float((values * gravity).sum() / (lengths**2).sum())) > LEAST_SHARE:
        return None
    far = {unit: abs(float(np.median(lengths)) * factor / STANDARD_GRAVITY - 1) for unit, factor in ACC_UNITS.items()}
    return next((unit for unit, off in far.items() if off < NEARLY), None)
