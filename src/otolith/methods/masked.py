"""Masked reconstruction (Haresamudram et al. 2020): steps of each window are hidden and rebuilt from the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from otolith.augment import SignalSpec
from otolith.losses.masked import masked_mse
from otolith.methods.base import STRICT, MethodSpec, SharedSettings
from otolith.nets import TransformerEncoder
from otolith.training.pretext import Batch, Method


@dataclass(frozen=True)
class MaskedSettings:
    """How much is hidden. Epochs, batch and rate are those of the recipe's `pretrain` section."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    share: float = 0.1
    """Share of each window's steps that are hidden, at least one step and never all."""

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise ValueError(f"expected 0 < share < 1; got {self.share}")


class MaskedReconstruction(Method):
    """Some steps of each window become zero, the training windows' mean; the error there is the loss.

    The encoder's output of each step, before it is flattened into features, goes through one linear layer to the
    channels of that step. All channels of a step are hidden together, and every window hides equally many steps, each
    choice of them equally likely.

    Taken from the paper: the share of 10 %, zeros in place of what is hidden, a transformer encoder, and an error that
    counts the hidden steps alone. Encoder and training are those of the other methods, so that the pretext task is all
    that differs.
    """

    encoder: TransformerEncoder

    def __init__(self, encoder: TransformerEncoder, share: float = 0.1) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(encoder.n_features // encoder.n_steps, encoder.n_channels)
        self.n_masked = min(max(1, round(share * encoder.n_steps)), encoder.n_steps - 1)

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        masked = batch.draw(lambda x: self.draw(x, generator))
        steps = self.encoder(batch.x.masked_fill(masked[:, None], 0.0)).unflatten(1, (self.encoder.n_steps, -1))
        return {"loss": masked_mse(self.head(steps).transpose(1, 2), batch.x, masked)}

    def draw(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Which steps of x (batch, channels, time) to hide: (batch, time) bool, `n_masked` in each row."""
        score = torch.rand((x.shape[0], x.shape[2]), generator=generator, device=x.device)
        chosen = score.topk(self.n_masked, dim=1).indices
        return torch.zeros_like(score, dtype=torch.bool).scatter_(1, chosen, True)


def _around(
    shared: SharedSettings, settings: MaskedSettings, encoder: nn.Module, signal: SignalSpec
) -> MaskedReconstruction:
    if not isinstance(encoder, TransformerEncoder):
        raise TypeError(f"masked reconstruction reads a TransformerEncoder's steps; got {type(encoder).__name__}")
    return MaskedReconstruction(encoder, settings.share)


MASKED = MethodSpec("masked", "Masked reconstruction", MaskedSettings, build=_around)
SPECS = (MASKED,)
