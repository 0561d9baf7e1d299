"""A method: the halves of a window in their order or swapped, and the encoder has to tell which."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from otolith.methods import Method, MethodSpec, Settings


@dataclass(frozen=True)
class OrderSettings(Settings):
    """Settings: the table `[method.order]` of a recipe, or `--set method.order.share=0.3`."""

    share: float = 0.5
    """Share of the windows whose halves are swapped."""

    def __post_init__(self) -> None:
        self.require("0 < share < 1", 0 < self.share < 1)


class Order(Method):
    """The pretext task. otolith trains every parameter of this module by what `loss` returns, and keeps `encoder`."""

    def __init__(self, encoder: nn.Module, share: float) -> None:
        super().__init__()
        self.encoder, self.share = encoder, share
        self.head = nn.Linear(encoder.n_features, 1)

    def loss(self, batch, generator):
        # batch.x is (windows, channels, time), scaled. All that is random comes from the generator, so that a run that
        # was stopped goes on as if it had not been.
        x = batch.x
        swapped = torch.rand(len(x), generator=generator, device=x.device) < self.share
        half = x.shape[2] // 2
        turned = torch.cat([x[:, :, half:], x[:, :, :half]], dim=2)
        shown = torch.where(swapped[:, None, None], turned, x)
        guess = self.head(self.encoder(shown))[:, 0]
        return {"loss": nn.functional.binary_cross_entropy_with_logits(guess, swapped.to(guess.dtype))}


SPEC = MethodSpec(
    name="order",
    title="Order (of the halves of a window)",
    label="Order of halves",
    short="Order",
    summary="whether the halves of a window were swapped",
    paper=None,  # an idea of one's own; Paper("Authors", 2024, "Title", "Venue") otherwise
    settings=OrderSettings,
    build=lambda shared, settings, encoder, signal: Order(encoder, settings.share),
)
