"""CSSHAR with angular instead of cosine similarity, the ablation AS of Table I."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from otolith.losses import nt_xent
from otolith.methods.contrastive import TemperaturePolicy, contrast
from otolith.methods.spec import DYNAMIC_TEMPERATURE, MethodSpec


@dataclass(frozen=True)
class AngularSimilarity(TemperaturePolicy):
    """One temperature for all pairs: NT-Xent (Eq 1) of angular similarities (Eq 6)."""

    def loss(self, z: Tensor, h: Tensor | None = None, progress: float = 0.0) -> Tensor:
        return nt_xent(z, self.temperature, "angular")


SPEC = MethodSpec(
    name="angular",
    title="Angular similarity (NT-Xent, angular similarity)",
    label="Angular similarity",
    short="AS",
    summary="two views, NT-Xent with angular similarity (AS of Table I)",
    paper=DYNAMIC_TEMPERATURE,
    order=20,
    colour="#0072b2",
    story=(
        "Pre-training pulls two altered views of a window together and pushes all different windows apart with equal "
        "strength."
    ),
    settings=AngularSimilarity,
    build=contrast,
)
