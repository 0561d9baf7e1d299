"""CSSHAR: NT-Xent with cosine similarity and one temperature (Khaertdinov, Ghaleb and Asteriadis 2021)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from otolith.losses import nt_xent
from otolith.methods.contrastive import TemperaturePolicy, contrast
from otolith.methods.spec import MethodSpec, Paper


@dataclass(frozen=True)
class ConstantTemperature(TemperaturePolicy):
    """One temperature for all pairs: NT-Xent (Eq 1)."""

    def loss(self, z: Tensor, h: Tensor | None = None, progress: float = 0.0) -> Tensor:
        return nt_xent(z, self.temperature)


SPEC = MethodSpec(
    name="csshar",
    title="CSSHAR (NT-Xent, cosine similarity)",
    label="CSSHAR",
    short="CSSHAR",
    summary="two views, NT-Xent with cosine similarity",
    paper=Paper(
        "Khaertdinov et al.",
        2021,
        "Contrastive Self-supervised Learning for Sensor-based Human Activity Recognition",
        "IJCB",
    ),
    also=("simclr", "nt-xent", "ntxent", "cs-shar"),
    order=40,
    colour="#009e73",
    story=(
        "Pre-training pulls two altered views of a window together and pushes all different windows apart with equal "
        "strength."
    ),
    settings=ConstantTemperature,
    build=contrast,
)
