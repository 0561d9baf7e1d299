"""Clustering without chance: against Lloyd's algorithm in loops, and on rows that are hard to cluster."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from otolith.losses.cluster_negatives import cluster_instances
from tests.helpers.negatives_equations import plain_clusters
from tests.helpers.paper_equations import at_degrees, randn


def groups(labels: Tensor) -> set[frozenset[int]]:
    return {frozenset((labels == label).nonzero().flatten().tolist()) for label in labels.unique()}


@pytest.mark.parametrize("steps", [0, 1, 2, 10])
@pytest.mark.parametrize("clusters", [1, 2, 5, 30, 31])
def test_it_is_lloyd_s_algorithm_from_the_farthest_points(clusters: int, steps: int) -> None:
    for seed in (1, 2, 3):
        rows = randn(30, 3, seed=seed)
        assert cluster_instances(rows, clusters, steps).tolist() == plain_clusters(rows.tolist(), clusters, steps)


def test_lloyd_s_steps_bring_rows_nearer_to_their_centres() -> None:
    rows = randn(60, 4, seed=4)
    units = rows / rows.norm(dim=1, keepdim=True)

    def cohesion(labels: Tensor) -> float:
        return sum(float(units[labels == label].sum(dim=0).norm()) for label in labels.unique())

    found = [cohesion(cluster_instances(rows, 6, steps)) for steps in (0, 1, 2, 5, 10)]
    assert found == sorted(found)
    assert found[-1] > found[0] + 1


def test_bundles_are_found_in_any_order_and_at_any_length() -> None:
    middles = at_degrees(0, 90, 180, 270).repeat_interleave(6, dim=0)
    rows = (middles + 0.1 * randn(24, 2, seed=5)) * torch.linspace(0.01, 100, 24)[:, None]
    expected = {frozenset(range(start, start + 6)) for start in (0, 6, 12, 18)}
    for seed in (0, 1, 2):
        order = torch.randperm(24, generator=torch.Generator().manual_seed(seed))
        labels = cluster_instances(rows[order], 4)
        assert groups(labels[order.argsort()]) == expected


def test_the_same_rows_give_the_same_clusters_and_no_chance_is_used() -> None:
    rows = randn(40, 5, seed=6)
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    first = cluster_instances(rows, 7)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(cluster_instances(rows, 7), first)
    assert first.dtype == torch.int64
    assert first.max() < 7


def test_autocast_and_single_precision_change_nothing() -> None:
    rows = randn(40, 32, seed=7).float()
    expected = cluster_instances(rows, 5)
    assert torch.equal(cluster_instances(rows.double(), 5), expected)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(cluster_instances(rows, 5), expected)


def test_no_gradient_is_kept() -> None:
    assert not cluster_instances(randn(6, 3).requires_grad_(), 2).requires_grad


def test_rows_that_say_nothing_still_have_a_cluster() -> None:
    assert cluster_instances(torch.ones(5, 3), 3).tolist() == [0] * 5
    assert cluster_instances(torch.zeros(5, 3), 3).tolist() == [0] * 5
    opposite = cluster_instances(torch.tensor([[1.0, 0], [-1, 0], [2, 0], [-3, 0], [0, 0]]), 2)
    assert opposite[:4].tolist() in ([0, 1, 0, 1], [1, 0, 1, 0])
    assert cluster_instances(randn(1, 3), 4).tolist() == [0]


def test_as_many_clusters_as_rows_keep_all_apart() -> None:
    rows = randn(20, 3, seed=8)
    for clusters in (20, 21, 1000):
        assert len(cluster_instances(rows, clusters).unique()) == 20


@pytest.mark.parametrize("clusters", [0, -1, 2.0, True, "2"])
def test_wrong_numbers_of_clusters(clusters: int) -> None:
    with pytest.raises(ValueError, match=r"clusters is .*; expected a whole number of 1 or more"):
        cluster_instances(randn(4, 2), clusters)


def test_wrong_rows() -> None:
    with pytest.raises(ValueError, match=r"rows has shape \(4,\)"):
        cluster_instances(torch.ones(4), 2)
    with pytest.raises(ValueError, match=r"rows has type torch.int64"):
        cluster_instances(torch.ones(4, 2).long(), 2)
