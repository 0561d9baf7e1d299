"""Convolutional front of the transformer encoder (Fig. 4), and convolutions in layouts that a CPU prefers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from otolith import fast


class ConvBlocks(nn.Module):
    """Blocks of convolution, batch normalisation and ReLU that keep the number of time steps (Section IV-B3).

    (batch, n_channels, time) -> (batch, time, maps[-1]). Stride 1, padding kernel // 2, no pooling.
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
        if x.device.type != "cpu" or not fast.is_on():
            return self.layers(x).transpose(1, 2)
        x = x.transpose(1, 2)
        layers = list(self.layers)
        for conv, norm in zip(layers[0::3], layers[1::3], strict=True):
            x = F.relu(norm(as_product(x, conv).flatten(0, 1)), inplace=True).view(*x.shape[:2], -1)
        return x


def as_product(x: Tensor, conv: nn.Module) -> Tensor:
    """A convolution that keeps the number of steps, as one matrix product over shifted copies of the input.

    (batch, time, channels) -> (batch, time, maps). On a CPU the backward pass of a narrow `nn.Conv1d` takes several
    times as long as the products that it consists of.
    """
    assert isinstance(conv, nn.Conv1d)
    (kernel,) = conv.kernel_size
    padded = F.pad(x, (0, 0, kernel // 2, kernel // 2))
    shifted = torch.cat([padded[:, i : i + x.shape[1]] for i in range(kernel)], dim=2)
    return F.linear(shifted, conv.weight.transpose(1, 2).flatten(1), conv.bias)


def along_time(x: Tensor, conv: nn.Module) -> Tensor:
    """A convolution that keeps the number of steps, of windows whose channels lie together in memory.

    (batch, time, channels) -> (batch, time, maps). oneDNN takes two thirds of its usual time in this layout, which
    PyTorch offers for images only: here one of a single row.
    """
    assert isinstance(conv, nn.Conv1d)
    (kernel,) = conv.kernel_size
    weight = conv.weight.unsqueeze(2).contiguous(memory_format=torch.channels_last)
    return as_rows(F.conv2d(as_image(x), weight, conv.bias, padding=(0, kernel // 2)))


def as_image(x: Tensor) -> Tensor:
    """View (batch, time, channels) as images of one row, (batch, channels, 1, time)."""
    return x.transpose(1, 2).unsqueeze(2)


def as_rows(x: Tensor) -> Tensor:
    """View (batch, channels, 1, time) as (batch, time, channels), contiguous."""
    return x.squeeze(2).transpose(1, 2).contiguous()
