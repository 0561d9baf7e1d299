"""Masked reconstruction (Haresamudram et al. 2020): steps of each window are hidden and rebuilt from the others."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from otolith.losses.masked import masked_mse
from otolith.methods.base import Settings
from otolith.methods.spec import MethodSpec, Paper
from otolith.nets import TransformerEncoder
from otolith.training.pretext import Batch, Method


@dataclass(frozen=True)
class MaskedSettings(Settings):
    """The share that is hidden. Epochs, batch and rate are those of the recipe's `pretrain` section."""

    share: float = 0.1
    """Share of each window's steps that are hidden, at least one step and never all."""

    def __post_init__(self) -> None:
        self.require("0 < share < 1", 0 < self.share < 1)


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
        """Return the steps of x (batch, channels, time) to hide: (batch, time) bool, `n_masked` in each row."""
        score = torch.rand((x.shape[0], x.shape[2]), generator=generator, device=x.device)
        chosen = score.topk(self.n_masked, dim=1).indices
        return torch.zeros_like(score, dtype=torch.bool).scatter_(1, chosen, True)


SPEC = MethodSpec(
    name="masked",
    title="Masked reconstruction",
    label="Masked reconstruction",
    short="Masked",
    summary="time steps that were hidden",
    paper=Paper(
        "Haresamudram et al.",
        2020,
        "Masked Reconstruction Based Self-Supervision for Human Activity Recognition",
        "ISWC",
    ),
    order=150,
    colour="#56b4e9",
    settings=MaskedSettings,
    build=lambda shared, settings, encoder, signal: MaskedReconstruction(encoder, settings.share),
)
