"""Time masking: a stretch of the window hidden."""

from __future__ import annotations

import torch
from torch import Tensor

from otolith.augment.base import Augmentation, Params, SignalSpec
from otolith.augment.checks import number
from otolith.augment.registry import register


@register
class TimeMask(Augmentation):
    """Set one stretch of each window to 0, the training windows' mean, in all channels.

    The stretch is 1 to max_share * time steps long (at least 1, always less than the window), each length
    equally likely, and anywhere in the window, each place equally likely. Params: `keep` (batch, 1, time)
    bool.
    """

    name = "time_mask"

    def __init__(self, signal: SignalSpec, *, max_share: float = 0.3) -> None:
        super().__init__(signal)
        self.max_share = number(self.name, "max_share", max_share, low=0.0, high=1.0, above=True)

    def _sample(self, x: Tensor, generator: torch.Generator) -> Params:
        batch, _, time = x.shape
        longest = min(max(1, int(self.max_share * time)), time - 1)
        if longest < 1:  # a window of one step has nothing to spare
            return {"keep": torch.ones((batch, 1, time), dtype=torch.bool, device=x.device)}
        length = torch.randint(1, longest + 1, (batch, 1, 1), generator=generator, device=x.device)
        place = torch.rand((batch, 1, 1), generator=generator, device=x.device)
        latest = time - length
        # The product may round up to latest + 1.
        start = torch.minimum((place * (latest + 1)).to(torch.int64), latest)
        step = torch.arange(time, device=x.device)
        return {"keep": (step < start) | (step >= start + length)}

    def _apply(self, x: Tensor, params: Params) -> Tensor:
        return x.masked_fill(~params["keep"], 0.0)
