"""Negatives weighted by how alike they are to the anchor, and debiased: hard negatives (Robinson et al. 2021)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from otolith.losses import hard_negative_nt_xent
from otolith.methods.contrastive import TemperaturePolicy, contrast
from otolith.methods.spec import MethodSpec, Paper


@dataclass(frozen=True)
class HardNegatives(TemperaturePolicy):
    """`otolith.losses.hard_negative_nt_xent`; dynamic temperature does the opposite to negatives that are alike."""

    temperature: float = 0.5
    tau_plus: float = 0.1
    """Share of negatives that belong to the anchor's class."""
    beta: float = 1.0
    """Extra weight of hard negatives; 0 weighs all alike."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("0 <= tau_plus < 1", 0 <= self.tau_plus < 1)
        self.require("beta >= 0", self.beta >= 0)

    def loss(self, z: Tensor, h: Tensor | None = None, progress: float = 0.0) -> Tensor:
        return hard_negative_nt_xent(z, self.temperature, self.tau_plus, self.beta)


SPEC = MethodSpec(
    name="hard-negatives",
    title="Hard negatives (weighted and debiased)",
    label="Hard negatives",
    short="Hard",
    summary="`debiased` with more weight on similar negatives",
    paper=Paper("Robinson et al.", 2021, "Contrastive Learning with Hard Negative Samples", "ICLR"),
    also=("hcl",),
    order=90,
    settings=HardNegatives,
    build=contrast,
)
