"""SimSiam (Chen and He 2021): predict one view's embedding from the other view's, without negatives."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from otolith.augment import Compose, SignalSpec
from otolith.losses.siamese import negative_cosine
from otolith.methods.base import Settings, SharedSettings
from otolith.methods.spec import MethodSpec, Paper
from otolith.methods.views import two_views
from otolith.nets import Encoder
from otolith.nets.heads import NormalisedMLP
from otolith.training.pretext import Batch, Method


@dataclass(frozen=True)
class SimSiamSettings(Settings):
    """The two heads of Section 3 ("Baseline settings"), at a quarter of their widths.

    The paper has 2048 for its hidden and output layers, the width of its encoder's features, and 512 for the
    bottleneck. Batches of 128 to 256 windows and encoders of a few hundred thousand weights do not feed such heads;
    the bottleneck keeps its ratio of 1 to 4, and the output layer its normalisation without scale and offset, as in
    the authors' code. The optimiser is the recipe's, not the paper's SGD, and the predictor follows its schedule.
    """

    hidden: int = 512
    """Width of the projector's two hidden layers."""
    out: int = 512
    """Width of the embeddings z and of their predictions p."""
    bottleneck: int = 128
    """Width of the predictor's hidden layer."""

    def __post_init__(self) -> None:
        self.require("positive sizes hidden, out, bottleneck", min(self.hidden, self.out, self.bottleneck) > 0)


class SimSiam(Method):
    """L = D(p_1, stopgrad(z_2)) / 2 + D(p_2, stopgrad(z_1)) / 2 (Eq 4).

    z = projector(encoder(view)) and p = predictor(z). As in the authors' code, each view passes on its own, so that
    batch statistics are those of one view.
    """

    augment: Compose

    def __init__(self, shared: SharedSettings, settings: SimSiamSettings, encoder: Encoder, signal: SignalSpec) -> None:
        super().__init__()
        self.encoder = encoder
        hidden = (settings.hidden, settings.hidden)
        self.projector = NormalisedMLP(encoder.n_features, hidden, settings.out, normalise_out=True)
        self.predictor = NormalisedMLP(settings.out, (settings.bottleneck,), settings.out)
        self.augment = shared.augmentation(signal)

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        z1, z2 = (self.projector(self.encoder(view)) for view in two_views(self.augment, batch, generator))
        loss = negative_cosine(self.predictor(z1), z2) / 2 + negative_cosine(self.predictor(z2), z1) / 2
        return {"loss": loss}


SPEC = MethodSpec(
    name="simsiam",
    title="SimSiam (no negatives, stopped gradient)",
    label="SimSiam",
    short="SimSiam",
    summary="two views, no negatives, a stopped gradient",
    paper=Paper("Chen and He", 2021, "Exploring Simple Siamese Representation Learning", "CVPR"),
    order=110,
    settings=SimSiamSettings,
    build=SimSiam,
)
