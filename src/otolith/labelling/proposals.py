"""The stretch that would teach most: one that stands for many unlike all that has been labelled, and is uncertain.

The first labels cannot be asked for by uncertainty, since no head knows yet what is hard. They are those of the most
typical stretches of as many clusters as there will be labels, the largest cluster without a label first (Hacohen et
al. 2022, who find that few labels are best spent on what is typical). Then the gain of a stretch is by how much its
label would bring all others nearer to a labelled one (the facility location of Wei et al. 2015), where each counts as
much as the head is unsure of it: one minus the difference between its two most likely activities (Scheffer et al.
2001). The gain times the root of the stretch's own uncertainty is its score. Before two activities have labels, all
count alike. Distances are those of directions: how features lie to each other, whatever their size.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

DIMENSIONS = 16
"""Principal components in which distances are measured."""
TYPICAL = 12
"""Labels that are asked for by clusters."""
NEIGHBOURS = 10
"""Nearest stretches to which a typical one is near."""
CLUSTERED = 5000
"""Stretches that are clustered at most."""
CANDIDATES, OTHERS = 500, 1500
"""Stretches that are compared at a time, of as many others at most: a proposal takes some hundredths of a second."""
LEAST = 0.05
"""Uncertainty that is added to a stretch's own, so that where the head errs and is sure it is asked, too."""
_SAMPLE = 3000


def projected(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the directions, of length 1, of the leading principal components (n, at most 16) of features (n, d)."""
    some = x[:: max(1, len(x) // _SAMPLE)].astype(np.float64)
    mean = some.mean(0)
    _, _, axes = np.linalg.svd(some - mean, full_matrices=False)
    leading = (x - mean) @ axes[:DIMENSIONS].T
    found: NDArray[np.float32] = (leading / np.maximum(np.linalg.norm(leading, axis=1, keepdims=True), 1e-6)).astype(
        np.float32
    )
    return found


class Proposals:
    """Chooses stretches.

    Args:
        x: features (n, d).
        seed: of the candidates that are drawn where there are many.

    >>> x = np.repeat(np.eye(3, dtype=np.float32), 5, 0)
    >>> proposals = Proposals(x)
    >>> first = proposals.best(np.ones(15, bool), [], None)
    >>> int(first) // 5 != int(proposals.best(np.ones(15, bool), [first], None)) // 5
    True
    """

    def __init__(self, x: NDArray[np.float32], seed: int = 0) -> None:
        self._x = projected(x)
        self._seed = seed
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
        if not free.any():
            return None
        self._follow(set(labelled))
        rng = np.random.default_rng([self._seed, len(labelled)])
        if len(labelled) < TYPICAL:
            return self._typical(free, labelled)
        candidates = _some(np.flatnonzero(free), CANDIDATES, rng)
        others = _some(np.arange(len(self._x)), OTHERS, rng)
        distances = _distances(self._x[candidates], self._x[others])
        gain = np.maximum(self._near[others] - distances, 0)
        if probabilities is None:
            return int(candidates[gain.sum(1).argmax()])
        own = uncertainty(probabilities[candidates])
        score = (gain @ uncertainty(probabilities[others]) + 1e-9) * np.sqrt(own + LEAST)
        return int(candidates[score.argmax()])

    def _typical(self, free: NDArray[np.bool_], labelled: Sequence[int]) -> int:
        """Return the most typical free stretch of the largest cluster that has the fewest labels."""
        from sklearn.cluster import KMeans

        rng = np.random.default_rng(self._seed)  # the same ones for each label, as far as they are free
        some = _some(np.arange(len(self._x)), CLUSTERED, rng)
        if not free[some].any():
            some = np.flatnonzero(free)
        some = np.union1d(some, np.array(labelled, np.int64))
        x = self._x[some]
        n_clusters = min(len(labelled) + 1, len(np.unique(x, axis=0)))
        cluster = KMeans(n_clusters, n_init=1, random_state=self._seed).fit(x).labels_
        have = np.bincount(cluster[np.isin(some, labelled)], minlength=n_clusters)
        open_ = free[some]
        size = np.bincount(cluster[open_], minlength=n_clusters)
        best = min(np.flatnonzero(size), key=lambda each: (have[each], -size[each]))
        inside = np.flatnonzero((cluster == best) & open_)
        k = min(NEIGHBOURS + 1, len(some))
        near = np.partition(_distances(x[inside], x), k - 1, axis=1)[:, :k].mean(1)
        return int(some[inside[near.argmin()]])

    def _follow(self, known: set[int]) -> None:
        """Bring the distances to the nearest labelled stretch up to date."""
        if not known >= self._seen:  # a label was taken back
            self._near[:] = np.inf
            self._seen = set()
        for i in known - self._seen:
            self._near = np.minimum(self._near, np.linalg.norm(self._x - self._x[i], axis=1))
        self._seen = known


def uncertainty(p: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return one minus the difference of the two largest probabilities of each row.

    >>> uncertainty(np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]], np.float32)).tolist()
    [1.0, 0.0]
    """
    two = np.sort(p.astype(np.float64), axis=1)[:, -2:]
    found: NDArray[np.float64] = 1 - (two[:, 1] - two[:, 0])
    return found


def _some(rows: NDArray[np.int64], most: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))


def _distances(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    found: NDArray[np.float32] = np.sqrt(np.maximum(squares, 0))
    return found
