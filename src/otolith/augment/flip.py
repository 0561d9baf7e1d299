"""Flip: the window mirrored, in sign or in time."""

from __future__ import annotations

import torch
from torch import Tensor

from otolith.augment.base import Augmentation, Params, SignalSpec
from otolith.augment.checks import choice
from otolith.augment.registry import register


@register
class Flip(Augmentation):
    """Mirror every window: axis="sign" negates the z-scored values, axis="time" plays the window backwards.

    Nothing is drawn; how many windows are flipped is the composition's probability. Params: none.
    """

    name = "flip"

    def __init__(self, signal: SignalSpec, *, axis: str = "sign") -> None:
        super().__init__(signal)
        self.axis = choice(self.name, "axis", axis, ("sign", "time"))

    def _sample(self, x: Tensor, generator: torch.Generator) -> Params:
        return {}

    def _apply(self, x: Tensor, params: Params) -> Tensor:
        return -x if self.axis == "sign" else x.flip(2)
