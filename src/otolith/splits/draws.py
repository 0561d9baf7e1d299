"""Few labels: k windows of each class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from otolith.errors import DataError
from otolith.splits.base import Indices, check_seed


def k_per_class(y: ArrayLike, k: int, seed: int, allow_fewer: bool = False, names: Sequence[str] = ()) -> Indices:
    """Return the positions in `y` of k windows per class, drawn without replacement, increasing.

    Draws of different k or seed are independent (not nested). Unlabelled entries (-1) are passed over.

    Args:
        y: (n,) integer labels, for example `w.y[split.train]`.
        k: windows per class.
        seed: 0 to 2**32 - 1.
        allow_fewer: take all windows of a class that has fewer than k, instead of refusing.
        names: of the classes, for the error.

    Raises:
        DataError: k below 1, no labelled window, or a class with fewer than k windows.

    >>> labels = np.array([0, 0, 0, 1, 1, -1])
    >>> labels[k_per_class(labels, k=2, seed=0)]
    array([0, 0, 1, 1])
    """
    labels = np.asarray(y)
    if k < 1:
        raise DataError(f"k is {k}; at least one window per class is needed.")
    check_seed(seed)
    classes, counts = np.unique(labels[labels >= 0], return_counts=True)
    if not len(classes):
        raise DataError("There is no labelled window to draw from.")
    if not allow_fewer and counts.min() < k:
        label = int(classes[counts.argmin()])
        who = names[label] if names else f"Class {label}"
        raise DataError(
            f"{who} has {int(counts.min())} windows, {k} were asked for. Ask for a smaller k (in Python, "
            "allow_fewer=True takes what there is)."
        )
    # both numbers seed the stream: with the seed alone, a smaller k would be a part of every larger one
    rng = np.random.RandomState([seed, k])
    drawn = [rng.permutation(np.flatnonzero(labels == label))[:k] for label in classes]
    return np.sort(np.concatenate(drawn)).astype(np.int64)
