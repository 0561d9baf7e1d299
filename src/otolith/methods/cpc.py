"""Contrastive predictive coding on sensor windows (Haresamudram, Essa and Plötz 2021)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from otolith.augment import SignalSpec
from otolith.losses.infonce import info_nce
from otolith.methods.base import STRICT, MethodSpec, SharedSettings
from otolith.nets import CPCEncoder
from otolith.training.pretext import Batch, Method
from otolith.training.settings import TrainSettings


@dataclass(frozen=True)
class CPCSettings:
    """How far ahead, and the learning rate of the authors' code; epochs, batch and schedule are the recipe's.

    The authors train with Adam for 150 epochs of batches of 64, and lower the rate by a fifth every 25 epochs.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    future_share: float = 0.56
    """k, the steps to predict, as a share of the window's: the authors' 28 of 50. At least 1, and one step is left."""
    lr: float = 5e-4

    def __post_init__(self) -> None:
        if not 0 < self.future_share < 1:
            raise ValueError(f"expected 0 < future_share < 1; got {self.future_share}")
        if not self.lr > 0:
            raise ValueError(f"expected lr > 0; got {self.lr}")

    def future_steps(self, n_steps: int) -> int:
        """k for windows of `n_steps` steps."""
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
        if not 1 <= future_steps < encoder.n_steps:
            raise ValueError(f"{future_steps} future steps of {encoder.n_steps}; expected 1 .. {encoder.n_steps - 1}")
        self.encoder = encoder
        self.future_steps = future_steps
        self.predict = nn.Linear(encoder.n_features, future_steps * encoder.width)

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


def cpc_encoder(shared: SharedSettings, n_channels: int, n_steps: int) -> CPCEncoder:
    """The paper's encoder; its sizes are the paper's for every recipe."""
    return CPCEncoder(n_channels, n_steps)


def _around(shared: SharedSettings, settings: CPCSettings, encoder: nn.Module, signal: SignalSpec) -> CPC:
    if not isinstance(encoder, CPCEncoder):
        raise TypeError(f"contrastive predictive coding trains a CPCEncoder; got {type(encoder).__name__}")
    return CPC(encoder, settings.future_steps(encoder.n_steps))


def _training(shared: SharedSettings, settings: CPCSettings) -> TrainSettings:
    """The recipe's `pretrain` section with plain Adam at the method's own rate."""
    return replace(shared.pretrain, optimizer="adam", lr=settings.lr)


CPC_SPEC = MethodSpec(
    "cpc", "Contrastive predictive coding", CPCSettings, encoder=cpc_encoder, build=_around, train=_training
)
SPECS = (CPC_SPEC,)
