"""t-SNE of features, as in Fig. 5. The run computes it; the report only draws it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from otolith.errors import DataError

MAX_POINTS = 1500
"""Windows in one picture: enough to see its structure, few enough for seconds of work."""

MIN_POINTS = 8


def choose(y: ArrayLike, seed: int, max_points: int = MAX_POINTS) -> NDArray[np.int64]:
    """Sorted indices of at most `max_points` labelled windows, as equal a number of each class as there are.

    y: (n,) class indices, -1 for unlabelled. A class with fewer windows than its share gives all it has,
    and the others fill up. Deterministic in `seed`.
    """
    labels = np.asarray(y)
    rng = np.random.default_rng(seed)
    shuffled = [rng.permutation(np.flatnonzero(labels == c)) for c in np.unique(labels[labels >= 0])]
    # Rank of each window within its class: taking the lowest ranks deals one to each class in turn.
    indices = np.concatenate([np.empty(0, dtype=np.int64), *shuffled])
    rank = np.concatenate([np.empty(0, dtype=np.int64), *(np.arange(len(part)) for part in shuffled)])
    return np.sort(indices[np.argsort(rank, kind="stable")[:max_points]])


def embed(features: ArrayLike, seed: int, perplexity: float = 30.0) -> NDArray[np.float32]:
    """t-SNE of features (n, m) in the plane: (n, 2) float32, started from their principal components.

    Take the windows with `choose` first: the time grows faster than n. Raises DataError for fewer than 8
    rows or values that are not finite. Repeatable on one machine; the last digits may differ between
    machines.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    rows = np.asarray(features, dtype=np.float32)
    if rows.ndim != 2 or len(rows) < MIN_POINTS:
        raise DataError(f"t-SNE got features of shape {rows.shape}; expected (n, m) with n at least {MIN_POINTS}")
    if not np.isfinite(rows).all():
        raise DataError("t-SNE got features that are not finite; did pre-training diverge?")
    # Distances survive in the leading components, and the neighbour search is cheaper there.
    size = min(50, *rows.shape)
    reduced = PCA(size, svd_solver="randomized" if size < min(rows.shape) else "full", random_state=seed)
    points = TSNE(
        perplexity=min(perplexity, (len(rows) - 1) / 3),
        init="pca" if rows.shape[1] > 1 else "random",
        learning_rate="auto",
        random_state=seed,
    ).fit_transform(reduced.fit_transform(rows))
    return np.asarray(points, dtype=np.float32)
