"""VICReg (Bardes, Ponce and LeCun 2022): views agree, dimensions vary, and no two of them say the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from otolith.augment import Compose, SignalSpec
from otolith.losses.vicreg import vicreg
from otolith.methods.base import STRICT, MethodSpec, SharedSettings
from otolith.methods.views import two_views
from otolith.nets.heads import NormalisedMLP
from otolith.training.pretext import Batch, Method


@dataclass(frozen=True)
class VICRegSettings:
    """Weights of Eq 6, and the expander of Section 4.2.

    The paper's expander is 8192 wide for batches of 2048. A batch of n windows gives a covariance of rank n - 1 at most
    and leaves a part of that term which no training can lower, d / (n - 1) - 1 for width d; 512 keeps the paper's ratio
    of 4 for a batch of 128.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    width: int = 512
    """Width of all three layers of the expander."""
    invariance: float = 25.0
    """lambda of Eq 6."""
    variance: float = 25.0
    """mu of Eq 6."""
    covariance: float = 1.0
    """nu of Eq 6."""

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError(f"expected width >= 1; got {self.width}")
        if not all(weight >= 0 for weight in (self.invariance, self.variance, self.covariance)):
            raise ValueError(
                f"expected weights of 0 or more; got invariance {self.invariance}, variance {self.variance}, "
                f"covariance {self.covariance}"
            )


class VICReg(Method):
    """Eq 6 of the expanded features of two views, each passed on its own as in the authors' code."""

    augment: Compose

    def __init__(self, encoder: nn.Module, expander: nn.Module, augment: Compose, settings: VICRegSettings) -> None:
        super().__init__()
        self.encoder = encoder
        self.expander = expander
        self.augment = augment
        self.weights = (settings.invariance, settings.variance, settings.covariance)

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        views = two_views(self.augment, batch, generator)
        a, b = (batch.ranks.gather(self.expander(self.encoder(view))) for view in views)
        return vicreg(a, b, *self.weights)


def _around(shared: SharedSettings, settings: VICRegSettings, encoder: nn.Module, signal: SignalSpec) -> VICReg:
    n_features: Any = encoder.n_features
    # A last bias would do nothing: differences, variances and covariances do not feel it.
    expander = NormalisedMLP(n_features, (settings.width, settings.width), settings.width, bias_out=False)
    return VICReg(encoder, expander, shared.augmentation(signal), settings)


VICREG = MethodSpec("vicreg", "VICReg (variance, invariance, covariance)", VICRegSettings, build=_around)
SPECS = (VICREG,)
