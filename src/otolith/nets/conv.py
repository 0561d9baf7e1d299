"""Convolutional front of the transformer encoder (Fig. 4)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn


class ConvBlocks(nn.Module):
    """Blocks of convolution, batch normalisation and ReLU that keep the number of time steps (Section IV-B3).

    (batch, n_channels, time) -> (batch, maps[-1], time). Stride 1, padding kernel // 2, no pooling.
    """

    def __init__(self, n_channels: int, maps: Sequence[int], kernel: int) -> None:
        super().__init__()
        widths = [n_channels, *maps]
        layers: list[nn.Module] = []
        for width_in, width_out in pairwise(widths):
            layers += [
                nn.Conv1d(width_in, width_out, kernel, padding=kernel // 2),
                nn.BatchNorm1d(width_out),
                nn.ReLU(),
            ]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)
