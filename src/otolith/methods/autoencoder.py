"""Denoising reconstruction: the teacher of dynamic temperature, and a baseline of its own (Section III-C)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from otolith.losses.similarity import result_type
from otolith.methods.base import STRICT, MethodSpec, SharedSettings
from otolith.nets import ConvAutoencoder
from otolith.training.pretext import Batch, Method


class DenoisingAutoencoder(Method):
    """Stage 1 of Algorithm 1: rebuild the clean window from one with Gaussian noise of `noise_sigma` (z-scored)."""

    def __init__(self, encoder: ConvAutoencoder, noise_sigma: float = 0.5) -> None:
        super().__init__()
        self.encoder: ConvAutoencoder = encoder
        self.noise_sigma = noise_sigma

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        noise = batch.draw(lambda x: torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype))
        rebuilt = self.encoder.reconstruct(self.encoder(batch.x + self.noise_sigma * noise))
        return {"loss": F.mse_loss(rebuilt.to(result_type(rebuilt)), batch.x)}


@dataclass(frozen=True)
class NoSettings:
    """A method whose values all stand in shared sections of the recipe."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT


def conv_autoencoder(shared: SharedSettings, n_channels: int, n_steps: int) -> ConvAutoencoder:
    """The recipe's autoencoder; kernel and maps are those of the main encoder (Section IV-B3)."""
    return ConvAutoencoder(n_channels, n_steps, shared.encoder.maps, shared.encoder.kernel, shared.autoencoder.latent)


def _around(shared: SharedSettings, settings: Any, encoder: nn.Module, signal: Any) -> DenoisingAutoencoder:
    if not isinstance(encoder, ConvAutoencoder):
        raise TypeError(f"the denoising autoencoder trains a ConvAutoencoder; got {type(encoder).__name__}")
    return DenoisingAutoencoder(encoder, shared.autoencoder.noise_sigma)


AUTOENCODER = MethodSpec(
    "autoencoder",
    "Denoising convolutional autoencoder",
    NoSettings,
    encoder=conv_autoencoder,
    build=_around,
    train=lambda shared, settings: shared.autoencoder.train,
)
SPECS = (AUTOENCODER,)
