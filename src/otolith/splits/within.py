"""Splits of the same few people's windows, for users' own data: by recording and by time."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from otolith.errors import DataError
from otolith.splits.base import Indices, Split, refuse_common, shuffled

if TYPE_CHECKING:
    from otolith.windows import Windows

SAME_PEOPLE = (
    "Training and test windows come from the same people, so this score says nothing about other people: "
    "record at least three subjects to learn that."
)


def by_recording(w: Windows, seed: int) -> Split:
    """Return a split of whole recordings: ceil(20 %) test, ceil(20 %) of the rest validate, in random order.

    A recording leaves training only if others keep all of its activities there, and those come first that
    bring activities which their part does not have yet. Both parts shrink to one recording before an activity
    is given up.

    Raises:
        DataError: fewer than three recordings with labelled windows.

    >>> from otolith.windows import Windows
    >>> names = np.repeat(["mon", "tue", "wed"], 4)
    >>> w = Windows.from_arrays(np.zeros((12, 6, 30)), [0, 1] * 6, recording=names)
    >>> by_recording(w, seed=0).name
    'recording'
    """
    split, _ = split_recordings(w, seed)
    return split


def by_time(w: Windows) -> Split:
    """Return a split by time within each recording and activity: 60 % train, then 20 % validate, then 20 % test.

    In one recording, windows of different parts are at least one window apart, whatever their activities;
    windows in between, labelled or not, are left out. An activity that is too short for that in a recording
    trains only.

    Raises:
        DataError: no activity in any recording is long enough for three parts.

    >>> from otolith.windows import Windows
    >>> split = by_time(Windows.from_arrays(np.zeros((20, 6, 30)), [0] * 20))
    >>> split.train.tolist(), split.val.tolist(), split.test.tolist()
    ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], [13, 14, 15], [17, 18, 19])
    """
    part = np.zeros(len(w), np.int8)  # 0 train, 1 val, 2 test, -1 left out
    _, recording = np.unique(w.recording, return_inverse=True)
    apart = 2 * w.meta.seconds - 1e-6  # between starts: a window and a gap as long
    # how many windows of an unbroken stretch start within a gap: 3 at half overlap
    per_gap = int(np.ceil(2 / (1 - w.meta.overlap) - 1e-9)) - 1
    for r in range(int(recording.max()) + 1 if len(w) else 0):
        rows = np.flatnonzero(recording == r)
        rows = rows[np.argsort(w.start[rows], kind="stable")]
        for label in np.unique(w.y[rows][w.y[rows] >= 0]):
            _cut_in_time(part, rows[w.y[rows] == label], w.start, apart, per_gap)
        for low, high in ((1, 2), (0, 2), (0, 1)):
            near = _near(w.start, rows[part[rows] == low], w.start[rows[part[rows] == high]], apart)
            part[near] = -1
    if not w.labelled.any():
        raise DataError(
            f"No window of {w.meta.dataset!r} is labelled, and a split needs labels. Label some recordings, or "
            "let them "
            "join the pre-training of another data set: --unlabelled."
        )
    if not ((part == 0) & w.labelled).any() or not (part == 1).any() or not (part == 2).any():
        raise DataError(
            f"No activity of {w.meta.dataset!r} lasts long enough in one recording for training, validation "
            f"and test windows of {w.meta.seconds:g} s with a gap of one window between them. Record or "
            "label more."
        )
    train, val, test = (np.flatnonzero(part == i).astype(np.int64) for i in range(3))
    return Split("time", train, val, test, warning=SAME_PEOPLE, allow_shared_subjects=True)


def split_recordings(w: Windows, seed: int) -> tuple[Split, bool]:
    """Return the split by recording, and whether every activity stayed in training."""
    names = np.unique(w.recording[w.labelled]).tolist()
    if len(names) < 3:
        raise DataError(
            f"A split by recording needs at least three labelled recordings, {w.meta.dataset!r} has "
            f"{len(names)}. Make more of them (in Python, splits.by_time(w) splits within each)."
        )
    all_names, number = np.unique(w.recording, return_inverse=True)
    pairs = np.unique(np.stack([number[w.labelled], w.y[w.labelled]]), axis=1)
    holds: dict[str, set[int]] = {name: set() for name in names}
    for recording, activity in pairs.T.tolist():
        holds[str(all_names[recording])].add(activity)
    left = shuffled(names, seed)
    n_test = -(-len(names) // 5)
    test = _take_recordings(left, holds, n_test)
    val = _take_recordings(left, holds, -(-(len(names) - n_test) // 5))
    everything = set().union(*holds.values())
    complete = everything == set().union(*(holds[name] for name in left))
    if not complete and len(test) > 1:  # the test part has taken the last recording that could be spared
        left += val
        val = [test.pop()]
        complete = everything == set().union(*(holds[name] for name in left))
    in_val, in_test = np.isin(w.recording, val), np.isin(w.recording, test)
    tested = set().union(*(holds[name] for name in test))
    untested = [w.activities[i] for i in sorted(everything - tested)]
    warning = SAME_PEOPLE + (f" Activities that no test recording holds: {', '.join(untested)}." if untested else "")
    split = Split(
        "recording",
        np.flatnonzero(~in_val & ~in_test).astype(np.int64),
        np.flatnonzero(in_val & w.labelled).astype(np.int64),
        np.flatnonzero(in_test & w.labelled).astype(np.int64),
        seed,
        warning=warning,
        allow_shared_subjects=True,
    )
    refuse_common(split, w.recording, "recording")
    return split, complete


def _take_recordings(left: list[str], holds: dict[str, set[int]], n: int) -> list[str]:
    """Move up to n recordings out of `left`, one at least."""
    taken: list[str] = []
    while len(taken) < n:
        have = set().union(*(holds[name] for name in taken))
        holders = Counter(activity for name in left for activity in holds[name])
        lost = {name: sum(holders[activity] == 1 for activity in holds[name]) for name in left}
        if taken and min(lost.values()) > 0:
            break
        # the order among equals is the shuffled one
        best = min(left, key=lambda name: (lost[name], -len(holds[name] - have)))
        left.remove(best)
        taken.append(best)
    return taken


def _cut_in_time(part: NDArray[np.int8], rows: Indices, start: NDArray[np.float64], apart: float, per_gap: int) -> None:
    """Mark the rows, in order of time, of one activity in one recording; too few of them stay in training."""
    n_part = max(1, (len(rows) - 2 * per_gap) // 5)
    times = start[rows]
    if len(rows) <= 2 * n_part:
        return
    first_test = len(rows) - n_part
    stop_val = int(np.searchsorted(times, times[first_test] - apart, side="right"))
    first_val = stop_val - n_part
    if first_val < 0:
        return
    stop_train = int(np.searchsorted(times, times[first_val] - apart, side="right"))
    if stop_train < 1:
        return
    part[rows] = -1
    part[rows[:stop_train]] = 0
    part[rows[first_val:stop_val]] = 1
    part[rows[first_test:]] = 2


def _near(start: NDArray[np.float64], rows: Indices, others: NDArray[np.float64], apart: float) -> Indices:
    """Return the rows that start less than `apart` from any of `others` (increasing)."""
    if not len(others):
        return rows[:0]
    at = np.searchsorted(others, start[rows])
    before = start[rows] - others[np.maximum(at - 1, 0)]
    after = others[np.minimum(at, len(others) - 1)] - start[rows]
    return rows[np.minimum(np.abs(before), np.abs(after)) < apart]
