"""Dropout whose random numbers cost a tenth of PyTorch's on a CPU.

There `F.dropout` draws one number of a serial generator for each element, 11 ns each, which is a third of the time of
a training step with dropout. Here a seed drawn from PyTorch's generator (so that one seed still decides everything)
starts SFC64, a small fast generator of NumPy's, and each of its 64-bit numbers decides four elements: an element is
dropped with a probability rounded to a multiple of 1/65,536, and the others are scaled by that rounded probability.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

_LEVELS = 1 << 16


def dropped_share(p: float) -> float:
    """Return the probability with which elements are really dropped: `p` rounded to a multiple of 1/65,536."""
    return round(p * _LEVELS) / _LEVELS


class KeepMasks:
    """A stream of masks: 1 with probability 1 - dropped_share(p), else 0. `seed` None: from PyTorch's generator."""

    def __init__(self, p: float, seed: int | None = None) -> None:
        self._bits = np.random.SFC64(int(torch.randint(2**63 - 1, ())) if seed is None else seed)
        self._least = round(p * _LEVELS) - _LEVELS // 2

    def fill(self, mask: Tensor) -> Tensor:
        """Write 0 and 1 over a contiguous floating-point tensor."""
        return torch.ge(self._words(mask), self._least, out=mask)

    def drop_(self, x: Tensor, buffer: Tensor) -> Tensor:
        """Zero, in place, where `fill` would write 0; `buffer` is of the shape of `x` and is written over.

        A threshold's backward pass keeps numbers by comparing others: one pass, where making and using a mask are two.
        """
        buffer.copy_(self._words(x))
        dropped: Tensor = torch.ops.aten.threshold_backward.grad_input(x, buffer, self._least - 0.5, grad_input=x)
        return dropped

    def state(self) -> Tensor:
        """Return the place of the stream, (4,) int64, for a checkpoint."""
        return torch.from_numpy(self._bits.state["state"]["state"].view(np.int64).copy())

    def load_state(self, state: Tensor) -> None:
        """Continue from the place of another stream.

        Raises:
            ValueError: `state` is not what `state()` gives.
        """
        if state.shape != (4,) or state.dtype != torch.int64:
            raise ValueError(f"a stream's state is (4,) int64; got {tuple(state.shape)} {state.dtype}")
        words = state.cpu().numpy().view(np.uint64)
        self._bits.state = {"bit_generator": "SFC64", "state": {"state": words}, "has_uint32": 0, "uinteger": 0}

    def _words(self, like: Tensor) -> Tensor:
        raw = self._bits.random_raw((like.numel() + 3) // 4)
        return torch.from_numpy(raw.view(np.int16)[: like.numel()]).view(like.shape)


def dropout(x: Tensor, p: float) -> Tensor:
    """`F.dropout(x, p)` on a CPU, for 0 < p < 1."""
    dropped: Tensor = _Dropout.apply(x, p)
    return dropped


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, p: float) -> Tensor:
        mask = KeepMasks(p).fill(torch.empty(x.shape, dtype=x.dtype)).mul_(1 / (1 - dropped_share(p)))
        ctx.save_for_backward(mask)
        return x * mask

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (mask,) = ctx.saved_tensors
        return grad * mask, None
