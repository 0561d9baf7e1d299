"""Sum of an accelerometer without gravity and of gravity, which a phone gives as two sensors with two clocks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from otolith.errors import DataError
from otolith.importing.repair import clean
from otolith.importing.session import Sensor
from otolith.windows.clock import MAX_GAP_S

if TYPE_CHECKING:
    from otolith.importing.findings import Findings


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
    total = linear.values + np.stack([np.interp(at, times, row) for row in parts[0].values])
    total[:, ~inside] = np.nan
    return replace(linear, values=total, gravity="included", gravity_why=why)
