"""Denoising reconstruction: the teacher of dynamic temperature, and a baseline of its own (Section III-C)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from otolith.losses.similarity import result_type
from otolith.methods.base import SharedSettings
from otolith.methods.spec import MethodSpec, Paper
from otolith.nets import ConvAutoencoder
from otolith.training.pretext import Batch, Method
from otolith.windows import WindowMeta


class DenoisingAutoencoder(Method):
    """Stage 1 of Algorithm 1: rebuild the clean window from one with Gaussian noise of `noise_sigma` (z-scored)."""

    encoder: ConvAutoencoder

    def __init__(self, encoder: ConvAutoencoder, noise_sigma: float = 0.5) -> None:
        super().__init__()
        self.encoder = encoder
        self.noise_sigma = noise_sigma

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        noise = batch.draw(lambda x: torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype))
        rebuilt = self.encoder.reconstruct(self.encoder(batch.x + self.noise_sigma * noise))
        return {"loss": F.mse_loss(rebuilt.to(result_type(rebuilt)), batch.x)}


def conv_autoencoder(shared: SharedSettings, meta: WindowMeta) -> ConvAutoencoder:
    """Return the recipe's autoencoder; kernel and maps are those of the main encoder (Section IV-B3)."""
    maps, kernel, latent = shared.encoder.maps, shared.encoder.kernel, shared.autoencoder.latent
    return ConvAutoencoder(len(meta.channels), meta.n_steps, maps, kernel, latent)


SPEC = MethodSpec(
    name="autoencoder",
    title="Denoising convolutional autoencoder",
    label="Convolutional autoencoder",
    short="CAE",
    summary="the window from a noisy copy; also the teacher of `dynamic` (Section III-C)",
    paper=Paper("Haresamudram et al.", 2019, "On the Role of Features in Human Activity Recognition", "ISWC"),
    also=("cae", "dae"),
    order=170,
    own_encoder="convolutions, pooling and a bottleneck",
    colour="#e69f00",
    encoder=conv_autoencoder,
    build=lambda shared, settings, encoder, signal: DenoisingAutoencoder(encoder, shared.autoencoder.noise_sigma),
    train=lambda shared, settings: shared.autoencoder.train,
)
