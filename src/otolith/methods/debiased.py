"""Negatives corrected for those of the anchor's own class: the debiased loss (Chuang et al. 2020)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from otolith.losses import debiased_nt_xent
from otolith.methods.contrastive import TemperaturePolicy, contrast
from otolith.methods.spec import MethodSpec, Paper


@dataclass(frozen=True)
class DebiasedNegatives(TemperaturePolicy):
    """`otolith.losses.debiased_nt_xent`, which says why small temperatures, such as the others' 0.1, do not suit it."""

    temperature: float = 0.5
    tau_plus: float = 0.1
    """Share of negatives that belong to the anchor's class."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("0 <= tau_plus < 1", 0 <= self.tau_plus < 1)

    def loss(self, z: Tensor, h: Tensor | None = None, progress: float = 0.0) -> Tensor:
        return debiased_nt_xent(z, self.temperature, self.tau_plus)


SPEC = MethodSpec(
    name="debiased",
    title="Debiased contrastive loss",
    label="Debiased contrast",
    short="Debiased",
    summary="CSSHAR whose negatives are corrected for those of the anchor's class",
    paper=Paper("Chuang et al.", 2020, "Debiased Contrastive Learning", "NeurIPS"),
    also=("dcl",),
    order=80,
    settings=DebiasedNegatives,
    build=contrast,
)
