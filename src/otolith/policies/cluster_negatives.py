"""Negatives from other clusters of the batch only: ClusterCLHAR (Wang et al. 2023)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from otolith.losses import cluster_nt_xent


@dataclass(frozen=True)
class ClusterNegatives:
    """Constant temperature, clustered negatives; see `otolith.losses.cluster_nt_xent` for what differs from theirs."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    temperature: float = 0.1
    clusters: int = 8
    needs_instances: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not self.temperature > 0 or self.clusters < 1:
            raise ValueError(
                f"expected temperature > 0 and clusters >= 1; got temperature {self.temperature}, "
                f"clusters {self.clusters}"
            )

    def loss(self, z: Tensor, h: Tensor | None = None, progress: float = 0.0) -> Tensor:
        return cluster_nt_xent(z, self.temperature, self.clusters)
