"""BYOL (Grill et al. 2020): predict a slowly moving copy's projection of the other view."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from otolith.augment import Compose, SignalSpec
from otolith.losses.siamese import normalised_mse
from otolith.methods.base import Settings, SharedSettings
from otolith.methods.spec import MethodSpec, Paper
from otolith.methods.views import two_views
from otolith.nets import Encoder
from otolith.nets.heads import NormalisedMLP
from otolith.training.pretext import Batch, Method


def decay_at(progress: float, base: float = 0.996) -> float:
    """Return tau = 1 - (1 - tau_base) (cos(pi k / K) + 1) / 2 (Section 3.3) with k / K = `progress`."""
    return 1 - (1 - base) * (math.cos(math.pi * progress) + 1) / 2


@dataclass(frozen=True)
class BYOLSettings(Settings):
    """Heads and target of Section 3.3.

    The paper's hidden layers are 4096 wide, for features of 2048 and batches of 4096; ours are 512, for batches of
    128 to 256 windows. Output width and decay are the paper's. Its decay belongs to 1000 epochs: for 300 it takes 0.99
    (Section 5), so a short training may want less.
    """

    hidden: int = 512
    """Width of the hidden layer of projector and predictor."""
    out: int = 256
    """Width of the projections z and of their predictions q(z)."""
    target_decay: float = 0.996
    """tau_base, the share of its weights that the target keeps in the first step."""

    def __post_init__(self) -> None:
        self.require("positive sizes hidden and out", min(self.hidden, self.out) > 0)
        self.require("0 <= target_decay <= 1", 0 <= self.target_decay <= 1)


class BYOL(Method):
    """|q(z_1) - z'_2|^2 + |q(z_2) - z'_1|^2 of normalised rows (Eq 2, both ways): z online, z' of the target network.

    The target is encoder and projector whose weights follow the online ones as a moving average (Eq 1); it takes no
    gradient, and the optimiser does not know it. As in the authors' code, each view passes on its own, the target
    normalises by its batch as the online network does, and its running statistics are its own, not averaged (dropout,
    which the paper's networks lack, is live in both). Unlike there, it starts as a copy instead of with weights of its
    own, which the authors found to make no difference. Only the online encoder is kept.
    """

    augment: Compose

    def __init__(self, shared: SharedSettings, settings: BYOLSettings, encoder: Encoder, signal: SignalSpec) -> None:
        super().__init__()
        self.encoder = encoder
        self.projector = NormalisedMLP(encoder.n_features, (settings.hidden,), settings.out)
        self.predictor = NormalisedMLP(settings.out, (settings.hidden,), settings.out)
        self.target = copy.deepcopy(nn.Sequential(encoder, self.projector)).requires_grad_(False)
        self.augment = shared.augmentation(signal)
        self.target_decay = settings.target_decay

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        views = two_views(self.augment, batch, generator)
        p1, p2 = (self.predictor(self.projector(self.encoder(view))) for view in views)
        with torch.no_grad():
            z1, z2 = (self.target(view) for view in views)
        return {"loss": normalised_mse(p1, z2) + normalised_mse(p2, z1)}

    @torch.no_grad()
    def after_step(self, progress: float) -> None:
        """Move the target: xi <- tau xi + (1 - tau) theta (Eq 1); in the last step tau = 1 leaves it."""
        online: list[Tensor] = [*self.encoder.parameters(), *self.projector.parameters()]
        target: list[Tensor] = list(self.target.parameters())
        torch._foreach_lerp_(target, online, 1 - decay_at(progress, self.target_decay))


SPEC = MethodSpec(
    name="byol",
    title="BYOL (no negatives, moving average as target)",
    label="BYOL",
    short="BYOL",
    summary="two views, no negatives, a moving average as target",
    paper=Paper(
        "Grill et al.", 2020, "Bootstrap Your Own Latent: A New Approach to Self-Supervised Learning", "NeurIPS"
    ),
    order=120,
    settings=BYOLSettings,
    build=BYOL,
)
