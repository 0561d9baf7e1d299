"""Contrastive predictive coding on sensor windows (Haresamudram, Essa and Plötz 2021)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from otolith.losses.infonce import info_nce
from otolith.methods.base import Settings, plain_adam
from otolith.methods.spec import MethodSpec, Paper
from otolith.nets import CPCEncoder
from otolith.training.pretext import Batch, Method


@dataclass(frozen=True)
class CPCSettings(Settings):
    """The steps to predict, and the learning rate of the authors' code; epochs, batch, schedule are the recipe's.

    The authors train with Adam for 150 epochs of batches of 64, and lower the rate by a fifth every 25 epochs.
    """

    future_share: float = 0.56
    """k, the steps to predict, as a share of the window's: the authors' 28 of 50. At least 1, and one step is left."""
    lr: float = 5e-4

    def __post_init__(self) -> None:
        self.require("0 < future_share < 1", 0 < self.future_share < 1)
        self.require("lr > 0", self.lr > 0)

    def future_steps(self, n_steps: int) -> int:
        """Return k for windows of `n_steps` steps."""
        return min(max(1, round(self.future_share * n_steps)), n_steps - 1)


class CPC(Method):
    """From the context c_t at a random step t, linear maps W_1 .. W_k predict the latents z_t+1 .. z_t+k.

    InfoNCE scores each prediction against the latents of all windows of the batch at that step; see `info_nce`. One t,
    uniform over the steps that have k others after them, serves the whole batch, as in the authors' code, since the
    negatives lie at the same step. `predict` holds W_1 .. W_k, one above the other. There are no augmentations.

    Encoder and its differences from the authors': see `CPCEncoder`, whose context knows nothing of what comes after t.
    """

    encoder: CPCEncoder

    def __init__(self, encoder: CPCEncoder, future_steps: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.future_steps = future_steps
        self.predict = nn.Linear(encoder.n_features, future_steps * encoder.latent_width)

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        z = self.encoder.latents(batch.x)
        last = z.shape[1] - self.future_steps
        start = torch.randint(last, (1,), generator=generator, device=z.device)
        # No context sees what comes later, so that steps after t can be left out; a GPU is not asked where t is.
        seen = int(start) + 1 if start.device.type == "cpu" else last
        context = self.encoder.contexts(z[:, :seen]).index_select(1, start)[:, 0]
        predicted = self.predict(context).unflatten(1, (self.future_steps, -1))
        future = start + torch.arange(1, self.future_steps + 1, device=z.device)
        gather = batch.ranks.gather
        return {"loss": info_nce(gather(predicted), gather(z.index_select(1, future)))}


SPEC = MethodSpec(
    name="cpc",
    title="Contrastive predictive coding",
    label="Contrastive predictive coding",
    short="CPC",
    summary="the future of a window from its past",
    paper=Paper("Haresamudram et al.", 2021, "Contrastive Predictive Coding for Human Activity Recognition", "IMWUT"),
    order=140,
    own_encoder="causal convolutions and a GRU",
    colour="#8c6bb1",
    settings=CPCSettings,
    encoder=lambda shared, meta: CPCEncoder(len(meta.channels), meta.n_steps),  # of the paper's sizes in every recipe
    build=lambda shared, settings, encoder, signal: CPC(encoder, settings.future_steps(encoder.n_steps)),
    train=plain_adam,
)
