"""One repair of time stamps for all readers: repeated, backward and bunched ones become times that increase.

- Rows in reverse order are turned round.
- Rows that repeat the one before, time and values, are dropped. Of rows with one time and other values the first is
  kept, unless a fifth of all rows share their time: then the clock is coarse and they are spread evenly until its next
  tick.
- Samples that come a little late (up to a quarter of a second, and then the clock goes on where it was) are sorted into
  place. Where the clock jumps back further, a new part begins.

Whatever is changed is told to the reader, who keeps it: an import in its findings, a data set in `Recording.repairs`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from otolith.errors import DataError
from otolith.windows.clock import MAX_GAP_S
from otolith.windows.pieces import median_step, where_step

MOST_JUMPS = 100
COARSE = 0.2
"""Share of rows that have the time of the row before."""
CROWD, CROWDED = 10, 0.2
"""Share of samples whose ticks hold so many times as many as is usual, from which on no clock can be told."""
LATE_SAMPLES = 25
SINGULAR = {
    "repeat": "repeats",
    "come": "comes",
    "share": "shares",
    "hold": "holds",
    "lack": "lacks",
    "have": "has",
    "were": "was",
}
"""Verbs of repairs, as they are said of one row."""

Note = Callable[[str, str, int], None]
"""Called as note(where, what, count): the first row that was changed, what was done, and to how many rows."""


class Place(Protocol):
    """Names the source of samples in messages: the whole of it, or one of its rows, counted from 0."""

    @property
    def where(self) -> str: ...

    def at(self, row: int) -> str: ...


@dataclass(frozen=True)
class SourceFile:
    """A file as the place of samples; `first` is the number of its first row, counted in `unit`s."""

    path: Path
    first: int = 1
    unit: str = "line"

    @property
    def where(self) -> str:
        return str(self.path)

    def at(self, row: int) -> str:
        return f"{self.path}, {self.unit} {self.first + row}"


@dataclass(frozen=True)
class Samples:
    """Samples of one sensor: times (n,) in s; values (channels, n); the row of its source that each came from."""

    times: NDArray[np.float64]
    values: NDArray[Any]
    rows: NDArray[np.int64]

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_] | slice) -> Samples:
        """Return the samples at `index`, in its order."""
        return Samples(self.times[index], self.values[:, index], self.rows[index])


def repair(samples: Samples, sensor: str, place: Place, note: Note, cure: str) -> list[Samples]:
    """Return the samples with increasing times, one part for each stretch between backward jumps of the clock.

    Args:
        samples: in the order of the file, all of them finite.
        sensor: its name, for messages.
        place: where they come from, for messages.
        note: is told each repair.
        cure: the last sentence of the error for a clock that is too coarse.

    Raises:
        DataError: the clock jumps back over and over, has hardly any different times, or no two samples follow each
            other.
    """
    steps = np.diff(samples.times)
    if len(steps) >= 3 and np.mean(steps < 0) > 0.9:
        samples = samples.take(np.arange(len(samples.times))[::-1])
        steps = np.diff(samples.times)
        note(place.where, "its rows run backwards in time and were turned round", len(samples.times))
    same = np.concatenate([[False], steps == 0])
    again, equal = np.flatnonzero(same), np.zeros_like(same)
    equal[again] = (samples.values[:, again] == samples.values[:, again - 1]).all(axis=0)
    if np.mean(same) > COARSE and equal.sum() < 0.9 * same.sum():
        return [_spread(part, sensor, place, note, cure) for part in _parts(samples, sensor, place, note)]
    if equal.any():
        what = rows_that(int(equal.sum()), f"of the {sensor} repeat the row before and were dropped")
        note(place.at(int(samples.rows[int(np.argmax(equal))])), what, int(equal.sum()))
        samples = samples.take(~equal)
    parts = [_distinct(part, sensor, place, note) for part in _parts(samples, sensor, place, note)]
    return _without_repeats(parts, sensor, place, note)


def repair_whole(samples: Samples, sensor: str, place: Place) -> tuple[Samples, tuple[str, ...]]:
    """Return the samples with increasing times, and a sentence for each repair: for files that hold one recording.

    Raises:
        DataError: as `repair`; or the clock jumps back, so that one recording cannot hold all of them.
    """
    told: list[str] = []

    def note(where: str, what: str, count: int) -> None:
        told.append(f"{where}: {what}")

    if not len(where_step(samples.times, lambda steps: steps <= 0)):
        return samples, ()
    first, *others = repair(samples, sensor, place, note, RESTORE)
    if others:
        raise DataError(
            f"{place.at(int(others[0].rows[0]))}: the clock of the {sensor} jumps back by "
            f"{float(first.times[-1] - others[0].times[0]):.3g} s, so the file is not one recording. {RESTORE}"
        )
    return first, tuple(told)


MOST_SAMPLES = 1_000_000
"""Samples among which the rate of a recording with many gaps is looked for."""
RESTORE = "Restore the file from the original, or import it by itself: otolith import."


def rate_of(times: NDArray[np.float64]) -> float:
    """Return the nominal rate in Hz: the typical spacing over ten samples, to a whole number where that is within 1 %.

    Of a recording with a gap every other moment, what lies between gaps counts.

    Raises:
        ValueError: fewer than two samples.

    >>> bursts = np.concatenate([second + np.arange(15) / 20 for second in range(100)])
    >>> rate_of(bursts)
    20.0
    """
    span = min(10, len(times) - 1)
    if span < 1:
        raise ValueError("a rate needs two samples")
    pauses = where_step(times, lambda steps: steps > MAX_GAP_S)
    often = 0.4 * len(times) / span < len(pauses) < len(times) / 4
    spacing = (_steady_step(times[:MOST_SAMPLES]) if often else None) or median_step(times, span) / span
    rate = 1 / spacing if spacing > 0 else 0.0
    return float(round(rate)) if 5 <= rate < np.inf and abs(rate - round(rate)) <= 0.01 * rate else rate


def _steady_step(times: NDArray[np.float64]) -> float | None:
    """Return the mean step between pauses, if steps are alike there and pauses are less than half of the time.

    Packets, whose samples arrive at once, are otherwise.
    """
    steps = np.diff(times)
    steps = steps[steps <= MAX_GAP_S]
    low, typical, high = np.quantile(steps, (0.1, 0.5, 0.9)) if len(steps) else (0.0, 0.0, 0.0)
    if not typical > 0 or high - low > 0.4 * typical or steps.sum() < 0.5 * (times[-1] - times[0]):
        return None
    return float(steps[(steps >= low) & (steps <= high)].mean())


def rows_that(count: int, words: str) -> str:
    """Return a sentence on a number of rows, of its words in the plural.

    >>> rows_that(1200, "have no time and were left out"), rows_that(1, "have no time and were left out")
    ('1,200 rows have no time and were left out', '1 row has no time and was left out')
    """
    if count != 1:
        return f"{count:,} rows {words}"
    return " ".join(["1 row", *(SINGULAR.get(word, word) for word in words.split(" "))])


def _parts(samples: Samples, sensor: str, place: Place, note: Note) -> list[Samples]:
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
                        f"{place.at(row)}: the time of the {sensor} has jumped back {MOST_JUMPS} times by here. Is "
                        "this the time column, and is the file sorted by time?"
                    )
        index += 1
    late += len(values) - since if since >= 0 else 0
    if late:
        row = int(samples.rows[int(np.argmax(np.diff(times) < 0)) + 1])
        note(place.at(row), rows_that(late, f"of the {sensor} come late and were sorted into place"), late)
    for start in starts[1:]:
        back = times[start - 1] - times[start]
        what = f"the clock of the {sensor} jumps back by {back:.3g} s; a new part begins"
        note(place.at(int(samples.rows[start])), what, 1)
    pieces = [samples.take(slice(a, b)) for a, b in zip(starts, [*starts[1:], len(times)], strict=True)]
    return [piece.take(np.argsort(piece.times, kind="stable")) for piece in pieces]


def _distinct(samples: Samples, sensor: str, place: Place, note: Note) -> Samples:
    """Keep the first of samples with one time."""
    again = np.concatenate([[False], np.diff(samples.times) == 0])
    if not again.any():
        return samples
    what = rows_that(int(again.sum()), f"of the {sensor} share a time with another value; the first is kept")
    note(place.at(int(samples.rows[int(np.argmax(again))])), what, int(again.sum()))
    return samples.take(~again)


def _without_repeats(parts: list[Samples], sensor: str, place: Place, note: Note) -> list[Samples]:
    """Leave out the parts that repeat an earlier one, as in files that were exported or joined twice."""
    kept: list[Samples] = []
    for part in parts:
        first, count = place.at(int(part.rows[0])), len(part.times)
        if any(_contains(whole, part) for whole in kept):
            note(first, rows_that(count, f"of the {sensor} repeat earlier ones and were dropped"), count)
        elif count < 2:
            note(first, f"a single row of the {sensor} between two jumps of the clock was left out", 1)
        else:
            kept.append(part)
    if not kept:
        raise DataError(f"{place.where}: no two samples of the {sensor} follow each other in time.")
    return kept


def _contains(whole: Samples, part: Samples) -> bool:
    at = np.searchsorted(whole.times, part.times)
    if at.size and at[-1] >= len(whole.times):
        return False
    return bool((whole.times[at] == part.times).all() and (whole.values[:, at] == part.values).all())


def _spread(samples: Samples, sensor: str, place: Place, note: Note, cure: str) -> Samples:
    """Samples of a coarse clock, evenly from each tick to the next."""
    ticks, first, counts = np.unique(samples.times, return_index=True, return_counts=True)
    if len(ticks) < 3:
        raise DataError(
            f"{place.where}: the time of the {sensor} has {len(ticks)} different values for {len(samples.times):,} "
            f"samples. {cure}"
        )
    crowd = int(counts[counts > CROWD * np.median(counts)].sum())
    if crowd > CROWDED * len(samples.times):
        raise DataError(
            f"{place.where}: {crowd:,} of {len(samples.times):,} samples of the {sensor} share their time with more "
            f"than {CROWD} times as many others as is usual: they were stamped when they arrived, and nothing says "
            f"when they were taken. {cure}"
        )
    tick = float(np.median(np.diff(ticks)))
    typical = tick / float(np.median(counts))
    steps = np.minimum(tick / counts, typical * 2)
    offset = np.zeros(len(ticks))
    steps[[0, -1]] = np.minimum(tick / counts[[0, -1]], typical)
    offset[0] = tick - counts[0] * steps[0]  # recording began between two ticks
    early = np.flatnonzero((ticks + offset + (counts - 1) * steps)[:-1] >= ticks[1:])  # the next tick came too soon
    offset[early] = 0.0
    steps[early] = np.diff(ticks)[early] / counts[early]
    place_in = np.arange(len(samples.times)) - np.repeat(first, counts)
    times = np.repeat(ticks + offset, counts) + place_in * np.repeat(steps, counts)
    done = f"its {len(times):,} samples were spread evenly between its ticks"
    what = f"the clock of the {sensor} ticks every {tick:.3g} s; {done}"
    note(place.where, what, len(times))
    return Samples(times, samples.values, samples.rows)
