"""Self-attention over short windows on a CPU, as batches of small matrix products.

PyTorch's fused CPU attention is made for long sequences: with 30 steps of 16 channels it takes 6 ms where four batched
products and a softmax take 2, and with dropout PyTorch falls back to a form that is slower still. Here heads and
windows become one batch dimension, and the backward pass is written out so that nothing is computed twice.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from otolith.fast.masks import KeepMasks, dropped_share


def attention(qkv: Tensor, heads: int, p: float) -> Tensor:
    """Scaled dot-product attention with dropout `p` of the attention weights.

    (batch, steps, 3 * width), queries, keys and values side by side, each head's channels together, -> (batch, steps,
    width).
    """
    mixed: Tensor = _Attention.apply(qkv, heads, p)
    return mixed


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, qkv: Tensor, heads: int, p: float) -> Tensor:
        batch, steps, _ = qkv.shape
        width = qkv.shape[2] // 3
        ctx.sizes = batch, steps, heads, width // heads
        ctx.scale = 1 / math.sqrt(width // heads)
        apart = qkv.view(batch, steps, 3, heads, -1).permute(2, 0, 3, 1, 4).contiguous()
        q, k, v = apart.view(3, batch * heads, steps, -1).unbind()
        scores = torch.baddbmm(q.new_empty(()), q, k.transpose(1, 2), beta=0, alpha=ctx.scale)
        weights = kept = torch.softmax(scores, -1)
        mask = None
        if p > 0:
            mask = KeepMasks(p).fill(scores).mul_(1 / (1 - dropped_share(p)))
            kept = weights * mask
        ctx.save_for_backward(q, k, v, weights, kept, mask)
        mixed = torch.bmm(kept, v).view(batch, heads, steps, -1)
        return mixed.transpose(1, 2).reshape(batch, steps, width)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        q, k, v, weights, kept, mask = ctx.saved_tensors
        batch, steps, heads, each = ctx.sizes
        grad = grad.view(batch, steps, heads, each).transpose(1, 2).reshape(batch * heads, steps, each)
        apart = torch.empty(3, batch * heads, steps, each, dtype=grad.dtype)
        torch.bmm(kept.transpose(1, 2), grad, out=apart[2])
        of_weights = torch.bmm(grad, v.transpose(1, 2))
        if mask is not None:
            of_weights.mul_(mask)
        of_scores = torch._softmax_backward_data(of_weights, weights, -1, weights.dtype).mul_(ctx.scale)
        torch.bmm(of_scores, k, out=apart[0])
        torch.bmm(of_scores.transpose(1, 2), q, out=apart[1])
        together = apart.view(3, batch, heads, steps, each).permute(1, 3, 0, 2, 4)
        return together.reshape(batch, steps, 3 * heads * each), None, None
