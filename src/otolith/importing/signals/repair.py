"""From rows as a file has them to samples whose time increases. Whatever is changed on the way is reported.

Rows without a time, or without a value of this sensor, hold no sample and are left out; `otolith.windows.times` does
the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from otolith.errors import DataError
from otolith.importing.findings import Gap
from otolith.importing.sensors.evidence import acc_unit_of_data, blocks_of
from otolith.importing.session import ACC
from otolith.importing.times.arrival import on_an_even_clock
from otolith.windows.clock import MAX_GAP_S
from otolith.windows.pieces import where_step
from otolith.windows.times import Samples, repair, rows_that

if TYPE_CHECKING:
    from otolith.importing.findings import Findings
    from otolith.importing.session import Sensor

LONGEST_S = 10 * 365.25 * 86_400
MOST = 1e9
"""In any unit; the largest sensible number is some millions of thousandths of a degree in a second."""
SLEEPING_ROWS = 10
"""Rows of exact zeros in a row from which on a sensor sleeps."""
FINER = "Name a finer time column, or none and the rate: --time none --rate HZ."


class NoSample(DataError):
    """A sensor has no complete sample at all."""


def clean(sensor: Sensor, findings: Findings) -> list[Samples]:
    """Return the samples of a sensor, one part for each stretch between backward jumps of its clock.

    Raises:
        DataError: no complete sample, or a clock that jumps back over and over.
    """
    samples = _complete(sensor, findings)
    if sensor.clock.regular is not None:
        return [samples]
    samples = on_an_even_clock(samples, sensor.kind, sensor.table, findings)
    return repair(samples, sensor.kind, sensor.table, findings.repair, FINER)


def gaps(samples: Samples, kind: str) -> list[Gap]:
    """Silences that `otolith.windows.clock` will not bridge."""
    at = where_step(samples.times, lambda steps: steps > MAX_GAP_S + 1e-9)
    return [Gap(kind, float(samples.times[i]), float(samples.times[i + 1])) for i in at]


def has_lasting_zeros(values: NDArray[np.floating]) -> bool:
    """Tell if values (3, n) hold zeros in all axes that last, or may go on before or after them."""
    zero = np.concatenate([[False], (values == 0).all(axis=0), [False]])
    edges = np.flatnonzero(np.diff(zero))
    return bool(zero[1:2].any() or zero[-2:-1].any() or (np.diff(edges)[::2] >= SLEEPING_ROWS).any())


def _asleep(sensor: Sensor) -> NDArray[np.bool_]:
    """Return the rows in which an accelerometer that shows gravity elsewhere gives exact zeros for a while.

    Without gravity such zeros may be rest, as of linear acceleration that is rounded.
    """
    zero = (sensor.values == 0).all(axis=0)
    if sensor.kind != ACC or sensor.gravity == "removed" or not zero.any():
        return np.zeros(len(zero), np.bool_)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], zero, [False]])))
    lasting = np.diff(edges)[::2]
    out = np.zeros(len(zero), np.bool_)
    out[zero] = np.repeat(lasting >= SLEEPING_ROWS, lasting)
    if sensor.gravity is None and out.any():
        awake = ~zero & np.isfinite(sensor.values).all(axis=0) & np.isfinite(sensor.clock.seconds)
        if acc_unit_of_data(blocks_of((sensor.clock.seconds[awake], sensor.values[:, awake]))) is None:
            out[:] = False
    return out


def _complete(sensor: Sensor, findings: Findings) -> Samples:
    """The rows that hold a time and all three axes."""
    timed = np.isfinite(sensor.clock.seconds)
    asleep = _asleep(sensor)
    known = np.isfinite(sensor.values) & ~asleep
    whole, none = known.all(axis=0), ~known.any(axis=0)
    unexplained = none & ~asleep if sensor.elsewhere is None else none & ~sensor.elsewhere & ~asleep
    for mask, what in (
        (
            asleep,
            f"hold zeros in all axes of the {sensor.kind}, as a sensor that sleeps gives, and were left out",
        ),
        (unexplained, f"hold no value of the {sensor.kind}"),
        (~whole & ~none, f"lack an axis of the {sensor.kind} and were left out"),
        (~timed & ~none, "have no time and were left out"),
    ):
        if mask.any():
            first = sensor.table.at(int(np.argmax(mask)))
            findings.repair(first, rows_that(int(mask.sum()), what), int(mask.sum()))
    keep = np.flatnonzero(timed & whole)
    all_of_it = len(keep) == len(timed)  # then nothing is copied
    times = sensor.clock.seconds if all_of_it else sensor.clock.seconds[keep]
    values = sensor.values if all_of_it else sensor.values[:, keep]
    if keep.size and (times.max() - times[0] > LONGEST_S or times[0] - times.min() > LONGEST_S):
        row = int(keep[int(np.argmax(np.abs(times - times[0]) > LONGEST_S))])
        raise DataError(
            f"{sensor.table.at(row)}: is more than ten years from the first sample of the {sensor.kind}. Is it the "
            "time column, and is its unit right?"
        )
    if keep.size and (values.max() > MOST or values.min() < -MOST):
        row = int(keep[int(np.argmax((np.abs(values) > MOST).any(axis=0)))])
        raise DataError(
            f"{sensor.table.at(row)}: the {sensor.kind} shows {', '.join(f'{v:.4g}' for v in sensor.values[:, row])}, "
            "beyond what any sensor gives. Repair the line, or leave it out."
        )
    if len(keep) < 2:
        raise (DataError if len(keep) else NoSample)(
            f"{sensor.table.where}: {len(keep)} complete sample(s) of the {sensor.kind}; expected at least 2. "
            "Record longer, or leave the file out."
        )
    return Samples(times, values, keep)
