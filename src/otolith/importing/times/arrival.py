"""Times of arrival: samples that a radio delivered in groups or late, put back to where an even rate has them.

A sensor samples evenly, but a program that stamps its samples as they arrive writes down when the radio delivered them:
several at nearly one time, then none for a while. Their order is true, and so is their count. So each sample is put on
the line that runs along the earliest arrivals; where the line breaks, samples were lost, which stays a gap. A clock
that ticks a few times a second is early where arrival is late: its samples are put on the line along the latest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from otolith.importing.findings import Findings
from otolith.windows.clock import MAX_GAP_S
from otolith.windows.times import Place, Samples

LEAST = 100
"""Samples below which nothing is told."""
CLOSE = 0.25
"""Share of a period; samples that follow closer than this came together."""
BUNCHED = 0.05
"""Least share of samples that came together with the one before."""
BLOCKS = 200
WINDOW = 50
COARSEST = 0.95
"""Share of times that are whole ticks apart from which on a clock is coarse instead."""
SHORTEST_S, MOST_LOST = 0.008, 20.5
"""Period of a sensor whose losses can be told from groups, and how many periods a step is looked at for."""
OFF, WHOLE = 0.2, 0.85
"""By how much of a period steps may be off whole ones, and the share of steps that are."""
FLAT_S = 0.06
"""By how much the earliest arrivals may stray from a line; beyond, the line bends with them."""

Times = NDArray[np.float64]


@dataclass(frozen=True)
class Stretch:
    """Samples `first` to `stop` between which none was lost."""

    first: int
    stop: int


def on_an_even_clock(samples: Samples, sensor: str, place: Place, findings: Findings) -> Samples:
    """Return samples that were stamped on arrival with the times at which they were taken; all others as they are."""
    times = samples.times
    if len(times) < LEAST or not _is_bunched(samples):
        return samples
    tick = _tick(samples)
    if tick is not None:  # a coarse clock is early where arrival is late
        if tick > MAX_GAP_S:
            return samples
        turned = replace(samples, times=-times[::-1], values=samples.values[:, ::-1], rows=samples.rows[::-1])
        back = _on_a_line(turned)
        if back is None:
            return samples
        even, period, _ = back
        what = f"the clock of the {sensor} ticks every {tick:.3g} s; its {len(times):,} samples were spread evenly"
        findings.repair(place.where, f"{what} at {1 / period:.4g} Hz", len(times))
        return Samples(-even[::-1], samples.values, samples.rows)
    found = _on_a_line(samples)
    if found is None:
        return samples
    even, period, losses = found
    late = times - even
    stalls = int((np.diff(times) > MAX_GAP_S).sum()) - losses
    words = (
        f"the times of the {sensor} are those at which its samples arrived, in groups and up to "
        f"{float(late.max()):.2g} s late; all {len(times):,} were kept in order and spread evenly at "
        f"{1 / period:.4g} Hz"
    )
    if stalls > 0:
        words += f"; {stalls} pause(s) of the transfer lost none"
    findings.repair(place.where, words, len(times))
    return Samples(even, samples.values, samples.rows)


def _on_a_line(samples: Samples) -> tuple[Times, float, int] | None:
    """Return even times along the earliest arrivals, their period, and the number of losses; None where none fit."""
    times = samples.times
    period = _period(times)
    stretches = _stretches(times, period)
    longest = max(stretches, key=lambda each: each.stop - each.first)
    if longest.stop - longest.first < LEAST:
        return None
    period = _slope(times[longest.first : longest.stop], period)
    even = np.empty_like(times)
    for each in stretches:
        even[each.first : each.stop] = _line(times[each.first : each.stop], period)
    return None if (np.diff(even) <= 0).any() else (even, period, len(stretches) - 1)


def _is_bunched(samples: Samples) -> bool:
    """Tell if times are those of arrival rather than a sensor's own, a coarse clock's, or repeated rows'."""
    steps = np.diff(samples.times)
    if (steps < 0).any() or not (steps > 0).any():
        return False
    together = steps < CLOSE * _period(samples.times)
    if together.mean() < BUNCHED or _lost_some(steps):
        return False
    same = steps == 0
    repeated = same & (np.diff(samples.values, axis=1) == 0).all(axis=0)
    return bool(repeated.sum() < 0.5 * together.sum())


def _lost_some(steps: Times) -> bool:
    """Tell if times are a sensor's own, of whose samples some are missing: steps are whole ones of its even period."""
    period = float(np.median(steps[steps <= 1.5 * np.quantile(steps, 0.1)]))
    if period < SHORTEST_S:  # as of a program that reads samples one after another when they have arrived
        return False
    near = steps[steps < MOST_LOST * period] / period
    whole = np.round(near)
    return bool(np.mean((whole >= 1) & (np.abs(near - whole) < OFF)) >= WHOLE and np.mean(whole == 1) >= 0.5)


def _tick(samples: Samples) -> float | None:
    """Return the step of a coarse clock, in whole ones of which the times are apart; None for any other."""
    steps = np.diff(samples.times)
    together = steps < CLOSE * _period(samples.times)
    ticks = np.diff(np.unique(samples.times))
    tick = float(np.median(ticks))
    off = np.abs(ticks / tick - np.round(ticks / tick))
    is_coarse = (steps == 0).sum() > 0.9 * together.sum() and bool(np.mean(off < 0.01) >= COARSEST)
    return tick if is_coarse else None


def _period(times: Times) -> float:
    """Return the typical time from sample to sample, over enough of them to be even."""
    over = min(WINDOW, len(times) // 4)
    return float(np.median(times[over:] - times[:-over])) / over


def _stretches(times: Times, period: float) -> list[Stretch]:
    """Return the stretches between losses: pauses after which fewer samples came than were due."""
    ahead = times - period * np.arange(len(times))
    out, first = [], 0
    for at in np.flatnonzero(np.diff(times) > MAX_GAP_S).tolist():
        pause = times[at + 1] - times[at]
        due = int(pause / period) + WINDOW
        before, after = ahead[max(first, at + 1 - due) : at + 1], ahead[at + 1 : at + 1 + due]
        if float(after.min() - before.min()) > 0.5 * MAX_GAP_S:
            out.append(Stretch(first, at + 1))
            first = at + 1
    return [*out, Stretch(first, len(times))]


def _slope(times: Times, period: float) -> float:
    """Return the period along the earliest arrivals of a stretch, by the median slope between those of its blocks."""
    index, early = _earliest(times, period)
    if len(index) < 4:
        return period
    run, rise = index[None] - index[:, None], early[None] - early[:, None]
    far = run > 0.25 * (index[-1] - index[0])
    return period + float(np.median(rise[far] / run[far]))


def _earliest(times: Times, period: float) -> tuple[Times, Times]:
    """Return the place of the earliest arrival in each block of samples, and by how much it is ahead of `period`."""
    ahead = times - period * np.arange(len(times))
    size = max(WINDOW, -(-len(times) // BLOCKS))
    starts = np.arange(0, max(1, len(times) - size // 2), size)
    at = [int(start) + int(np.argmin(ahead[start : start + size])) for start in starts]
    return np.array(at, np.float64), ahead[at]


def _line(times: Times, period: float) -> Times:
    """Return even times along the earliest arrivals, bent where a clock drifts by more than a line allows."""
    index, early = _earliest(times, period)
    count = np.arange(len(times), dtype=np.float64)
    middle = float(np.median(early))
    usual = np.abs(early - middle) <= FLAT_S
    if usual.mean() >= 0.9:
        return np.asarray(middle + period * count)
    smooth = np.array([np.median(early[max(0, i - 2) : i + 3]) for i in range(len(early))])
    return np.asarray(np.interp(count, index, smooth) + period * count)
