"""VICReg (Bardes, Ponce and LeCun 2022): views agree, dimensions vary, and no two of them say the same."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from otolith.augment import Compose, SignalSpec
from otolith.losses.vicreg import vicreg
from otolith.methods.base import Settings, SharedSettings
from otolith.methods.spec import MethodSpec, Paper
from otolith.methods.views import two_views
from otolith.nets import Encoder
from otolith.nets.heads import NormalisedMLP
from otolith.training.pretext import Batch, Method


@dataclass(frozen=True)
class VICRegSettings(Settings):
    """Weights of Eq 6, and the expander of Section 4.2.

    The paper's expander is 8192 wide for batches of 2048. A batch of n windows gives a covariance of rank n - 1 at most
    and leaves a part of that term which no training can lower, d / (n - 1) - 1 for width d; 512 keeps the paper's ratio
    of 4 for a batch of 128.
    """

    width: int = 512
    """Width of all three layers of the expander."""
    invariance: float = 25.0
    """lambda of Eq 6."""
    variance: float = 25.0
    """mu of Eq 6."""
    covariance: float = 1.0
    """nu of Eq 6."""

    def __post_init__(self) -> None:
        self.require("width >= 1", self.width > 0)
        weights = (self.invariance, self.variance, self.covariance)
        self.require("invariance, variance, covariance of 0 or more", all(weight >= 0 for weight in weights))


class VICReg(Method):
    """Eq 6 of the expanded features of two views, each passed on its own as in the authors' code."""

    augment: Compose

    def __init__(self, shared: SharedSettings, settings: VICRegSettings, encoder: Encoder, signal: SignalSpec) -> None:
        super().__init__()
        self.encoder = encoder
        # A last bias would do nothing: differences, variances and covariances do not feel it.
        widths = (settings.width, settings.width)
        self.expander = NormalisedMLP(encoder.n_features, widths, settings.width, bias_out=False)
        self.augment = shared.augmentation(signal)
        self.weights = (settings.invariance, settings.variance, settings.covariance)

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        views = two_views(self.augment, batch, generator)
        a, b = (batch.ranks.gather(self.expander(self.encoder(view))) for view in views)
        return vicreg(a, b, *self.weights)


SPEC = MethodSpec(
    name="vicreg",
    title="VICReg (variance, invariance, covariance)",
    label="VICReg",
    short="VICReg",
    summary="two views, no negatives, variance and covariance kept in bounds",
    paper=Paper(
        "Bardes et al.",
        2022,
        "VICReg: Variance-Invariance-Covariance Regularization for Self-Supervised Learning",
        "ICLR",
    ),
    order=130,
    settings=VICRegSettings,
    build=VICReg,
)
