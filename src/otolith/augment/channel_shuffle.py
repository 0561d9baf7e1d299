"""Channel shuffle: the axes in another order."""

from __future__ import annotations

import torch
from torch import Tensor

from otolith.augment.base import Augmentation, Params, SignalSpec
from otolith.augment.checks import choice
from otolith.augment.registry import register
from otolith.errors import RecipeError


@register
class ChannelShuffle(Augmentation):
    """Put the channels of each window in random order, every order equally likely, in z-score units.

    within="window" shuffles all channels; within="sensor" only the axes of each three-axis sensor among
    themselves, each sensor on its own, and raises RecipeError where there is no such sensor. Params:
    `order` (batch, channels), the channel that each channel takes its values from.
    """

    name = "channel_shuffle"

    def __init__(self, signal: SignalSpec, *, within: str = "window") -> None:
        super().__init__(signal)
        self.within = choice(self.name, "within", within, ("window", "sensor"))
        if self.within == "sensor" and not signal.triads:
            raise RecipeError(
                "augmentation 'channel_shuffle' with within='sensor' shuffles the axes of three-axis sensors "
                f"(channels such as acc_x, acc_y, acc_z), and {', '.join(signal.channels)} hold none; "
                "use within='window'"
            )
        # Channels with the same number are shuffled among themselves.
        group = [0] * len(signal.channels)
        if self.within == "sensor":
            group = list(range(len(signal.channels)))
            for x, y, z in signal.triads:
                group[y] = group[z] = x
        self._group = torch.tensor(group)
        self._constants: dict[torch.device, tuple[Tensor, Tensor]] = {}

    def _sample(self, x: Tensor, generator: torch.Generator) -> Params:
        offset, place = self._on(x.device)
        rank = torch.rand(x.shape[:2], generator=generator, device=x.device)
        source = (rank + offset).argsort(dim=1)
        return {"order": torch.empty_like(source).index_copy_(1, place, source)}

    def _apply(self, x: Tensor, params: Params) -> Tensor:
        return x.gather(1, params["order"][:, :, None].expand(-1, -1, x.shape[2]))

    def _on(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return offsets that keep the groups apart in a sort of uniforms, and the channels in the groups' order.

        Both are (channels,) and copied to each device only once. Groups lie 2 apart, so that rounding a sum
        cannot carry a channel into the next group.
        """
        if device not in self._constants:
            place = self._group.argsort(stable=True)
            self._constants[device] = ((2.0 * self._group).to(device), place.to(device))
        return self._constants[device]
