"""SimCLR on sensor windows (Fig. 2), for any policy for negatives and temperature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from otolith.augment import Compose, SignalSpec
from otolith.methods.base import Settings, SharedSettings
from otolith.methods.views import two_views
from otolith.nets import Encoder, ProjectionHead
from otolith.training.pretext import Batch, Method


@dataclass(frozen=True)
class Policy(Settings):
    """A contrastive loss with its own use of negatives and temperature; its fields are the settings of its method."""

    needs_instances: ClassVar[bool] = False
    """True if `loss` reads the instance features of a frozen teacher."""

    def loss(self, z: Tensor, h: Tensor | None = None, progress: float = 0.0) -> Tensor:
        """Return the loss, a scalar.

        Args:
            z: embeddings (2n, d), view 1 of all n instances first, then view 2.
            h: instance features (n, m), or None.
            progress: share of the training that is done.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class TemperaturePolicy(Policy):
    """A policy with the temperature tau of Eq 1."""

    temperature: float = 0.1

    def __post_init__(self) -> None:
        self.require("temperature > 0", self.temperature > 0)


class Contrastive(Method):
    """Two augmented views of each window go through encoder and projection head; the policy contrasts them.

    Stage 2 of Algorithm 1: views X'_1..X'_2n, z = p(f(X')), loss by Eq 1 or Eqs 2-5.
    """

    augment: Compose

    def __init__(self, encoder: Encoder, projection: nn.Module, augment: Compose, policy: Policy) -> None:
        super().__init__()
        self.encoder = encoder
        self.projection = projection
        self.augment = augment
        self.policy = policy
        self.needs_instances = policy.needs_instances
        self.teacher = getattr(policy, "teacher", self.teacher)

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        z = self.projection(self.encoder(torch.cat(two_views(self.augment, batch, generator))))
        h = batch.ranks.gather(batch.h) if batch.h is not None else None
        return {"loss": self.policy.loss(batch.ranks.gather_views(z), h, batch.progress)}


def contrast(shared: SharedSettings, policy: Policy, encoder: Encoder, signal: SignalSpec) -> Contrastive:
    """Return the contrastive method around `encoder`, with the recipe's projection head and augmentations.

    It is the `build` of a method whose settings are its policy.
    """
    return Contrastive(encoder, projection(shared, encoder), shared.augmentation(signal), policy)


def projection(shared: SharedSettings, encoder: Encoder) -> ProjectionHead:
    """Return the recipe's projection head for an encoder's features."""
    return ProjectionHead(encoder.n_features, shared.projection.hidden, shared.projection.out)
