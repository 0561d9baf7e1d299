"""Calibration error: the distance between how often a recogniser is right and what its probabilities say."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from otolith.errors import DataError

BINS = 15
"""Bins of equal width, as most of the literature takes them."""


def expected_calibration_error(probabilities: ArrayLike, y_true: ArrayLike, bins: int = BINS) -> float:
    """Return the expected calibration error (Naeini, Cooper and Hauskrecht 2015), a fraction in 0..1.

    Windows are sorted by the probability of their most probable class into `bins` bins of equal width, (0, 1/bins] and
    so on. The error is the mean over windows of the difference between a bin's accuracy and its mean probability.

    Args:
        probabilities: (n, n_classes), each row a distribution.
        y_true: (n,) class indices.

    Raises:
        DataError: no window, shapes that do not match, or rows that are not a distribution.

    >>> expected_calibration_error([[0.9, 0.1], [0.9, 0.1]], [0, 1])
    0.4
    """
    p = np.asarray(probabilities, np.float64)
    y = np.asarray(y_true)
    if p.ndim != 2 or y.shape != (len(p),) or not len(p) or y.dtype.kind not in "iu":
        raise DataError(
            f"expected probabilities (n, n_classes) and y_true (n,) integers; got shapes {p.shape} and {y.shape}"
        )
    if not (np.isfinite(p).all() and (p >= 0).all() and np.allclose(p.sum(1), 1, atol=1e-3)):
        raise DataError("probabilities have to be 0 or more and sum to 1 in each row; give softmax outputs, not logits")
    if (y < 0).any() or (y >= p.shape[1]).any():
        raise DataError(
            f"y_true lies in {y.min()}..{y.max()}, expected 0..{p.shape[1] - 1}: score labelled windows only"
        )
    top = p.max(1)
    place = np.clip(np.ceil(top * bins).astype(np.int64) - 1, 0, bins - 1)
    right = np.bincount(place, p.argmax(1) == y, minlength=bins)
    claimed = np.bincount(place, top, minlength=bins)
    return float(np.abs(right - claimed).sum() / len(p))
