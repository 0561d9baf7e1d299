"""The denoising convolutional autoencoder whose bottleneck tells how alike two instances are (Fig. 3)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from otolith.nets.encoder import MIN_STEPS, Encoder


class ConvAutoencoder(Encoder):
    """Three blocks of convolution, ReLU and max-pooling, a linear bottleneck, and their mirror image (Section III-C).

    The decoder upsamples to the exact length of each stage, so that any window of at least eight steps comes back
    with its own length, and has no last ReLU, since signals are negative as often as positive.
    `latent` may exceed the pooled output (USC-HAD: 384 -> 512), as printed in the paper.

    Args:
        n_channels, n_steps: size of the windows.
        maps, kernel: output channels and taps of the convolutions.
        latent: width of the bottleneck, the features.

    Raises:
        ValueError: the window is too short for the poolings.

    >>> import torch
    >>> network = ConvAutoencoder(n_channels=6, n_steps=30)
    >>> network.reconstruct(network(torch.zeros(2, 6, 30))).shape
    torch.Size([2, 6, 30])
    """

    def __init__(
        self, n_channels: int, n_steps: int, maps: Sequence[int] = (32, 64, 128), kernel: int = 3, latent: int = 256
    ) -> None:
        super().__init__(n_channels, n_steps, latent, fewest=max(MIN_STEPS, 2 ** len(maps)))
        widths = [n_channels, *maps]
        self.lengths = [n_steps]
        for _ in maps:
            self.lengths.append(self.lengths[-1] // 2)
        self.down = nn.ModuleList(nn.Conv1d(a, b, kernel, padding=kernel // 2) for a, b in pairwise(widths))
        self.pooled = (widths[-1], self.lengths[-1])
        self.bottleneck_in = nn.Linear(widths[-1] * self.lengths[-1], latent)  # l1 of Algorithm 1
        self.bottleneck_out = nn.Linear(latent, widths[-1] * self.lengths[-1])  # l2
        self.up = nn.ModuleList(
            nn.Conv1d(b, a, kernel, padding=kernel // 2) for a, b in reversed(list(pairwise(widths)))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the instance features h = l1(g(x)): (batch, n_channels, n_steps) -> (batch, latent)."""
        for conv in self.down:
            x = F.max_pool1d(F.relu(conv(x)), 2)
        return self.bottleneck_in(x.flatten(1))

    def reconstruct(self, h: Tensor) -> Tensor:
        """Return the window of features: (batch, latent) -> (batch, n_channels, n_steps)."""
        x = self.bottleneck_out(h).view(-1, *self.pooled)
        for i, (conv, length) in enumerate(zip(self.up, reversed(self.lengths[:-1]), strict=True)):
            x = conv(F.interpolate(x, size=length, mode="nearest"))
            if i + 1 < len(self.up):
                x = F.relu(x)
        return x
