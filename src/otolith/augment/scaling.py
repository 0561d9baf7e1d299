"""Scaling: random gain, as from a stronger or weaker movement."""

from __future__ import annotations

import torch
from torch import Tensor

from otolith.augment.base import Augmentation, Params, SignalSpec, normal
from otolith.augment.checks import choice, number
from otolith.augment.registry import register


@register
class Scaling(Augmentation):
    """Multiply by random factors N(1, sigma²), in z-score units (Section IV-B2).

    `per` says what shares a factor: "channel" (one for each channel of each window), "window" (one for all
    its channels) or "element" (one for each sample: what the predecessor's code does, in effect
    multiplicative noise). Params: `factor` (batch, channels or 1, time or 1).
    """

    name = "scaling"

    def __init__(self, signal: SignalSpec, *, sigma: float = 0.5, per: str = "channel") -> None:
        super().__init__(signal)
        self.sigma = number(self.name, "sigma", sigma, low=0.0, above=True)
        self.per = choice(self.name, "per", per, ("channel", "window", "element"))

    def _sample(self, x: Tensor, generator: torch.Generator) -> Params:
        batch, channels, time = x.shape
        shape = {
            "channel": (batch, channels, 1),
            "window": (batch, 1, 1),
            "element": (batch, channels, time),
        }[self.per]
        return {"factor": normal(x, shape, 1.0, self.sigma, generator)}

    def _apply(self, x: Tensor, params: Params) -> Tensor:
        return x * params["factor"].to(x.dtype)
