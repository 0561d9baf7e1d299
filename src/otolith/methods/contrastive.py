"""SimCLR on sensor windows: CSSHAR, angular similarity and dynamic temperature differ by their policy (Fig. 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from otolith.augment import Compose, SignalSpec
from otolith.methods.base import STRICT, MethodSpec, SharedSettings
from otolith.methods.views import two_views
from otolith.nets import ProjectionHead
from otolith.policies import ConstantTemperature, DynamicTemperature, Policy
from otolith.training.pretext import Batch, Method


class Contrastive(Method):
    """Two augmented views of each window go through encoder and projection head; the policy contrasts them.

    Stage 2 of Algorithm 1: views X'_1..X'_2n, z = p(f(X')), loss by Eq 1 or Eqs 2-5.
    """

    augment: Compose

    def __init__(self, encoder: nn.Module, projection: nn.Module, augment: Compose, policy: Policy) -> None:
        super().__init__()
        self.encoder = encoder
        self.projection = projection
        self.augment = augment
        self.policy = policy
        self.needs_instances = policy.needs_instances

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        z = self.projection(self.encoder(torch.cat(two_views(self.augment, batch, generator))))
        h = batch.ranks.gather(batch.h) if batch.h is not None else None
        return {"loss": self.policy.loss(batch.ranks.gather_views(z), h, batch.progress)}


@dataclass(frozen=True)
class TemperatureSettings:
    """The constant temperature of Eq 1."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    temperature: float = 0.1

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise ValueError(f"expected temperature > 0; got {self.temperature}")


def around(shared: SharedSettings, encoder: nn.Module, signal: SignalSpec, policy: Policy) -> Contrastive:
    """The contrastive method around `encoder`, with the recipe's projection head and augmentations."""
    n_features: Any = encoder.n_features
    projection = ProjectionHead(n_features, shared.projection.hidden, shared.projection.out)
    return Contrastive(encoder, projection, shared.augmentation(signal), policy)


DYNAMIC = MethodSpec(
    "dynamic",
    "Dynamic temperature (NDT-Xent)",
    DynamicTemperature,
    build=lambda shared, settings, encoder, signal: around(shared, encoder, signal, settings),
)
CSSHAR = MethodSpec(
    "csshar",
    "CSSHAR (NT-Xent, cosine similarity)",
    TemperatureSettings,
    build=lambda shared, settings, encoder, signal: around(
        shared, encoder, signal, ConstantTemperature(settings.temperature, "cosine")
    ),
)
ANGULAR = MethodSpec(
    "angular",
    "Angular similarity (NT-Xent, angular similarity)",
    TemperatureSettings,
    build=lambda shared, settings, encoder, signal: around(
        shared, encoder, signal, ConstantTemperature(settings.temperature, "angular")
    ),
)
SPECS = (DYNAMIC, CSSHAR, ANGULAR)
