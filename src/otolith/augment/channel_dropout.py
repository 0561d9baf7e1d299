"""Channel dropout: axes that went silent."""

from __future__ import annotations

import torch
from torch import Tensor

from otolith.augment.base import Augmentation, Params, SignalSpec
from otolith.augment.checks import number
from otolith.augment.registry import register


@register
class ChannelDropout(Augmentation):
    """Set random channels of each window to 0, which is their mean over the training windows.

    Each channel is dropped with probability `rate`, in [0, 1], independently; where all would go, one of
    them, chosen at random, stays. Params: `keep` (batch, channels, 1) bool.
    """

    name = "channel_dropout"

    def __init__(self, signal: SignalSpec, *, rate: float = 0.2) -> None:
        super().__init__(signal)
        self.rate = number(self.name, "rate", rate, low=0.0, high=1.0)

    def _sample(self, x: Tensor, generator: torch.Generator) -> Params:
        draw = torch.rand((*x.shape[:2], 1), generator=generator, device=x.device)
        return {"keep": (draw >= self.rate) | (draw == draw.amax(dim=1, keepdim=True))}

    def _apply(self, x: Tensor, params: Params) -> Tensor:
        return x.masked_fill(~params["keep"], 0.0)
