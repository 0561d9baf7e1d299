"""Jittering: additive noise, as from a worse sensor."""

from __future__ import annotations

import torch
from torch import Tensor

from otolith.augment.base import Augmentation, Params, SignalSpec, normal
from otolith.augment.checks import number
from otolith.augment.registry import register


@register
class Jitter(Augmentation):
    """Add independent Gaussian noise N(0, sigma²) to every sample, in z-score units (Section IV-B2).

    `sigma` is the noise's deviation, above 0. Params: `noise` (batch, channels, time).
    """

    name = "jitter"

    def __init__(self, signal: SignalSpec, *, sigma: float = 0.5) -> None:
        super().__init__(signal)
        self.sigma = number(self.name, "sigma", sigma, low=0.0, above=True)

    def _sample(self, x: Tensor, generator: torch.Generator) -> Params:
        return {"noise": normal(x, x.shape, 0.0, self.sigma, generator)}

    def _apply(self, x: Tensor, params: Params) -> Tensor:
        return x + params["noise"].to(x.dtype)
