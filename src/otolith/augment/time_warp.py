"""Time warp: the same movement with a wavering tempo."""

from __future__ import annotations

import torch
from torch import Tensor

from otolith.augment.base import Augmentation, Params, SignalSpec, draw_dtype, normal
from otolith.augment.checks import integer, number
from otolith.augment.registry import register
from otolith.augment.smooth import spline_matrix

_SLOWEST = 0.1
"""Least tempo: time must never stand still or run backwards, which a Gaussian tempo would allow."""


@register
class TimeWarp(Augmentation):
    """Play each window with a smoothly varying tempo; all channels alike, first and last step in place.

    The tempo is a cubic spline through `knots` values N(1, sigma²), the ends included, kept at 0.1 or
    above, then normalised so that the window still lasts as long; values between steps are interpolated
    linearly. Params: `position` (batch, time), the place in steps that each step takes its values from,
    increasing from 0 to time - 1.
    """

    name = "time_warp"

    def __init__(self, signal: SignalSpec, *, sigma: float = 0.2, knots: int = 6) -> None:
        super().__init__(signal)
        self.sigma = number(self.name, "sigma", sigma, low=0.0, above=True)
        self.knots = integer(self.name, "knots", knots, low=2)

    def _sample(self, x: Tensor, generator: torch.Generator) -> Params:
        batch, _, time = x.shape
        values = normal(x, (batch, self.knots), 1.0, self.sigma, generator)
        tempo = (values @ spline_matrix(self.knots, time, x.device, values.dtype)).clamp_(min=_SLOWEST)
        # The tempo between two steps is the mean of theirs; the positions are its running sum, starting at 0.
        moved = (tempo[:, 1:] + tempo[:, :-1]).cumsum(dim=1)
        position = torch.zeros((batch, time), dtype=draw_dtype(x), device=x.device)
        if time > 1:
            position[:, 1:] = moved * ((time - 1) / moved[:, -1:])
        return {"position": position.clamp_(max=time - 1)}

    def _apply(self, x: Tensor, params: Params) -> Tensor:
        position = params["position"]
        last = x.shape[2] - 1
        before = position.floor()
        share = (position - before).to(x.dtype)[:, None, :]
        index = before.to(torch.int64)[:, None, :].expand(-1, x.shape[1], -1)
        return torch.lerp(x.gather(2, index), x.gather(2, (index + 1).clamp_(max=last)), share)
