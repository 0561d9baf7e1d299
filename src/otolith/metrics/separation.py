"""Separation of activities by the frozen teacher: the premise of dynamic temperature (Section III-C)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from otolith.errors import DataError

HISTOGRAM_BINS = 50
"""Bins on [0, 1] in which `teacher_separation` counts similarities."""


def angular_similarity(h: ArrayLike) -> NDArray[np.float64]:
    """Return the similarity of Eq 6 for all pairs of the rows of h (n, m): (n, n) float64 in [0, 1].

    A row of norm below 1e-12 counts as zero and has similarity 0.5 to every row, as in the losses. This form is for
    scoring a teacher; the differentiable one is in `otolith.losses`.

    >>> angular_similarity([[1, 0], [0, 2], [-1, 0]])[0].tolist()
    [1.0, 0.5, 0.0]
    """
    rows = np.asarray(h, dtype=np.float64)
    largest = np.abs(rows).max(axis=1, keepdims=True)
    scaled = rows / np.maximum(largest, 1e-300)  # so that no square overflows
    norm = np.linalg.norm(scaled, axis=1, keepdims=True)
    unit = np.divide(scaled, norm, out=np.zeros_like(rows), where=norm * largest >= 1e-12)
    return 1.0 - np.arccos(np.clip(unit @ unit.T, -1.0, 1.0)) / np.pi


def _auc(same: NDArray[np.float64], different: NDArray[np.float64]) -> float:
    """Probability that a pair of `same` is more similar than one of `different`, ties half (ROC AUC)."""
    ordered = np.sort(different)
    below = np.searchsorted(ordered, same, side="left").sum(dtype=np.float64)
    not_above = np.searchsorted(ordered, same, side="right").sum(dtype=np.float64)
    return float((below + not_above) / 2.0 / (same.size * different.size))


def teacher_separation(
    h: ArrayLike,
    y: ArrayLike,
    activities: Sequence[str] | None = None,
    *,
    precomputed: bool = False,
    max_windows: int = 2000,
    seed: int = 0,
) -> dict[str, Any]:
    """Measure by how much the frozen teacher's similarity is higher for pairs of one activity than for pairs of two.

    This is the premise of dynamic temperature (Section III-C): negatives that the teacher finds similar are taken to be
    of the same activity. The labels only judge it here; training never reads them.

    Args:
        h: (n, m) instance features of the teacher, or, with `precomputed`, their (n, n) similarities in [0, 1].
        y: (n,) class indices, -1 for unlabelled windows, which are left out.
        activities: names of the classes; None: their numbers.
        max_windows: of more labelled windows, that many are drawn with `seed`.

    Returns:
        - `auc`: area under the ROC curve over all unordered pairs; 0.5 is chance, 1 perfect separation.
        - `auc_per_activity`: {activity: the same over the pairs that involve it}; without activities of one window.
        - `mean_same`, `mean_different`, `pairs_same`, `pairs_different`.
        - `histogram`: {edges: bins + 1 values from 0 to 1, same: counts, different: counts}.
        - `n_windows`, `seed`.

    Raises:
        DataError: shapes do not match, a value is not finite, or there are not both kinds of pairs.

    >>> teacher_separation([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]], [0, 0, 1, 1])["auc"]
    1.0
    """
    matrix, labels = np.asarray(h), np.asarray(y)
    if matrix.ndim != 2 or labels.shape != (len(matrix),) or (precomputed and matrix.shape[1] != len(matrix)):
        expected = "(n, n) similarities" if precomputed else "(n, m) features"
        raise DataError(f"expected {expected} and (n,) labels; got shapes {matrix.shape} and {labels.shape}")
    keep = np.flatnonzero(labels >= 0)
    if len(keep) > max_windows:
        keep = np.sort(np.random.default_rng(seed).choice(keep, size=max_windows, replace=False))
    labels = labels[keep]
    # Only the chosen rows are read: h may be a memory map of a million windows.
    chosen = matrix[np.ix_(keep, keep)] if precomputed else matrix[keep]
    if not np.isfinite(chosen).all():
        raise DataError("the teacher's features are not finite; was its training stopped by a diverging loss?")
    similarity = np.asarray(chosen, dtype=np.float64) if precomputed else angular_similarity(chosen)

    first, second = np.triu_indices(len(labels), k=1)
    values = similarity[first, second]
    a, b = labels[first], labels[second]
    alike = a == b
    if not alike.any() or alike.all():
        raise DataError(
            f"the {len(labels)} labelled windows hold {len(np.unique(labels))} activities: separating "
            "pairs needs two activities, one of them with two windows"
        )
    per_activity: dict[str, float] = {}
    for c in np.unique(labels):
        involved = (a == c) | (b == c)
        mine, kind = values[involved], alike[involved]
        if kind.any():
            per_activity[activities[c] if activities is not None else str(c)] = _auc(mine[kind], mine[~kind])
    same, different = values[alike], values[~alike]
    edges = np.linspace(0.0, 1.0, HISTOGRAM_BINS + 1)
    return {
        "auc": _auc(same, different),
        "auc_per_activity": per_activity,
        "mean_same": float(same.mean()),
        "mean_different": float(different.mean()),
        "pairs_same": int(same.size),
        "pairs_different": int(different.size),
        "histogram": {
            "edges": edges.tolist(),
            "same": np.histogram(same, edges)[0].tolist(),
            "different": np.histogram(different, edges)[0].tolist(),
        },
        "n_windows": len(labels),
        "seed": seed,
    }
