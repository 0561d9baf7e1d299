"""Test of the difference between two methods on the same people, and the interval of a mean over draws."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from otolith.errors import DataError
from otolith.metrics.scores import DRAWS, LEVEL, MIN_SUBJECTS

EXACT = 14
"""Subjects up to which every assignment of signs is tried; beyond, `SIGNS` random ones."""

SIGNS = 20_000


def paired_difference(ours: Mapping[str, float], theirs: Mapping[str, float], seed: int = 0) -> dict[str, Any]:
    """Return the mean difference ours - theirs over the subjects that both scored, tested by subject.

    The test turns the sign of each subject's difference at random, as it would be if the two methods were the same
    (Fisher's randomisation test, two-sided): `p` is the share of assignments whose mean is at least as far from 0. With
    n subjects it cannot be below 2 / 2^n. The 95 % interval resamples subjects, from five on; else None.

    Args:
        ours, theirs: one score of each subject, for example its mean over seeds.

    Returns:
        {difference, low, high, p, n_subjects}.

    Raises:
        DataError: no common subject, or a score that is not finite.

    >>> paired_difference({"a": 0.75, "b": 0.5}, {"a": 0.5, "b": 0.25})
    {'difference': 0.25, 'low': None, 'high': None, 'p': 0.5, 'n_subjects': 2}
    """
    common = sorted(ours.keys() & theirs.keys())
    d = np.array([ours[person] - theirs[person] for person in common], np.float64)
    if not len(d) or not np.isfinite(d).all():
        raise DataError(f"a paired difference needs finite scores of common subjects; got {len(d)} subjects")
    rng = np.random.default_rng(seed)
    n = len(d)
    # scipy.stats.permutation_test draws other signs beyond EXACT: every p and interval shown would move.
    if n <= EXACT:  # as scipy.stats.permutation_test, in a quarter of its time, and a report has hundreds of pairs
        signs = np.array(list(itertools.product((1.0, -1.0), repeat=n)))
    else:
        signs = np.vstack([np.ones(n), rng.choice((1.0, -1.0), size=(SIGNS - 1, n))])
    least = abs(d.mean()) * (1 - 1e-12)  # equal means must count as equal however they were summed
    p = float((np.abs(signs @ d / n) >= least).mean())
    low = high = None
    if n >= MIN_SUBJECTS:
        means = d[rng.integers(0, n, size=(DRAWS, n))].mean(axis=1)
        low, high = (float(q) for q in np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
    return {"difference": float(d.mean()), "low": low, "high": high, "p": p, "n_subjects": n}


def mean_interval(values: Iterable[float]) -> dict[str, Any]:
    """Return the mean of independent repeats with the 95 % interval of Student's t, as Fig. 6 draws it.

    Returns:
        {mean, low, high, n}; low and high are None for a single value.

    Raises:
        DataError: no value, or one that is not finite.

    >>> mean_interval([0.5])
    {'mean': 0.5, 'low': None, 'high': None, 'n': 1}
    """
    array = np.asarray(list(values), np.float64)
    if not array.size or not np.isfinite(array).all():
        raise DataError(f"an interval needs at least one value, all finite; got {array.tolist()}")
    mean, n = float(array.mean()), int(array.size)
    if n == 1:
        return {"mean": mean, "low": None, "high": None, "n": n}
    from scipy.stats import t

    half = float(t.ppf((1 + LEVEL) / 2, n - 1)) * float(array.std(ddof=1)) / math.sqrt(n)
    return {"mean": mean, "low": mean - half, "high": mean + half, "n": n}
