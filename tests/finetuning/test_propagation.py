"""Spreading of labels over a graph of neighbours: the equations written out, and what must hold for any points."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from otolith.finetuning.propagation import SCALE_BY, SPREAD, STEPS, NeighbourGraph


def cloud(n: int, seed: int = 0, width: int = 3) -> NDArray[np.float64]:
    return np.random.default_rng(seed).standard_normal((n, width))


def spread_by_hand(
    points: NDArray[np.float64], k: int, labelled: NDArray[np.float64], y: list[int], n_classes: int
) -> NDArray[np.float64]:
    """The equations of the module's head, with dense matrices and loops."""
    n = len(points)

    def nearest(p: NDArray[np.float64], leave_out: int | None) -> list[tuple[float, int]]:
        found = [(float(np.linalg.norm(p - q)), j) for j, q in enumerate(points) if j != leave_out]
        return sorted(found)[:k]

    own = [nearest(p, i) for i, p in enumerate(points)]
    scale = [each[min(SCALE_BY, k) - 1][0] for each in own]
    w = np.zeros((n, n))
    for i in range(n):
        for distance, j in own[i]:
            w[i, j] += np.exp(-(distance**2) / (scale[i] * scale[j])) / 2
            w[j, i] += np.exp(-(distance**2) / (scale[i] * scale[j])) / 2
    degree = w.sum(1)
    step = w / np.sqrt(degree[:, None] * degree[None])
    given = np.zeros((n, n_classes))
    for p, label in zip(labelled, y, strict=True):
        near = nearest(p, None)
        for distance, j in near:
            given[j, label] += np.exp(-(distance**2) / (near[min(SCALE_BY, k) - 1][0] * scale[j]))
    given /= given.sum(0)
    found = given
    for _ in range(STEPS):
        found = SPREAD * step @ found + (1 - SPREAD) * given
    found = found / found.sum(0)
    return found / found.sum(1, keepdims=True)


@pytest.mark.parametrize("k", [3, 9])
def test_labels_spread_as_the_equations_say(k: int) -> None:
    points, labelled = cloud(40), cloud(5, 1)
    y = [0, 1, 2, 0, 1]
    found = NeighbourGraph(points, k).spread(labelled, np.array(y), 3)
    np.testing.assert_allclose(found, spread_by_hand(points, k, labelled, y, 3), rtol=1e-6, atol=1e-9)


def test_shares_are_shares_and_follow_the_points_order() -> None:
    points, labelled, y = cloud(60), cloud(4, 1), np.array([0, 1, 1, 2])
    found = NeighbourGraph(points).spread(labelled, y, 3)
    assert (found >= 0).all()
    np.testing.assert_allclose(found.sum(1), 1)
    order = np.random.default_rng(2).permutation(60)
    np.testing.assert_allclose(NeighbourGraph(points[order]).spread(labelled, y, 3), found[order], rtol=1e-8)
    swapped = NeighbourGraph(points).spread(labelled, (y + 1) % 3, 3)
    np.testing.assert_allclose(swapped, found[:, [2, 0, 1]], rtol=1e-8)


def test_points_out_of_reach_have_equal_shares() -> None:
    apart = np.concatenate([cloud(10), cloud(10) + 1000])
    found = NeighbourGraph(apart, 3).spread(apart[:2], np.array([0, 1]), 2)
    np.testing.assert_array_equal(found[10:], 0.5)


def test_points_that_coincide_and_graphs_of_two_points() -> None:
    same = np.zeros((6, 2))
    assert np.isfinite(NeighbourGraph(same).spread(same[:2], np.array([0, 1]), 2)).all()
    found = NeighbourGraph(np.array([[0.0], [1.0]])).spread(np.array([[0.0]]), np.array([1]), 2)
    np.testing.assert_allclose(found, [[0, 1], [0, 1]])
    with pytest.raises(ValueError, match="two points; got 1"):
        NeighbourGraph(np.zeros((1, 2)))


def test_labels_follow_the_shape_of_the_data_where_straight_lines_cut_it() -> None:
    """Two half moons, one label each."""
    angle = np.linspace(0, np.pi, 80)
    upper = np.stack([np.cos(angle), np.sin(angle)], 1)
    lower = np.stack([1 - np.cos(angle), 0.4 - np.sin(angle)], 1)
    points = np.concatenate([upper, lower]) + 0.02 * cloud(160, width=2)
    found = NeighbourGraph(points).spread(points[[0, 80]], np.array([0, 1]), 2).argmax(1)
    assert (found == np.repeat([0, 1], 80)).mean() > 0.98
