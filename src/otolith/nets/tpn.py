"""The encoder of multi-task self-supervision: the trunk of the transformation prediction network (TPN)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from otolith.nets.dropout import Dropout
from otolith.nets.encoder import Encoder


class TPNEncoder(Encoder):
    """Long convolutions with ReLU and dropout, then each map's maximum over time (Saeed, Ozcelebi and Lukkien 2019).

    (batch, n_channels, n_steps) -> (batch, maps[-1]). Maps, kernels and dropout are the paper's, whose windows are long
    (400 steps) and lose 45 steps to convolutions without padding. A window of one second has fewer. Here zeros, the
    training windows' mean, pad both sides, so that every convolution keeps the number of steps, and a kernel that is
    longer than the window is cut to its length: further taps would meet nothing but padding.

    Args:
        n_channels, n_steps: size of the windows.
        maps, kernels: output channels and taps of each convolution.
        dropout: share that is dropped.

    Raises:
        ValueError: fewer than eight steps.

    >>> TPNEncoder(n_channels=6, n_steps=10).kernels
    [10, 10, 8]
    """

    def __init__(
        self,
        n_channels: int,
        n_steps: int,
        maps: Sequence[int] = (32, 64, 96),
        kernels: Sequence[int] = (24, 16, 8),
        dropout: float = 0.1,
    ) -> None:
        super().__init__(n_channels, n_steps, maps[-1], n_out_steps=n_steps, width=maps[-1])
        self.kernels = [min(kernel, n_steps) for kernel in kernels]
        self.convs = nn.ModuleList(
            nn.Conv1d(a, b, kernel) for (a, b), kernel in zip(pairwise([n_channels, *maps]), self.kernels, strict=True)
        )
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        return self._maps(x).amax(dim=2)

    def steps(self, x: Tensor) -> Tensor:
        """Return the maps before their maximum is taken: (batch, n_channels, n_steps) -> (batch, n_steps, maps[-1])."""
        return self._maps(x).transpose(1, 2)

    def _maps(self, x: Tensor) -> Tensor:
        for conv, kernel in zip(self.convs, self.kernels, strict=True):
            # padding="same" would warn of even kernels
            x = self.dropout(F.relu(conv(F.pad(x, ((kernel - 1) // 2, kernel // 2)))))
        return x

    def squared_weights(self) -> Tensor:
        """Return the sum of the squared convolution weights, which the paper's L2 regularisation multiplies."""
        return torch.stack([p.square().sum() for name, p in self.convs.named_parameters() if "weight" in name]).sum()
