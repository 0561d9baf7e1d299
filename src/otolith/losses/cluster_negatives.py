"""Negatives from other clusters only: instances that the embeddings group together are not pushed apart.

Wang et al., "Negative Selection by Clustering for Contrastive Learning in Human Activity Recognition" (ClusterCLHAR),
IEEE Internet of Things Journal 2023 (arXiv 2203.12230).
"""

from __future__ import annotations

import torch
from torch import Tensor

from otolith.losses.contrastive import xent
from otolith.losses.pairs import check_temperature, check_views
from otolith.losses.similarity import check_rows, cosine_similarity, unit_rows

LLOYD_STEPS = 10

# Stands for -infinity: far below any cosine, and finite, so that an anchor without negatives has a gradient: 0.
_NEVER = -1e30


def cluster_nt_xent(z: Tensor, temperature: float = 0.1, clusters: int = 8) -> Tensor:
    """Return NT-Xent in which an instance's negatives are the views of instances in other clusters.

    Clusters are made anew of each batch's embeddings and are constants. The mean is over all 2n anchors; one that has
    no negative left adds -log 1 = 0, so a batch that is one cluster has loss 0. Clusters of one instance each give
    NT-Xent.

    We could not read the paper's text. Its abstract says that instance representations are clustered and that instances
    of the anchor's cluster are masked from the negatives, as here. A public re-implementation (V1ctorious3010 on
    GitHub) clusters each batch by BIRCH or k-means of scikit-learn, at 8 clusters and temperature 0.1, our defaults.
    Ours: spherical k-means from a start without chance (`cluster_instances`), and one clustering of the instances by
    the sum of their two unit view embeddings, so that neither view is preferred.

    Args:
        z: (2n, d) view embeddings, n >= 2, view 1 of all instances first.
        temperature: tau > 0.
        clusters: how many clusters, at most; n of them where the batch has no more.

    Returns:
        Scalar; float64 for float64 `z`, else float32.

    Raises:
        ValueError: wrong shape or type, a single instance, or a number out of its range.

    >>> z = torch.eye(4).repeat(2, 1)
    >>> cluster_nt_xent(z, clusters=1)  # no negatives are left
    tensor(0.)
    """
    check_views(z)
    check_temperature(temperature)
    first, second = unit_rows(z.detach()).chunk(2)
    label = cluster_instances(first + second, clusters)
    alike = (label[:, None] == label).fill_diagonal_(False)  # a view and its positive are always kept
    return xent(cosine_similarity(z).masked_fill(alike.repeat(2, 2), _NEVER), temperature, temperature)


def cluster_instances(rows: Tensor, clusters: int, steps: int = LLOYD_STEPS) -> Tensor:
    """Return the cluster of each row, by spherical k-means without chance: (n, d) -> (n,) int64 below `clusters`.

    The first centre is the row least like the sum of all, each further one the row least like its nearest centre.
    Lloyd's steps follow: a row joins the centre with the largest cosine, the first of equals; a centre becomes the sum
    of its unit rows. Without any it is 0, at a right angle to all, until a row points away from every other centre.
    The number of steps is fixed, so none waits for a device.
    """
    check_rows("rows", rows)
    if isinstance(clusters, bool) or not isinstance(clusters, int) or clusters < 1:
        raise ValueError(f"clusters is {clusters!r}; expected a whole number of 1 or more")
    with torch.no_grad(), torch.autocast(rows.device.type, enabled=False):
        units = unit_rows(rows)
        chosen = [_least(units, cosine_similarity(units, units.sum(dim=0, keepdim=True)))]
        nearest = cosine_similarity(units, chosen[0])
        while len(chosen) < min(clusters, len(units)):
            chosen.append(_least(units, nearest))
            nearest = torch.maximum(nearest, cosine_similarity(units, chosen[-1]))
        centres = torch.cat(chosen)
        names = torch.arange(len(centres), device=rows.device)
        for _ in range(steps):
            members = cosine_similarity(units, centres).argmax(dim=1, keepdim=True) == names
            centres = members.to(units.dtype).T @ units
        return cosine_similarity(units, centres).argmax(dim=1)


def _least(units: Tensor, similarity: Tensor) -> Tensor:
    """Return the row of `units` (n, d) whose `similarity` (n, 1) is least: (1, d)."""
    return units.index_select(0, similarity.argmin(dim=0))
