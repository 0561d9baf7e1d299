"""A temperature for each pair from how alike its views are: DySTreSS (Manna et al. 2025)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from otolith.losses import dystress_nt_xent
from otolith.methods.contrastive import Policy, contrast
from otolith.methods.spec import MethodSpec, Paper


@dataclass(frozen=True)
class SimilarityTemperature(Policy):
    """The nearest rival of dynamic temperature: it asks the embeddings in training where that asks a frozen teacher."""

    temperature_min: float = 0.07
    temperature_max: float = 0.2

    def __post_init__(self) -> None:
        self.require("0 < temperature_min <= temperature_max", 0 < self.temperature_min <= self.temperature_max)

    def loss(self, z: Tensor, h: Tensor | None = None, progress: float = 0.0) -> Tensor:
        return dystress_nt_xent(z, self.temperature_min, self.temperature_max)


SPEC = MethodSpec(
    name="dystress",
    title="DySTreSS (temperature from the similarity of each pair)",
    label="Similarity-dependent temperature",
    short="DySTreSS",
    summary="CSSHAR with a temperature for each pair from its own similarity",
    paper=Paper(
        "Manna et al.",
        2025,
        "Dynamically Scaled Temperature in Self-Supervised Contrastive Learning",
        "IEEE Transactions on Artificial Intelligence (arXiv 2308.01140, 2023)",
    ),
    order=70,
    settings=SimilarityTemperature,
    build=contrast,
)
