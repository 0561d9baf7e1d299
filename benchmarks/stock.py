"""The stock PyTorch way of the same work, written plainly: what ours is measured against.

Nothing here is used by the library. The modules hold the same parameters under PyTorch's own names, so that both sides
can be given the same weights and their losses compared in the run.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from otolith.methods.base import EncoderSettings
from otolith.nets import TransformerEncoder
from otolith.nets.transformer import sinusoidal_positions


class StockEncoder(nn.Module):
    """`nn.Conv1d` and `nn.BatchNorm1d` blocks before a batch-first `nn.TransformerEncoder`."""

    def __init__(self, n_channels: int, n_steps: int, settings: EncoderSettings) -> None:
        super().__init__()
        widths = [n_channels, *settings.maps]
        self.conv = nn.Sequential(
            *(
                nn.Sequential(
                    nn.Conv1d(a, b, settings.kernel, padding=settings.kernel // 2), nn.BatchNorm1d(b), nn.ReLU()
                )
                for a, b in pairwise(widths)
            )
        )
        self.register_buffer("positions", sinusoidal_positions(n_steps, widths[-1]))
        self.positions: Tensor
        self.dropout = nn.Dropout(settings.dropout)
        layer = nn.TransformerEncoderLayer(
            widths[-1], settings.heads, settings.feed_forward, settings.dropout, batch_first=True
        )
        self.blocks = nn.TransformerEncoder(layer, settings.blocks, enable_nested_tensor=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.dropout(self.conv(x).transpose(1, 2) + self.positions)
        return self.dropout(self.blocks(x)).flatten(1)

    @torch.no_grad()
    def take(self, ours: TransformerEncoder) -> None:
        """The weights of our encoder."""
        layers = list(ours.conv.layers)
        for block, conv, norm in zip(self.conv, layers[0::3], layers[1::3], strict=True):
            assert isinstance(block, nn.Sequential)
            block[0].load_state_dict(conv.state_dict())
            block[1].load_state_dict(norm.state_dict())
        for layer, block in zip(self.blocks.layers, ours.blocks, strict=True):
            own = block.state_dict()
            names = {
                "self_attn.in_proj_": "qkv.",
                "self_attn.out_proj.": "out.",
                "linear1.": "up.",
                "linear2.": "down.",
                "norm1.": "norm_attention.",
                "norm2.": "norm_feed_forward.",
            }
            layer.load_state_dict(
                {stock + end: own[name + end] for stock, name in names.items() for end in ("weight", "bias")}
            )


def nt_xent(z: Tensor, temperature: float = 0.1) -> Tensor:
    """Eq 1 with the cosine, as most repositories write it."""
    n = len(z) // 2
    z = F.normalize(z)
    logits = (z @ z.T / temperature).masked_fill(torch.eye(2 * n, dtype=torch.bool, device=z.device), -math.inf)
    target = torch.arange(2 * n, device=z.device).roll(n)
    return F.cross_entropy(logits, target)


def ndt_xent(z: Tensor, h: Tensor, temperature: float = 0.1) -> Tensor:
    """Eqs 2-5 with full matrices, the arccos clamped away from its poles."""
    n = len(z) // 2

    def angular(x: Tensor) -> Tensor:
        x = F.normalize(x)
        return 1 - torch.acos((x @ x.T).clamp(-1 + 1e-6, 1 - 1e-6)) / math.pi

    s = angular(z)
    alike = angular(h).repeat(2, 2)
    own = torch.eye(n, dtype=torch.bool, device=z.device).repeat(2, 2)
    tau_positive = temperature * (s.masked_fill(own, 0).sum() / (4 * n * n - 2 * n)).sqrt()
    logits = (s / (temperature * alike.sqrt())).masked_fill(own, -math.inf)
    positive = torch.cat([s.diagonal(n), s.diagonal(-n)]) / tau_positive
    return (torch.logaddexp(logits.logsumexp(1), positive) - positive).mean()
