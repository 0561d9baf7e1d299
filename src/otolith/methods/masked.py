"""Masked reconstruction (Haresamudram et al. 2020): steps of each window are hidden and rebuilt from the others."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from otolith.errors import RecipeError
from otolith.losses.masked import masked_mse
from otolith.methods.base import Settings
from otolith.methods.spec import MethodSpec, Paper
from otolith.nets import Encoder
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

    The encoder's output of each step (`Encoder.steps`) goes through one linear layer to the channels of that step; that
    of an encoder whose output has fewer steps, as `conv` has, to the channels of all steps that an output belongs to.
    All channels of a step are hidden together, and every window hides equally many steps, each choice of them equally
    likely.

    Taken from the paper: the share of 10 %, zeros in place of what is hidden, a transformer encoder, and an error that
    counts the hidden steps alone. Encoder and training are those of the other methods, so that the pretext task is all
    that differs.
    """

    def __init__(self, encoder: Encoder, share: float = 0.1) -> None:
        super().__init__()
        if encoder.n_out_steps is None or encoder.width is None:
            raise RecipeError(
                f"method 'masked' rebuilds windows step by step, and {type(encoder).__name__} has no output for each "
                "time step; choose an encoder that has, or another method"
            )
        self.encoder = encoder
        self.each = -(-encoder.n_steps // encoder.n_out_steps)  # input steps for each of the encoder's output
        self.head = nn.Linear(encoder.width, self.each * encoder.n_channels)
        self.n_masked = min(max(1, round(share * encoder.n_steps)), encoder.n_steps - 1)

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        masked = batch.draw(lambda x: self.draw(x, generator))
        rebuilt = self.rebuild(batch.x.masked_fill(masked[:, None], 0.0))
        return {"loss": masked_mse(rebuilt, batch.x, masked)}

    def rebuild(self, x: Tensor) -> Tensor:
        """Return the windows as the head rebuilds them, (batch, channels, time), from windows of the same shape."""
        by_step = self.head(self.encoder.steps(x)).unflatten(2, (self.each, -1)).flatten(1, 2)
        return by_step[:, : x.shape[2]].transpose(1, 2)

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
    also=("mae", "masked-reconstruction"),
    order=150,
    colour="#56b4e9",
    settings=MaskedSettings,
    build=lambda shared, settings, encoder, signal: MaskedReconstruction(encoder, settings.share),
)
