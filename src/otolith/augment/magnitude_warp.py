"""Magnitude warp: a gain that wavers over the window."""

from __future__ import annotations

import torch
from torch import Tensor

from otolith.augment.base import Augmentation, Params, SignalSpec, normal
from otolith.augment.checks import integer, number
from otolith.augment.registry import register
from otolith.augment.smooth import spline_matrix


@register
class MagnitudeWarp(Augmentation):
    """Multiply each channel of each window by a smooth random curve around 1, in z-score units.

    A curve is a cubic spline through `knots` values N(1, sigma²), evenly spaced, the ends included. Params:
    `curve` (batch, channels, time).
    """

    name = "magnitude_warp"

    def __init__(self, signal: SignalSpec, *, sigma: float = 0.2, knots: int = 6) -> None:
        super().__init__(signal)
        self.sigma = number(self.name, "sigma", sigma, low=0.0, above=True)
        self.knots = integer(self.name, "knots", knots, low=2)

    def _sample(self, x: Tensor, generator: torch.Generator) -> Params:
        batch, channels, time = x.shape
        values = normal(x, (batch, channels, self.knots), 1.0, self.sigma, generator)
        return {"curve": values @ spline_matrix(self.knots, time, x.device, values.dtype)}

    def _apply(self, x: Tensor, params: Params) -> Tensor:
        return x * params["curve"].to(x.dtype)
