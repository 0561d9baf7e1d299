"""The paper's main encoder: convolutions, sinusoidal positions and self-attention blocks (Fig. 4)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from otolith import fast
from otolith.fast.attention import attention
from otolith.fast.feed_forward import feed_forward
from otolith.nets.conv import ConvBlocks
from otolith.nets.dropout import Dropout, dropout
from otolith.nets.encoder import Encoder


def sinusoidal_positions(n_steps: int, width: int) -> Tensor:
    """Return the positions of Vaswani et al. 2017, Section 3.5: (n_steps, width), sines and cosines in turn."""
    if torch.get_default_device().type == "meta":  # to compute there PyTorch would import its compiler
        return torch.empty(n_steps, width)
    position = torch.arange(n_steps, dtype=torch.float64)[:, None]
    rate = torch.exp(torch.arange(0, width, 2, dtype=torch.float64) * (-math.log(10_000.0) / width))
    table = torch.zeros(n_steps, width, dtype=torch.float64)
    table[:, 0::2] = torch.sin(position * rate)
    table[:, 1::2] = torch.cos(position * rate)[:, : width // 2]
    return table.float()


class AttentionBlock(nn.Module):
    """Post-norm transformer block: multi-head self-attention, then a ReLU feed-forward net, each with a residual.

    (batch, steps, width) -> (batch, steps, width).
    """

    def __init__(self, width: int, heads: int, feed_forward: int, dropout: float) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width {width} cannot be shared by {heads} heads: it must be a multiple of them")
        self.heads = heads
        self.dropout = dropout
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm_attention = nn.LayerNorm(width)
        self.up = nn.Linear(width, feed_forward)
        self.down = nn.Linear(feed_forward, width)
        self.norm_feed_forward = nn.LayerNorm(width)
        nn.init.xavier_uniform_(self.qkv.weight)
        nn.init.zeros_(self.qkv.bias)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm_attention(x + dropout(self.out(self._attend(self.qkv(x))), self.dropout, self.training))
        return self.norm_feed_forward(x + dropout(self._feed_forward(x), self.dropout, self.training))

    def _attend(self, qkv: Tensor) -> Tensor:
        """(batch, steps, 3 * width) -> (batch, steps, width)."""
        p = self.dropout if self.training else 0.0
        if _on_cpu(qkv):
            return attention(qkv, self.heads, p)
        batch, steps, width = qkv.shape
        q, k, v = qkv.view(batch, steps, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, dropout_p=p)  # (batch, heads, steps, width / heads)
        return mixed.transpose(1, 2).reshape(batch, steps, width // 3)

    def _feed_forward(self, x: Tensor) -> Tensor:
        """(batch, steps, width) -> (batch, steps, width)."""
        if _on_cpu(x):
            p = self.dropout if self.training else 0.0
            rows = feed_forward(x.flatten(0, 1), self.up.weight, self.up.bias, self.down.weight, self.down.bias, p)
            return rows.view_as(x)
        return self.down(dropout(F.relu(self.up(x)), self.dropout, self.training))


def _on_cpu(x: Tensor) -> bool:
    """Return True where the forms made for a CPU may be used."""
    return x.device.type == "cpu" and fast.is_on() and not torch.is_autocast_enabled("cpu")


class TransformerEncoder(Encoder):
    """Convolutional blocks, positions and attention blocks; the features are the flattened output (Section V-A1).

    (batch, n_channels, n_steps) -> (batch, n_steps * maps[-1]). Dropout also follows the position encoding and the
    last block. Every block is built anew, so that no two start with the same weights.

    Args:
        n_channels, n_steps: size of the windows.
        maps: output channels of each convolution; the last is the width of the attention blocks.
        kernel: taps of each convolution, odd.
        blocks, heads, feed_forward: number, heads and hidden width of the attention blocks.
        dropout: share that is dropped.

    Raises:
        ValueError: fewer than eight steps, or a width that the heads do not divide.

    >>> TransformerEncoder(n_channels=6, n_steps=30, blocks=1, feed_forward=64).n_features  # 30 steps of 128 maps
    3840
    """

    def __init__(
        self,
        n_channels: int,
        n_steps: int,
        maps: Sequence[int] = (32, 64, 128),
        kernel: int = 3,
        blocks: int = 8,
        heads: int = 8,
        feed_forward: int = 2048,
        dropout: float = 0.1,
    ) -> None:
        width = maps[-1]
        super().__init__(n_channels, n_steps, n_steps * width, n_out_steps=n_steps, width=width)
        self.flattened = (n_steps, width)
        self.conv = ConvBlocks(n_channels, maps, kernel)
        self.register_buffer("positions", sinusoidal_positions(n_steps, width), persistent=False)
        self.positions: Tensor
        self.blocks = nn.ModuleList(AttentionBlock(width, heads, feed_forward, dropout) for _ in range(blocks))
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        return self.steps(x).flatten(1)

    def steps(self, x: Tensor) -> Tensor:
        """Return the output of the last block: (batch, n_channels, n_steps) -> (batch, n_steps, maps[-1])."""
        x = self.dropout(self.conv(x) + self.positions)
        for block in self.blocks:
            x = block(x)
        return self.dropout(x)
