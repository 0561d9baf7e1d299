"""The encoder of contrastive predictive coding: convolutions give latents, a GRU sums up the past."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from otolith.nets.dropout import Dropout
from otolith.nets.encoder import Encoder


class CPCEncoder(Encoder):
    """g_enc and g_ar of Haresamudram, Essa and Plötz 2021; the features are the context at the last step.

    (batch, n_channels, n_steps) -> (batch, hidden). Sizes, dropout and convolutions without bias are the authors'.

    Neither latent z_t nor context c_t knows a sample after t. The authors' convolutions are centred, and three of
    kernel 3 look three samples ahead: their context has seen a part of what it is to predict. Here all padding lies on
    the left, so that z_t sees the samples t - 6 .. t. It is zeros; theirs mirrors the window, which on the left would
    let the first latents see what follows them.

    Args:
        n_channels, n_steps: size of the windows.
        maps, kernel: output channels and taps of the convolutions.
        hidden, layers: width and number of the GRU's layers.
        dropout: share that is dropped.

    Raises:
        ValueError: fewer than eight steps.

    >>> import torch
    >>> network = CPCEncoder(n_channels=6, n_steps=30)
    >>> network.latents(torch.zeros(2, 6, 30)).shape, network(torch.zeros(2, 6, 30)).shape
    (torch.Size([2, 30, 128]), torch.Size([2, 256]))
    """

    def __init__(
        self,
        n_channels: int,
        n_steps: int,
        maps: Sequence[int] = (32, 64, 128),
        kernel: int = 3,
        hidden: int = 256,
        layers: int = 2,
        dropout: float = 0.2,
    ) -> None:
        super().__init__(n_channels, n_steps, hidden, n_out_steps=n_steps, width=hidden)
        self.latent_width = maps[-1]
        self.kernel = kernel
        self.convs = nn.ModuleList(nn.Conv1d(a, b, kernel, bias=False) for a, b in pairwise([n_channels, *maps]))
        self.dropout = Dropout(dropout)
        self.gru = nn.GRU(self.latent_width, hidden, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.steps(x)[:, -1]

    def steps(self, x: Tensor) -> Tensor:
        """Return the context of every step: (batch, n_channels, n_steps) -> (batch, n_steps, hidden)."""
        return self.contexts(self.latents(x))

    def latents(self, x: Tensor) -> Tensor:
        """Return z of every step: (batch, n_channels, n_steps) -> (batch, n_steps, maps[-1])."""
        for conv in self.convs:
            x = self.dropout(F.relu(conv(F.pad(x, (self.kernel - 1, 0)))))
        return x.transpose(1, 2)

    def contexts(self, z: Tensor) -> Tensor:
        """Return c of every step, c_t of z_0 .. z_t: (batch, n_steps, maps[-1]) -> (batch, n_steps, hidden)."""
        # where autocast narrows the convolutions but not the GRU, as on a CPU, their types would differ
        contexts: Tensor = self.gru(z.to(next(self.gru.parameters()).dtype))[0]
        return contexts
