"""The split of an experiment that names none: the data set's own, or the most telling one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from otolith.splits.base import Split, labelled_subjects
from otolith.splits.own import by_parts
from otolith.splits.subjects import fixed, holdout
from otolith.splits.within import by_time, split_recordings
from otolith.windows.subjects import FixedSubjects, OwnParts

if TYPE_CHECKING:
    from otolith.datasets import DatasetInfo
    from otolith.windows import Windows


def default(w: Windows, info: DatasetInfo) -> Split:
    """Return the split that `info.default_split` names, for windows `w` of that data set.

    People's own data (`info.own`) that name a hold-out go through `automatic`, with the same seed.

    Raises:
        DataError: another data set with too few subjects, or with some of the fixed ones missing.

    >>> from otolith.datasets import info
    >>> from otolith.windows import Windows
    >>> w = Windows.from_arrays(np.zeros((12, 6, 30)), [0, 1] * 6, np.repeat([1, 2, 3], 4))
    >>> default(w, info("watch")).name
    'holdout'
    """
    if isinstance(info.default_split, FixedSubjects):
        return fixed(w)
    if isinstance(info.default_split, OwnParts):
        return by_parts(w, info.default_split)
    return (automatic if info.own else holdout)(w, info.default_split.seed)


def automatic(w: Windows, seed: int) -> Split:
    """Return the most telling split that users' own windows allow.

    A subject hold-out from three subjects on; else by recording, if there are three recordings and every
    activity can stay in training; else by time. The last two carry a `warning`.

    >>> from otolith.windows import Windows
    >>> w = Windows.from_arrays(np.zeros((40, 6, 30)), [0, 1] * 20)
    >>> automatic(w, seed=0).name
    'time'
    """
    if len(labelled_subjects(w)) >= 3:
        return holdout(w, seed)
    if len(np.unique(w.recording[w.labelled])) >= 3:
        split, complete = split_recordings(w, seed)
        if complete:
            return split
    return by_time(w)


def unlabelled(w: Windows) -> Split:
    """Return all windows as training windows: to pre-train on alone, where too few have labels to test or validate.

    >>> from otolith.windows import Windows
    >>> w = Windows.from_arrays(np.zeros((4, 6, 30)), [-1, -1, -1, -1])
    >>> len(unlabelled(w).train), len(unlabelled(w).val)
    (4, 0)
    """
    none = np.arange(0)
    return Split("unlabelled", np.arange(len(w)), none, none)


def untested(w: Windows, seed: int) -> Split:
    """Return `automatic`'s split with its test part in training: for a model that is put to use without a score.

    >>> from otolith.windows import Windows
    >>> w = Windows.from_arrays(np.zeros((40, 6, 30)), [0, 1] * 20, np.repeat([1, 2, 3, 4], 10))
    >>> split = untested(w, seed=0)
    >>> len(split.train), len(split.val), len(split.test)
    (30, 10, 0)
    """
    split = automatic(w, seed)
    if split.name == "time":
        train = np.union1d(split.train, split.test)
    else:
        owner = w.recording if split.name == "recording" else w.subject
        train = np.flatnonzero(~np.isin(owner, owner[split.val]))
    return replace(split, train=train.astype(np.int64), test=split.test[:0])
