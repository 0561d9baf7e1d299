"""The feed-forward net of a transformer block on a CPU, in pieces that stay in the cache.

With 256 views of 30 steps its hidden layer is 63 MB. PyTorch writes it once for each of product, bias, ReLU and
dropout, keeps two copies and a mask for the backward pass, and takes each from fresh pages of memory. Here some rows at
a time go through all steps; only the hidden layer after dropout is kept, whose zeros tell the backward pass what ReLU
and dropout have cut off. Dropout's factor is multiplied into the second weight matrix, which is smaller.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from otolith.fast.masks import KeepMasks, dropped_share

_NUMBERS = 1 << 20
"""Hidden numbers in a piece: 4 MB of float32."""


def feed_forward(x: Tensor, up: Tensor, up_bias: Tensor, down: Tensor, down_bias: Tensor, p: float) -> Tensor:
    """down(dropout(relu(up(x)))).

    x (rows, width), up (hidden, width), up_bias (hidden,), down (width, hidden), down_bias (width,) -> (rows, width).
    """
    out: Tensor = _FeedForward.apply(x, up, up_bias, down, down_bias, p, torch.is_grad_enabled())
    return out


class _FeedForward(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, up: Tensor, up_bias: Tensor, down: Tensor, down_bias: Tensor, p: float, keep: bool
    ) -> Tensor:
        ctx.piece = max(1, _NUMBERS // len(up))
        ctx.scale = 1 / (1 - dropped_share(p))
        scaled = down * ctx.scale if p > 0 else down
        hidden = torch.empty(len(x) if keep else min(ctx.piece, len(x)), len(up), dtype=x.dtype)
        out = torch.empty(len(x), len(down), dtype=x.dtype)
        masks = KeepMasks(p) if p > 0 else None
        buffer = torch.empty(min(ctx.piece, len(x)), len(up), dtype=x.dtype) if p > 0 else None
        for first in range(0, len(x), ctx.piece):
            rows = slice(first, first + ctx.piece)
            place = hidden[rows] if keep else hidden[: len(x[rows])]
            piece = torch.addmm(up_bias, x[rows], up.T, out=place).relu_()
            if masks is not None and buffer is not None:
                masks.drop_(piece, buffer[: len(piece)])
            torch.addmm(down_bias, piece, scaled.T, out=out[rows])
        if keep:
            ctx.save_for_backward(x, hidden, up, scaled)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, hidden, up, scaled = ctx.saved_tensors
        grad = grad.contiguous()
        of_x, of_up = torch.empty_like(x), torch.zeros_like(up)
        of_up_bias = torch.zeros(len(up), dtype=x.dtype)
        buffer = torch.empty(min(ctx.piece, len(x)), len(up), dtype=x.dtype)
        for first in range(0, len(x), ctx.piece):
            rows = slice(first, first + ctx.piece)
            piece = torch.mm(grad[rows], scaled, out=buffer[: len(grad[rows])])
            torch.ops.aten.threshold_backward.grad_input(piece, hidden[rows], 0, grad_input=piece)
            of_up.addmm_(piece.T, x[rows])
            of_up_bias += piece.sum(0)
            torch.mm(piece, up, out=of_x[rows])
        of_down = (grad.T @ hidden).mul_(ctx.scale)
        return of_x, of_up, of_up_bias, of_down, grad.sum(0), None, None
