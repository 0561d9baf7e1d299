"""From rows as a file has them to samples whose time increases. Whatever is changed on the way is reported.

- Rows without a time, or without a value of this sensor, hold no sample and are left out.
- Rows that repeat the one before, time and values, are left out. Of rows with one time and other values the first is
  kept, unless a fifth of all rows share their time: then the clock is coarse and they are spread evenly until its next
  tick.
- Rows in reverse order are turned round. Samples that come a little late (up to a quarter of a second, and then the
  clock goes on where it was) are sorted into place. Where the clock jumps back further, a new part begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from otolith.errors import DataError
from otolith.importing.findings import Gap
from otolith.windows.clock import MAX_GAP_S

if TYPE_CHECKING:
    from otolith.importing.findings import Findings
    from otolith.importing.session import Sensor

LONGEST_S = 10 * 365.25 * 86_400
MOST = 1e9
"""In any unit; the largest sensible number is some millions of thousandths of a degree in a second."""
MOST_JUMPS = 100
COARSE = 0.2
"""Share of rows that have the time of the row before."""
LATE_SAMPLES = 25


@dataclass(frozen=True)
class Samples:
    """Samples of one sensor: times (n,) in s, increasing; values (3, n); the row of its table that each came from."""

    times: NDArray[np.float64]
    values: NDArray[np.float64]
    rows: NDArray[np.int64]

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_] | slice) -> Samples:
        return Samples(self.times[index], self.values[:, index], self.rows[index])


def clean(sensor: Sensor, findings: Findings) -> list[Samples]:
    """The samples of a sensor, one part for each stretch between backward jumps of its clock.

    Raises:
        DataError: no complete sample, or a clock that jumps back over and over.
    """
    samples = _complete(sensor, findings)
    if sensor.clock.regular is not None:
        return [samples]
    where = sensor.table.where
    steps = np.diff(samples.times)
    if len(steps) >= 3 and np.mean(steps < 0) > 0.9:
        samples = samples.take(np.arange(len(samples.times))[::-1])
        steps = np.diff(samples.times)
        findings.repair(where, "its rows run backwards in time and were turned round", len(samples.times))
    same = np.concatenate([[False], steps == 0])
    equal = same & np.concatenate([[False], (np.diff(samples.values, axis=1) == 0).all(axis=0)])
    if np.mean(same) > COARSE and equal.sum() < 0.9 * same.sum():
        return [_spread(part, sensor, findings) for part in _parts(samples, sensor, findings)]
    if equal.any():
        findings.repair(
            sensor.table.at(int(samples.rows[int(np.argmax(equal))])),
            f"{_rows(int(equal.sum()))} of the {sensor.kind} repeat the row before and were dropped",
            int(equal.sum()),
        )
        samples = samples.take(~equal)
    parts = [_distinct(part, sensor, findings) for part in _parts(samples, sensor, findings)]
    return _without_repeats(parts, sensor, findings)


def gaps(samples: Samples, kind: str) -> list[Gap]:
    """Silences that `otolith.windows.clock` will not bridge."""
    at = np.flatnonzero(np.diff(samples.times) > MAX_GAP_S + 1e-9)
    return [Gap(kind, float(samples.times[i]), float(samples.times[i + 1])) for i in at]


def rate_of(times: NDArray[np.float64]) -> float:
    """Nominal rate in Hz: the typical spacing over ten samples, to a whole number where that is within 1 %.

    Raises:
        ValueError: fewer than two samples.
    """
    span = min(10, len(times) - 1)
    if span < 1:
        raise ValueError("a rate needs two samples")
    spacing = float(np.median(times[span:] - times[:-span])) / span
    rate = 1 / spacing if spacing > 0 else 0.0
    return float(round(rate)) if rate >= 5 and abs(rate - round(rate)) <= 0.01 * rate else rate


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _complete(sensor: Sensor, findings: Findings) -> Samples:
    """The rows that hold a time and all three axes."""
    timed = np.isfinite(sensor.clock.seconds)
    known = np.isfinite(sensor.values)
    whole, none = known.all(axis=0), ~known.any(axis=0)
    unexplained = none if sensor.elsewhere is None else none & ~sensor.elsewhere
    for mask, what in (
        (unexplained, f"hold no value of the {sensor.kind}"),
        (~whole & ~none, f"lack an axis of the {sensor.kind} and were left out"),
        (~timed & ~none, "have no time and were left out"),
    ):
        if mask.any():
            first = sensor.table.at(int(np.argmax(mask)))
            findings.repair(first, f"{_rows(int(mask.sum()))} {what}", int(mask.sum()))
    keep = np.flatnonzero(timed & whole)
    far = np.abs(sensor.clock.seconds - (sensor.clock.seconds[keep[0]] if keep.size else 0.0)) > LONGEST_S
    if (far & timed & whole).any():
        row = int(np.argmax(far & timed & whole))
        raise DataError(
            f"{sensor.table.at(row)}: is more than ten years from the first sample of the {sensor.kind}. Is it the "
            "time column, and is its unit right?"
        )
    huge = np.flatnonzero((np.abs(sensor.values[:, keep]) > MOST).any(axis=0))
    if huge.size:
        row = int(keep[huge[0]])
        raise DataError(
            f"{sensor.table.at(row)}: the {sensor.kind} shows {', '.join(f'{v:.4g}' for v in sensor.values[:, row])}, "
            "beyond what any sensor gives. Repair the line, or leave it out."
        )
    if len(keep) < 2:
        raise DataError(
            f"{sensor.table.where}: {len(keep)} complete sample(s) of the {sensor.kind}; expected at least 2. "
            "Record longer, or leave the file out."
        )
    return Samples(sensor.clock.seconds[keep], sensor.values[:, keep], keep)


def _parts(samples: Samples, sensor: Sensor, findings: Findings) -> list[Samples]:
    """Split where the clock jumps back; sort what is only late."""
    times = samples.times
    if not (np.diff(times) < 0).any():
        return [samples]
    values = times.tolist()
    starts = [0]
    late = 0
    top, since, index = values[0], -1, 1
    while index < len(values):
        now = values[index]
        if now >= top:
            late += index - since if since >= 0 else 0
            top, since = now, -1
        else:
            since = index if since < 0 else since
            if top - now > MAX_GAP_S or index - since > LATE_SAMPLES:
                starts.append(since)
                top, index, since = values[since], since, -1
                if len(starts) > MOST_JUMPS:
                    row = int(samples.rows[index])
                    raise DataError(
                        f"{sensor.table.at(row)}: the time of the {sensor.kind} has jumped back {MOST_JUMPS} times by "
                        "here. Is this the time column, and is the file sorted by time?"
                    )
        index += 1
    late += len(values) - since if since >= 0 else 0
    if late:
        row = int(samples.rows[int(np.argmax(np.diff(times) < 0)) + 1])
        what = f"{_rows(late)} of the {sensor.kind} come late and were sorted into place"
        findings.repair(sensor.table.at(row), what, late)
    for start in starts[1:]:
        back = times[start - 1] - times[start]
        findings.repair(
            sensor.table.at(int(samples.rows[start])),
            f"the clock of the {sensor.kind} jumps back by {back:.3g} s; a new part begins",
            1,
        )
    pieces = [samples.take(slice(a, b)) for a, b in zip(starts, [*starts[1:], len(times)], strict=True)]
    return [piece.take(np.argsort(piece.times, kind="stable")) for piece in pieces]


def _distinct(samples: Samples, sensor: Sensor, findings: Findings) -> Samples:
    """Of samples with one time, the first."""
    again = np.concatenate([[False], np.diff(samples.times) == 0])
    if again.any():
        findings.repair(
            sensor.table.at(int(samples.rows[int(np.argmax(again))])),
            f"{_rows(int(again.sum()))} of the {sensor.kind} share a time with another value; the first is kept",
            int(again.sum()),
        )
    return samples.take(~again)


def _without_repeats(parts: list[Samples], sensor: Sensor, findings: Findings) -> list[Samples]:
    """Without the parts that repeat an earlier one, as files do that were exported or joined twice."""
    kept: list[Samples] = []
    for part in parts:
        if any(_contains(whole, part) for whole in kept):
            what = f"{_rows(len(part.times))} of the {sensor.kind} repeat earlier ones and were dropped"
            findings.repair(sensor.table.at(int(part.rows[0])), what, len(part.times))
        elif len(part.times) < 2:
            what = f"a single row of the {sensor.kind} between two jumps of the clock was left out"
            findings.repair(sensor.table.at(int(part.rows[0])), what, 1)
        else:
            kept.append(part)
    if not kept:
        raise DataError(f"{sensor.table.where}: no two samples of the {sensor.kind} follow each other in time.")
    return kept


def _contains(whole: Samples, part: Samples) -> bool:
    at = np.searchsorted(whole.times, part.times)
    if at.size and at[-1] >= len(whole.times):
        return False
    return bool((whole.times[at] == part.times).all() and (whole.values[:, at] == part.values).all())


def _spread(samples: Samples, sensor: Sensor, findings: Findings) -> Samples:
    """Samples of a coarse clock, evenly from each tick to the next."""
    ticks, first, counts = np.unique(samples.times, return_index=True, return_counts=True)
    if len(ticks) < 3:
        raise DataError(
            f"{sensor.table.where}: the time of the {sensor.kind} has {len(ticks)} different values for "
            f"{len(samples.times):,} samples. Name a finer time column, or none and the rate: --time none --rate HZ."
        )
    tick = float(np.median(np.diff(ticks)))
    typical = tick / float(np.median(counts))
    steps = np.minimum(tick / counts, typical * 2)
    offset = np.zeros(len(ticks))
    steps[[0, -1]] = np.minimum(tick / counts[[0, -1]], typical)
    offset[0] = tick - counts[0] * steps[0]  # recording began between two ticks
    place = np.arange(len(samples.times)) - np.repeat(first, counts)
    times = np.repeat(ticks + offset, counts) + place * np.repeat(steps, counts)
    what = f"the clock of the {sensor.kind} ticks every {tick:.3g} s; its {len(times):,} samples were spread between"
    findings.repair(sensor.table.where, what, len(times))
    return Samples(times, samples.values, samples.rows)
