"""Scores of an activity recogniser (Section V-A), as fractions in 0..1."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from otolith.errors import DataError

MIN_SUBJECTS = 5
"""Test subjects below which no interval is given: resampling so few only pretends to know their spread."""

DRAWS = 2000
"""Bootstrap draws of an interval."""

LEVEL = 0.95
"""Share of the bootstrap distribution that an interval holds."""

Counts = NDArray[np.float64]


def confusion_matrix(y_true: NDArray[np.int64], y_pred: NDArray[np.int64], n_classes: int) -> NDArray[np.int64]:
    """Return counts (n_classes, n_classes) of class indices (n,); row: true class, column: predicted class.

    >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    return np.bincount(y_true * n_classes + y_pred, minlength=n_classes**2).reshape(n_classes, n_classes)


class Tally(NamedTuple):
    """Sums of confusion matrices that F1 is made of, (..., C) each: true positives, true and predicted windows."""

    hits: Counts
    support: Counts
    predicted: Counts

    @classmethod
    def of(cls, confusion: NDArray[np.int64]) -> Tally:
        """Sum up confusion matrices (..., C, C)."""
        parts = (np.diagonal(confusion, axis1=-2, axis2=-1), confusion.sum(axis=-1), confusion.sum(axis=-2))
        return cls(*(part.astype(np.float64) for part in parts))


def _f1(tally: Tally) -> Counts:
    """F1 = 2 TP / (support + predicted), and 0 where a class neither occurs nor is predicted: (..., C)."""
    total = tally.support + tally.predicted
    return np.divide(2.0 * tally.hits, total, out=np.zeros(total.shape), where=total > 0)


def _macro(tally: Tally, counted: NDArray[np.bool_]) -> Counts:
    """Mean F1 over the `counted` classes that occur (support > 0): (...), NaN where none does."""
    use = counted & (tally.support > 0)
    n = use.sum(axis=-1)
    total = np.where(use, _f1(tally), 0.0).sum(axis=-1)
    return np.divide(total, n, out=np.full(n.shape, np.nan), where=n > 0)


def macro_f1(y_true: ArrayLike, y_pred: ArrayLike, training_classes: Iterable[int], n_classes: int) -> float:
    """Return macro F1 alone, as in `evaluate`: over the training classes that occur in y_true.

    Args:
        y_true, y_pred: (n,) class indices.
        training_classes: indices of the classes with labelled training windows.

    Raises:
        DataError: lengths differ, a label is outside 0..n_classes-1, or no training class occurs.

    >>> macro_f1([0, 0, 1, 1], [0, 0, 1, 1], (0, 1), 3)
    1.0
    """
    true, pred = _labels("y_true", y_true, n_classes), _labels("y_pred", y_pred, n_classes)
    if len(true) != len(pred):
        raise DataError(f"y_true and y_pred have {len(true)} and {len(pred)} entries; expected equally many")
    counted = _counted(training_classes, n_classes)
    return _defined(_macro(Tally.of(confusion_matrix(true, pred, n_classes)), counted))


def _counted(training_classes: Iterable[int], n_classes: int) -> NDArray[np.bool_]:
    counted = np.zeros(n_classes, dtype=bool)
    classes = np.asarray(list(training_classes), dtype=np.int64)
    counted[_labels("training_classes", classes, n_classes)] = True
    return counted


def _defined(macro: Counts) -> float:
    if np.isnan(macro):
        raise DataError("no window to score is of an activity with labelled training windows; check the split")
    return float(macro)


def _labels(name: str, values: ArrayLike, n_classes: int) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.ndim != 1 or not (np.issubdtype(array.dtype, np.integer)):
        raise DataError(f"{name} has shape {array.shape} and type {array.dtype}; expected (n,) integers")
    array = array.astype(np.int64)
    wrong = np.flatnonzero((array < 0) | (array >= n_classes))
    if wrong.size:
        raise DataError(
            f"{name}[{wrong[0]}] is {array[wrong[0]]}; expected 0..{n_classes - 1}, one of the activities. "
            "Score labelled windows only"
        )
    return array


def evaluate(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    subject: ArrayLike,
    activities: Sequence[str],
    training_classes: Iterable[int],
    *,
    seed: int = 0,
) -> dict[str, Any]:
    """Score predictions on test windows (Section V-A: macro F1 is the paper's measure).

    Args:
        y_true, y_pred: (n,) class indices.
        subject: (n,) identities, numbers or strings.
        activities: names of all C classes.
        training_classes: indices of the classes with labelled training windows.
        seed: of the bootstrap.

    Returns:
        - `macro_f1`: mean F1 over the training activities that occur in the test set; division by zero counts 0. A
          window of an activity that was never trained does not count in the mean, yet is a false positive of the class
          it is taken for.
        - `accuracy`: share of all windows that are right.
        - `per_class_f1`, `support`: {activity: F1} and {activity: windows} for the activities that occur.
        - `activities`, `confusion`: the C names, and (C, C) counts as lists, rows true, columns predicted.
        - `per_subject`: {subject: macro F1 within the subject, over the training activities that occur for them}.
        - `interval`: {low, high, level, draws, n_subjects, seed} by the percentile bootstrap over subjects, or None.
        - `interval_note`: the sentence that says why there is no interval, or None.
        - `notes`: sentences on what the mean and the per-subject scores leave out; usually empty.
        - `n_windows`, `n_subjects`.

    Raises:
        DataError: lengths differ, a label is outside 0..C-1, there is no window, or none of a training activity.

    >>> found = evaluate([0, 1, 1], [0, 1, 1], ["ann", "ann", "bob"], ["still", "walk"], [0, 1])
    >>> found["macro_f1"], found["per_subject"]
    (1.0, {'ann': 1.0, 'bob': 1.0})
    """
    n_classes = len(activities)
    if len(set(activities)) != n_classes:
        raise DataError(f"activity names must differ from each other; got {list(activities)}")
    true, pred = _labels("y_true", y_true, n_classes), _labels("y_pred", y_pred, n_classes)
    who = np.asarray(subject)
    if not len(true) == len(pred) == len(who):
        raise DataError(
            f"y_true, y_pred and subject have {len(true)}, {len(pred)} and {len(who)} entries; "
            "expected one for each window"
        )
    if not len(true):
        raise DataError("there is no test window to score; check the split")
    counted = _counted(training_classes, n_classes)

    # One confusion matrix for each subject carries every figure below.
    subjects, index = np.unique(who, return_inverse=True)
    cells = (index.astype(np.int64) * n_classes + true) * n_classes + pred
    each = np.bincount(cells, minlength=len(subjects) * n_classes**2)
    each = each.reshape(len(subjects), n_classes, n_classes)
    confusion = each.sum(axis=0)
    by_subject, total = Tally.of(each), Tally.of(confusion)
    macro = _defined(_macro(total, counted))
    within = _macro(by_subject, counted)
    f1, support = _f1(total), total.support

    def named(classes: NDArray[np.bool_]) -> list[tuple[int, str]]:
        return [(c, name) for c, name in enumerate(activities) if classes[c]]

    occurring = named(support > 0)
    interval = _interval(by_subject, counted, seed)
    interval_note = None if interval is not None else _why_no_interval(len(subjects))
    notes: list[str] = []
    untrained = [name for _, name in named((support > 0) & ~counted)]
    if untrained:
        notes.append(f"Tested but without labelled training windows, so not in the mean: {', '.join(untrained)}.")
    unseen = [name for _, name in named((support == 0) & counted)]
    if unseen:
        notes.append(f"Trained but absent from the test set, so not in the mean: {', '.join(unseen)}.")
    left_out = [str(s) for s, score in zip(subjects, within, strict=True) if math.isnan(score)]
    if left_out:
        notes.append(f"Without a score of their own, having no window of a trained activity: {', '.join(left_out)}.")
    return {
        "macro_f1": macro,
        "accuracy": float(np.trace(confusion) / confusion.sum()),
        "per_class_f1": {name: float(f1[c]) for c, name in occurring},
        "support": {name: int(support[c]) for c, name in occurring},
        "activities": list(activities),
        "confusion": confusion.tolist(),
        "per_subject": {
            str(s): float(score) for s, score in zip(subjects, within, strict=True) if not math.isnan(score)
        },
        "interval": interval,
        "interval_note": interval_note,
        "notes": notes,
        "n_windows": len(true),
        "n_subjects": len(subjects),
    }


def _why_no_interval(n_subjects: int) -> str:
    people = "1 test subject" if n_subjects == 1 else f"{n_subjects} test subjects"
    return (
        f"No interval: {people}, and resampling subjects needs at least {MIN_SUBJECTS}. "
        "Look at the per-subject scores and at the spread over seeds instead."
    )


def _interval(by_subject: Tally, counted: NDArray[np.bool_], seed: int) -> dict[str, Any] | None:
    """Percentile bootstrap of the macro F1 over subjects from tallies (S, C); None for too few.

    Windows of one person resemble each other, so it is the subjects that are drawn, with replacement, not
    the windows. A draw is scored as the test set is: over the training activities that occur in it.
    """
    n_subjects = len(by_subject.support)
    if n_subjects < MIN_SUBJECTS:
        return None
    drawn = np.random.default_rng(seed).integers(0, n_subjects, size=(DRAWS, n_subjects))
    # How often each draw holds each subject, so that one matrix product gives the draw's counts.
    times = np.zeros((DRAWS, n_subjects))
    np.add.at(times, (np.arange(DRAWS)[:, None], drawn), 1.0)
    scores = _macro(Tally(*(times @ part for part in by_subject)), counted)
    # A draw that holds only subjects without any trained activity has no macro F1.
    low, high = np.quantile(scores[~np.isnan(scores)], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {
        "low": float(low),
        "high": float(high),
        "level": LEVEL,
        "draws": DRAWS,
        "n_subjects": n_subjects,
        "seed": seed,
    }


def spread(values: Iterable[float]) -> dict[str, Any]:
    """Return {n, mean, min, max, sd} of one score over seeds or folds.

    `sd` is the sample standard deviation (divisor n - 1), None for a single value.

    Raises:
        DataError: no value, or one that is not finite.

    >>> spread([0.5])
    {'n': 1, 'mean': 0.5, 'min': 0.5, 'max': 0.5, 'sd': None}
    """
    array = np.asarray(list(values), dtype=np.float64)
    if not array.size or not np.isfinite(array).all():
        raise DataError(f"a spread needs at least one value, all finite; got {array.tolist()}")
    return {
        "n": int(array.size),
        "mean": float(array.mean()),
        "min": float(array.min()),
        "max": float(array.max()),
        "sd": float(array.std(ddof=1)) if array.size > 1 else None,
    }
