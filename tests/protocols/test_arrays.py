"""t-SNE helper: balanced choice, and a picture that keeps what is apart apart."""

from __future__ import annotations

import numpy as np
import pytest

from otolith.errors import DataError
from otolith.protocols.cells.arrays import choose, embed


def test_choice_is_balanced_sorted_and_seeded() -> None:
    y = np.repeat([0, 1, 2, -1], [500, 40, 7, 100])
    chosen = choose(y, seed=0, max_points=90)
    assert len(chosen) == 90
    assert np.bincount(y[chosen]).tolist() == [43, 40, 7]
    assert (np.diff(chosen) > 0).all()
    assert (chosen == choose(y, seed=0, max_points=90)).all()
    assert (chosen != choose(y, seed=1, max_points=90)).any()
    assert choose(y, seed=0, max_points=1000).tolist() == list(range(547))
    assert choose(np.full(5, -1), seed=0).size == 0


def test_embedding_keeps_clusters_apart() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    features = rng.normal(size=(60, 80)) + 20.0 * y[:, None]
    points = embed(features, seed=0)
    assert points.shape == (60, 2)
    assert points.dtype == np.float32
    centres = np.stack([points[y == c].mean(axis=0) for c in (0, 1)])
    nearest = np.argmin(((points[:, None] - centres) ** 2).sum(axis=2), axis=1)
    assert (nearest == y).all()


def test_few_rows_still_embed_and_bad_ones_are_refused() -> None:
    rng = np.random.default_rng(0)
    assert embed(rng.normal(size=(8, 3)), seed=0).shape == (8, 2)
    with pytest.raises(DataError, match="at least 8"):
        embed(np.zeros((7, 3)), seed=0)
    with pytest.raises(DataError, match="not finite"):
        embed(np.full((9, 3), np.inf), seed=0)
