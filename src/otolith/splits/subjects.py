"""Splits that keep people apart: the only ones whose scores speak of new people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from otolith.errors import DataError
from otolith.splits.base import Split, labelled_subjects, refuse_common, shuffled

if TYPE_CHECKING:
    from otolith.windows import Windows


def fixed(w: Windows) -> Split:
    """Return the data set's own subject split.

    Raises:
        DataError: the data set has none, or some of its subjects have no labelled window here.

    >>> from dataclasses import replace
    >>> from otolith.windows import Windows
    >>> from otolith.windows.subjects import FixedSubjects
    >>> w = Windows.from_arrays(np.zeros((12, 6, 30)), [0, 1] * 6, np.repeat([1, 2, 3], 4))
    >>> w = replace(w, meta=replace(w.meta, fixed=FixedSubjects(val=(1,), test=(3,))))
    >>> w.subject[fixed(w).test]
    array([3, 3, 3, 3])
    """
    authors = w.meta.fixed
    if authors is None:
        raise DataError(
            f"Data set {w.meta.dataset!r} has no fixed split; in Python, use splits.holdout(w, seed) or "
            "splits.folds(w, n, seed)."
        )
    present = labelled_subjects(w)
    missing = [s for s in (*authors.val, *authors.test) if s not in present]
    if missing:
        raise DataError(
            f"The fixed split of {w.meta.dataset!r} needs subjects {', '.join(map(str, missing))}, of whom "
            "there is no labelled window. Complete the data set (or, in Python, use splits.holdout(w, seed))."
        )
    return _by_subject(w, "fixed", authors.val, authors.test, train=authors.train)


def holdout(w: Windows, seed: int) -> Split:
    """Return a random subject hold-out: ceil(20 %) of the subjects test, ceil(20 %) of the rest validate.

    Raises:
        DataError: fewer than three subjects with labelled windows.

    >>> from otolith.windows import Windows
    >>> w = Windows.from_arrays(np.zeros((12, 6, 30)), [0, 1] * 6, np.repeat([1, 2, 3], 4))
    >>> w.subject[holdout(w, seed=0).test]
    array([3, 3, 3, 3])
    """
    people = _enough(w, "A subject hold-out")
    order = shuffled(people, seed)
    n_test = -(-len(order) // 5)
    n_val = -(-(len(order) - n_test) // 5)
    return _by_subject(w, "holdout", order[n_test : n_test + n_val], order[:n_test], seed=seed)


def folds(w: Windows, n: int, seed: int) -> list[Split]:
    """Return the folds of subject-wise cross-validation: every subject is tested in exactly one of n.

    The sorted subjects are shuffled by the seed and dealt into n nearly equal folds. In each, int(20 %) of
    the remaining subjects, at least one, validate: those that follow the fold in the shuffled order, so that
    validation goes round as testing does. Where the data set's own split counts as the fifth of five folds
    (USC-HAD), four folds are dealt from the subjects that it does not test, and it comes last.

    Raises:
        DataError: fewer than three subjects with labelled windows, or too few for n folds.

    >>> from otolith.windows import Windows
    >>> w = Windows.from_arrays(np.zeros((12, 6, 30)), [0, 1] * 6, np.repeat([1, 2, 3], 4))
    >>> sorted(int(w.subject[split.test[0]]) for split in folds(w, 3, seed=0))
    [1, 2, 3]
    """
    people = _enough(w, "Subject-wise cross-validation")
    authors = w.meta.fixed
    last = fixed(w) if authors is not None and authors.is_last_fold and n == 5 else None
    elsewhere = list(authors.test) if last is not None and authors is not None else []
    dealt = [s for s in people if s not in elsewhere]
    n_dealt = n if last is None else n - 1
    if n < 2 or n_dealt > len(dealt):
        raise DataError(f"{n} folds of {len(people)} subjects: ask for 2 to {len(people)} folds.")
    order = shuffled(dealt, seed)
    out = []
    begin = 0
    for fold in range(n_dealt):
        stop = begin + len(order) // n_dealt + (fold < len(order) % n_dealt)
        rest = order[stop:] + order[:begin] + elsewhere
        if len(rest) < 2:
            raise DataError(
                f"{n} folds of {len(people)} subjects leave nobody to train on; ask for {len(people)} folds."
            )
        n_val = max(1, len(rest) // 5)
        out.append(_by_subject(w, "fold", rest[:n_val], order[begin:stop], seed=seed, fold=fold))
        begin = stop
    if last is not None:
        out.append(Split("fold", last.train, last.val, last.test, seed, n - 1))
    return out


def leave_one_subject_out(w: Windows) -> Iterator[Split]:
    """Yield one split for each subject, in sorted order, who is tested alone.

    int(20 %) of the others, at least one, validate: those that follow in sorted order.

    Raises:
        DataError: fewer than three subjects with labelled windows.

    >>> from otolith.windows import Windows
    >>> w = Windows.from_arrays(np.zeros((12, 6, 30)), [0, 1] * 6, np.repeat([1, 2, 3], 4))
    >>> [int(w.subject[split.test[0]]) for split in leave_one_subject_out(w)]
    [1, 2, 3]
    """
    people = _enough(w, "Leaving one subject out")
    for i, person in enumerate(people):
        rest = people[i + 1 :] + people[:i]
        yield _by_subject(w, "subject", rest[: max(1, len(rest) // 5)], [person], fold=i)


def _enough(w: Windows, what: str) -> list[Any]:
    people = labelled_subjects(w)
    if len(people) < 3:
        raise DataError(
            f"{what} needs at least three subjects with labelled windows, {w.meta.dataset!r} has "
            f"{len(people)}. Record more people (in Python, splits.automatic(w, seed) splits by recording or time)."
        )
    return people


def _by_subject(
    w: Windows,
    name: str,
    val: Sequence[Any],
    test: Sequence[Any],
    seed: int | None = None,
    fold: int | None = None,
    train: Sequence[Any] | None = None,
) -> Split:
    in_val, in_test = np.isin(w.subject, list(val)), np.isin(w.subject, list(test))
    in_train = ~in_val & ~in_test if train is None else np.isin(w.subject, list(train))
    split = Split(
        name,
        np.flatnonzero(in_train).astype(np.int64),
        np.flatnonzero(in_val & w.labelled).astype(np.int64),
        np.flatnonzero(in_test & w.labelled).astype(np.int64),
        seed,
        fold,
    )
    refuse_common(split, w.subject, "subject")
    return split
