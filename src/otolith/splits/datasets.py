"""A split between data sets: people of some train and validate, a data set that no training saw tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from otolith.errors import DataError
from otolith.splits.base import Split, shuffled

if TYPE_CHECKING:
    from otolith.windows import Windows

VALIDATION = 0.2
"""Share of each training data set's people who validate, rounded up."""


def datasets_of(w: Windows) -> tuple[str, ...]:
    """Return the names of the data sets that pooled windows are of, in the order of their windows.

    Raises:
        DataError: subjects without the name of a data set: the windows are of no pool (`otolith.datasets.pooled`).

    >>> from otolith.windows import Windows
    >>> datasets_of(Windows.from_arrays(np.zeros((2, 6, 30)), [0, 1], ["a/1", "b/1"]))
    ('a', 'b')
    """
    found = dict.fromkeys(str(name).rpartition("/")[0] for name in np.unique(w.subject).tolist())
    if "" in found:
        raise DataError(
            f"{w.meta.dataset} is one data set; name several, joined by +, such as motionsense+uci-har, to train on "
            "some and test on others."
        )
    first = {name: int(np.argmax(np.char.startswith(w.subject, f"{name}/"))) for name in found}
    return tuple(sorted(first, key=first.__getitem__))


def between_datasets(w: Windows, train: Sequence[str], test: str, seed: int = 0) -> Split:
    """Return the split that tests on all labelled windows of one data set, and trains on people of others.

    Args:
        w: windows of a pool; its subjects are named `DATASET/PERSON`.
        train: data sets of the pool; a fifth of each one's people validate.
        test: the data set that tests.
        seed: of the draw of those who validate.

    Raises:
        DataError: a data set that is not in the pool, one that would train and test, or too few people.

    >>> from otolith.windows import Windows
    >>> who = np.repeat(["a/1", "a/2", "b/1"], 4)
    >>> w = Windows.from_arrays(np.zeros((12, 6, 30)), [0, 1] * 6, who)
    >>> between_datasets(w, ["a"], "b").test
    array([ 8,  9, 10, 11])
    """
    known = datasets_of(w)
    for name in (*train, test):
        if name not in known:
            raise DataError(f"{name} is not in the pool; it holds {', '.join(known)}.")
    if test in train:
        raise DataError(f"{test} would train and test; test on another data set.")
    of = np.char.rpartition(w.subject, "/")[:, 0]
    validating: list[str] = []
    for name in train:
        people = np.unique(w.subject[(of == name) & w.labelled]).tolist()
        if len(people) < 2:
            raise DataError(f"{name} has {len(people)} labelled person; to train and validate it takes two.")
        validating += shuffled(people, seed)[: int(np.ceil(VALIDATION * len(people)))]
    chosen = np.isin(w.subject, validating)
    trains = np.isin(of, list(train)) & ~chosen
    parts = (trains, chosen & w.labelled, (of == test) & w.labelled)
    trained, validated, tested = (np.flatnonzero(part).astype(np.int64) for part in parts)
    return Split("dataset", trained, validated, tested, seed=seed)
