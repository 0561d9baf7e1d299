"""The stretch that would teach most: one that the head is unsure of, and unlike all that has been labelled.

The score of a stretch is its uncertainty (one minus the difference between its two most likely activities; Scheffer
et al. 2001) times its distance to the nearest labelled stretch (Sener and Savarese 2018). Before two activities have
labels, distance alone counts; the first proposal is the most ordinary stretch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

DIMENSIONS = 16
"""Principal components in which distances are measured."""
_SAMPLE = 3000


def projected(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the leading principal components (n, at most 16) of features (n, d)."""
    some = x[:: max(1, len(x) // _SAMPLE)].astype(np.float64)
    mean = some.mean(0)
    _, _, axes = np.linalg.svd(some - mean, full_matrices=False)
    found: NDArray[np.float32] = ((x - mean) @ axes[:DIMENSIONS].T).astype(np.float32)
    return found


class Proposals:
    """Chooses stretches.

    Args:
        x: features (n, d).

    >>> x = np.repeat(np.eye(3, dtype=np.float32), 5, 0)
    >>> proposals = Proposals(x)
    >>> first = proposals.best(np.ones(15, bool), [], None)
    >>> int(first) // 5 != int(proposals.best(np.ones(15, bool), [first], None)) // 5
    True
    """

    def __init__(self, x: NDArray[np.float32]) -> None:
        self._x = projected(x)
        self._near = np.full(len(x), np.inf, np.float32)
        self._seen: set[int] = set()

    def best(
        self, free: NDArray[np.bool_], labelled: Sequence[int], probabilities: NDArray[np.float32] | None
    ) -> int | None:
        """Return the stretch to label next; None where none is free.

        Args:
            free: (n,) True for stretches that may be proposed.
            labelled: numbers of those that count as known.
            probabilities: (n, activities) of the head; None before there is one.
        """
        candidates = np.flatnonzero(free)
        if not len(candidates):
            return None
        known = set(labelled)
        if not known >= self._seen:  # a label was taken back
            self._near[:] = np.inf
            self._seen = set()
        for i in known - self._seen:
            self._near = np.minimum(self._near, np.linalg.norm(self._x - self._x[i], axis=1))
        self._seen = known
        if not known:
            middle = np.median(self._x[candidates], axis=0)
            return int(candidates[np.linalg.norm(self._x[candidates] - middle, axis=1).argmin()])
        score = self._near[candidates].astype(np.float64)
        if probabilities is not None:
            score = score * uncertainty(probabilities[candidates])
        return int(candidates[score.argmax()])


def uncertainty(p: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return one minus the difference of the two largest probabilities of each row.

    >>> uncertainty(np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]], np.float32)).tolist()
    [1.0, 0.0]
    """
    two = np.sort(p.astype(np.float64), axis=1)[:, -2:]
    found: NDArray[np.float64] = 1 - (two[:, 1] - two[:, 0])
    return found
