"""Gyroscopes that no name says to be one: told by gravity, which turns as they say."""

from __future__ import annotations

import numpy as np

from otolith.importing.sensors.evidence import turning_of_gravity
from otolith.importing.session import Sensor


def turns_as(acc: Sensor, other: Sensor) -> float:
    """Return how alike gravity turns and three columns say that it does, from 0.6 to 1; 0 where it does not.

    Angles do not pass for a gyroscope: while they are largest, nothing turns.

    Args:
        acc: with gravity, in any unit.
        other: the three columns.
    """
    found = turning_of_gravity(*_forward(acc), *_forward(other))
    return 0.0 if found is None else found[1]


def _forward(sensor: Sensor) -> tuple[np.ndarray, np.ndarray]:
    """Return the samples that have a value, in order of their times."""
    times = sensor.clock.seconds
    known = np.isfinite(times) & np.isfinite(sensor.values).all(axis=0)
    order = np.argsort(times[known], kind="stable")
    return times[known][order], sensor.values[:, known][:, order]
