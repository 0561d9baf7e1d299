"""SimSiam (Chen and He 2021): predict one view's embedding from the other view's, without negatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from otolith.augment import Compose, SignalSpec
from otolith.losses.siamese import negative_cosine
from otolith.methods.base import STRICT, MethodSpec, SharedSettings
from otolith.methods.views import two_views
from otolith.nets.heads import NormalisedMLP
from otolith.training.pretext import Batch, Method


class SimSiam(Method):
    """L = D(p_1, stopgrad(z_2)) / 2 + D(p_2, stopgrad(z_1)) / 2 (Eq 4).

    z = projector(encoder(view)) and p = predictor(z). As in the authors' code, each view passes on its own, so that
    batch statistics are those of one view.
    """

    augment: Compose

    def __init__(self, encoder: nn.Module, projector: nn.Module, predictor: nn.Module, augment: Compose) -> None:
        super().__init__()
        self.encoder = encoder
        self.projector = projector
        self.predictor = predictor
        self.augment = augment

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        z1, z2 = (self.projector(self.encoder(view)) for view in two_views(self.augment, batch, generator))
        loss = negative_cosine(self.predictor(z1), z2) / 2 + negative_cosine(self.predictor(z2), z1) / 2
        return {"loss": loss}


@dataclass(frozen=True)
class SimSiamSettings:
    """The two heads of Section 3 ("Baseline settings"), at a quarter of their widths.

    The paper has 2048 for its hidden and output layers, the width of its encoder's features, and 512 for the
    bottleneck. Batches of 128 to 256 windows and encoders of a few hundred thousand weights do not feed such heads;
    the bottleneck keeps its ratio of 1 to 4, and the output layer its normalisation without scale and offset, as in
    the authors' code. The optimiser is the recipe's, not the paper's SGD, and the predictor follows its schedule.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    hidden: int = 512
    """Width of the projector's two hidden layers."""
    out: int = 512
    """Width of the embeddings z and of their predictions p."""
    bottleneck: int = 128
    """Width of the predictor's hidden layer."""

    def __post_init__(self) -> None:
        if min(self.hidden, self.out, self.bottleneck) < 1:
            raise ValueError(
                f"expected positive sizes; got hidden {self.hidden}, out {self.out}, bottleneck {self.bottleneck}"
            )


def _around(shared: SharedSettings, settings: SimSiamSettings, encoder: nn.Module, signal: SignalSpec) -> SimSiam:
    n_features: Any = encoder.n_features
    projector = NormalisedMLP(n_features, (settings.hidden, settings.hidden), settings.out, normalise_out=True)
    predictor = NormalisedMLP(settings.out, (settings.bottleneck,), settings.out)
    return SimSiam(encoder, projector, predictor, shared.augmentation(signal))


SIMSIAM = MethodSpec("simsiam", "SimSiam (no negatives, stopped gradient)", SimSiamSettings, build=_around)
SPECS = (SIMSIAM,)
