"""Sums over long arrays a piece at a time: what numpy would need a copy of the whole for.

A week at 100 Hz has sixty million times, of which one difference takes half a gigabyte. Results are those of numpy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from otolith.system.memory import release

AT_ONCE = 1 << 20
"""Samples in a piece."""
MARKS_AT_ONCE = 1 << 12
BINS = 4096

Floats = NDArray[np.float64]


def slices(n: int) -> Iterator[slice]:
    """Yield slices that cover `n` samples, in order.

    >>> list(slices(3))
    [slice(0, 3, None)]
    """
    for at in range(0, n, AT_ONCE):
        yield slice(at, min(at + AT_ONCE, n))


def thinned(values: NDArray[Any]) -> NDArray[Any]:
    """Return every k-th sample of values (axes, n), so that at most two pieces are left.

    >>> thinned(np.eye(2)).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    n = values.shape[1]
    step = max(1, n // AT_ONCE)
    found = [values[:, :0]]
    for at in slices(n):
        found.append(values[:, -(-at.start // step) * step : at.stop : step].copy())
        release(values)
    return np.concatenate(found, 1)


def steps_of(times: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield the differences of times (n,), a piece at a time.

    >>> [steps.tolist() for steps in steps_of(np.array([0.0, 1.0, 5.0]))]
    [[1.0, 4.0]]
    """
    for at in slices(len(times) - 1):
        yield np.diff(times[at.start : at.stop + 1])
        release(times)


def places_in(times: NDArray[Any], marks: NDArray[Any]) -> NDArray[np.int64]:
    """Return for each of the marks, in order, the first sample that is not before it: `np.searchsorted`.

    >>> places_in(np.array([0.0, 1.0, 5.0]), np.array([0.5, 9.0])).tolist()
    [1, 3]
    """
    found = [np.empty(0, np.int64)]
    for at in range(0, len(marks), MARKS_AT_ONCE):
        found.append(np.searchsorted(times, marks[at : at + MARKS_AT_ONCE]))
        release(times)
    return np.concatenate(found)


def where_step(times: NDArray[Any], is_so: Callable[[NDArray[Any]], NDArray[np.bool_]]) -> NDArray[np.int64]:
    """Return the samples after which the step to the next one is as asked.

    Args:
        times: (n,).
        is_so: steps -> bool.

    >>> where_step(np.array([0.0, 1.0, 5.0, 6.0]), lambda steps: steps > 2)
    array([1])
    """
    found = [np.empty(0, np.int64)]
    for number, steps in enumerate(steps_of(times)):
        found.append(number * AT_ONCE + np.flatnonzero(is_so(steps)))
    return np.concatenate(found)


def median_step(times: Floats, span: int = 1) -> float:
    """Return the median difference of times that are `span` samples apart.

    >>> median_step(np.array([0.0, 1.0, 2.0, 5.0]))
    1.0
    """
    n = len(times) - span
    if n <= 4 * AT_ONCE:
        return float(np.median(times[span:] - times[:-span]))

    def steps() -> Iterator[Floats]:
        for at in slices(n):
            yield times[at.start + span : at.stop + span] - times[at]
            release(times)

    return _median(steps, n)


def _median(parts: Callable[[], Iterator[Floats]], n: int) -> float:
    """Return the median of `n` finite values that come in parts, as often as they are asked for.

    The range is narrowed to the bin that holds the median until few different values are left in it.
    """
    middle = ((n - 1) // 2, n // 2)
    low = min(float(part.min()) for part in parts())
    high = max(float(part.max()) for part in parts())
    while high > low:
        edges = np.linspace(low, high, BINS + 1)
        below = sum(int((part < low).sum()) for part in parts())
        counts = np.zeros(BINS, np.int64)
        for part in parts():
            counts += np.histogram(part, edges)[0]
        upto = below + np.cumsum(counts)
        first, last = (int(np.searchsorted(upto, k, "right")) for k in middle)
        inside = int(counts[first : last + 1].sum())
        narrower, before = (float(edges[first]), float(edges[min(last + 1, BINS)])), (low, high)
        low, high = narrower
        if inside <= AT_ONCE or narrower == before:
            break
    below = sum(int((part < low).sum()) for part in parts())
    values, counts = np.empty(0), np.empty(0, np.int64)  # different ones, and how often each comes
    for part in parts():
        more, many = np.unique(part[(part >= low) & (part <= high)], return_counts=True)
        values, back = np.unique(np.concatenate([values, more]), return_inverse=True)
        counts = np.bincount(back, np.concatenate([counts, many])).astype(np.int64)
    upto = below + np.cumsum(counts)
    a, b = (float(values[int(np.searchsorted(upto, k, "right"))]) for k in middle)
    return float(np.mean([a, b]))
