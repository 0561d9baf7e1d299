"""Labels that spread over a graph of neighbouring windows (Zhou et al. 2004, "local and global consistency").

Each point is tied to its nearest neighbours by w_ij = exp(-d_ij² / (s_i s_j)), where s_i is the distance of the
`SCALE_BY`-th neighbour (Zelnik-Manor and Perona 2004), so that ties adapt to how dense the points lie. With the
symmetric W, its degrees D and S = D^-1/2 W D^-1/2, labels Y spread by F <- SPREAD · S F + (1 - SPREAD) Y.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

NEIGHBOURS = 12
"""Neighbours that a point is tied to; fewer where there are fewer."""
SCALE_BY = 7
SPREAD = 0.99
STEPS = 60

Floats = NDArray[np.floating[Any]]


class NeighbourGraph:
    """Points with their nearest neighbours, over which labels spread.

    Args:
        points: (n, d), at least two; Euclidean distances tell neighbours.

    >>> points = np.array([[0.0], [0.1], [0.2], [5.0], [5.1], [5.2]])
    >>> NeighbourGraph(points, n_neighbours=2).spread(points[[0, 3]], np.array([0, 1]), 2).argmax(1)
    array([0, 0, 0, 1, 1, 1])
    """

    def __init__(self, points: Floats, n_neighbours: int = NEIGHBOURS) -> None:
        from scipy.sparse import diags_array
        from sklearn.neighbors import NearestNeighbors

        if len(points) < 2:
            raise ValueError(f"a graph needs at least two points; got {len(points)}")
        self.n_neighbours = min(n_neighbours, len(points) - 1)
        self.search = NearestNeighbors(n_neighbors=self.n_neighbours, algorithm="brute").fit(points)
        distances, neighbours = self.search.kneighbors()
        self.scale = _scales(distances)
        one_way = self._ties(distances, neighbours, self.scale)
        ties = (one_way + one_way.T) / 2
        root = diags_array(1 / np.sqrt(np.maximum(ties.sum(1), np.finfo(float).tiny)))
        self.step = (root @ ties @ root).tocsr()

    def _ties(self, distances: Floats, neighbours: NDArray[np.int64], scale: Floats) -> Any:
        from scipy.sparse import csr_array

        weights = np.exp(-(distances**2) / (scale[:, None] * self.scale[neighbours]))
        n, k = distances.shape
        return csr_array((weights.ravel(), neighbours.ravel(), np.arange(0, n * k + 1, k)), (n, len(self.scale)))

    def spread(self, labelled: Floats, y: NDArray[np.int64], n_classes: int) -> Floats:
        """Return each point's shares of the classes, (n, n_classes), rows that sum to 1.

        A labelled point need not be one of the graph: its label enters at its nearest neighbours there, by the same
        weights. Each class spreads the same mass, however many labels it has and however far they reach (class mass
        normalisation, Zhu et al. 2003, towards equal masses). Where no label arrives, shares are equal.

        Args:
            labelled: (m, d).
            y: (m,) classes.
        """
        distances, neighbours = self.search.kneighbors(labelled)
        entry = self._ties(distances, neighbours, _scales(distances))
        own = np.zeros((len(y), n_classes))
        own[np.arange(len(y)), y] = 1
        given = _columns(entry.T @ own)
        found = given
        for _ in range(STEPS):
            found = SPREAD * (self.step @ found) + (1 - SPREAD) * given
        found = _columns(found)
        mass = found.sum(1, keepdims=True)
        return np.where(mass > 0, found / np.where(mass > 0, mass, 1), 1 / n_classes)


def _scales(distances: Floats) -> Floats:
    """Return the distance of the `SCALE_BY`-th neighbour, or of the last, of each point: (n,), above 0."""
    return np.maximum(distances[:, min(SCALE_BY, distances.shape[1]) - 1], 1e-6)


def _columns(mass: Floats) -> Floats:
    """Return the same with columns that sum to 1, but for those that are empty."""
    total = mass.sum(0)
    return mass / np.where(total > 0, total, 1)
