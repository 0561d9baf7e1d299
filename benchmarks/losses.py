"""The losses alone: time and memory of forward and backward."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks import stock
from benchmarks.clock import times
from benchmarks.memory import peak_bytes
from otolith.fast.memory import keep_pages
from otolith.losses import ndt_xent, nt_xent


def loss(kind: str, views: int, repeat: int = 30, width: int = 256) -> dict[str, float]:
    """Seconds of forward and backward, the value, and the peak of memory beyond the embeddings.

    `kind`: ours or stock (NDT-Xent); ours-nt, stock-nt or metric-learning (NT-Xent).
    """
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(views, width, generator=generator).requires_grad_()
    h = torch.randn(views // 2, width, generator=generator)
    keep_pages()  # for all, so that only the forms differ
    of: dict[str, Callable[[], Tensor]] = {
        "ours": lambda: ndt_xent(z, h),
        "stock": lambda: stock.ndt_xent(z, h),
        "ours-nt": lambda: nt_xent(z),
        "stock-nt": lambda: stock.nt_xent(z),
    }
    if kind == "metric-learning":
        from pytorch_metric_learning.losses import NTXentLoss

        peer, labels = NTXentLoss(0.1), torch.arange(views // 2).repeat(2)
        of[kind] = lambda: peer(z, labels)

    def work() -> float:
        z.grad = None
        value = of[kind]()
        value.backward()
        return float(value.detach())

    before = peak_bytes()
    value = work()
    grown = peak_bytes() - before
    return {"seconds": times(work, repeat, min(repeat, 3) - 1), "loss": value, "bytes": float(grown)}
