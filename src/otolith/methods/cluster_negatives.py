"""Negatives from other clusters of the batch only: ClusterCLHAR (Wang et al. 2023)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from otolith.losses import cluster_nt_xent
from otolith.methods.contrastive import TemperaturePolicy, contrast
from otolith.methods.spec import MethodSpec, Paper


@dataclass(frozen=True)
class ClusterNegatives(TemperaturePolicy):
    """Constant temperature, clustered negatives; see `otolith.losses.cluster_nt_xent` for what differs from theirs."""

    clusters: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("clusters >= 1", self.clusters >= 1)

    def loss(self, z: Tensor, h: Tensor | None = None, progress: float = 0.0) -> Tensor:
        return cluster_nt_xent(z, self.temperature, self.clusters)


SPEC = MethodSpec(
    name="cluster-negatives",
    title="ClusterCLHAR (negatives from other clusters)",
    label="Negatives from other clusters",
    short="ClusterCLHAR",
    summary="CSSHAR without negatives from the anchor's cluster",
    paper=Paper(
        "Wang et al.",
        2023,
        "Negative Selection by Clustering for Contrastive Learning in Human Activity Recognition",
        "IEEE Internet of Things Journal",
    ),
    order=100,
    settings=ClusterNegatives,
    build=contrast,
)
