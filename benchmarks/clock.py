"""Seconds and FLOP/s."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import torch

from benchmarks.tasks import turn


def times(work: Callable[[], object], repeat: int, warm_up: int = 2, device: torch.device | None = None) -> float:
    """Median seconds of `work`; a GPU is waited for."""
    taken = []
    for number in range(warm_up + repeat):
        turn()
        began = time.perf_counter()
        work()
        if device is not None and device.type == "cuda":
            torch.cuda.synchronize(device)
        if number >= warm_up:
            taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def matrix_rate(size: int = 4096, repeat: int = 5, device: str = "cpu", precision: str = "float32") -> dict[str, float]:
    """FLOP/s of a large matrix product: the most that this machine gives. `precision`: float32, tf32 or bfloat16."""
    where = torch.device(device)
    kind = torch.bfloat16 if precision == "bfloat16" else torch.float32
    allowed = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    try:
        a, b = (torch.randn(size, size, device=where).to(kind) for _ in range(2))
        out = torch.empty_like(a)
        return {"rate": 2 * size**3 / times(lambda: torch.mm(a, b, out=out), repeat, 2, where)}
    finally:
        torch.backends.cuda.matmul.allow_tf32 = allowed


def start(repeat: int = 5) -> dict[str, float]:
    """Seconds of `otolith --help` in a process of its own."""
    command = [sys.executable, "-m", "otolith", "--help"]
    return {"seconds": times(lambda: subprocess.run(command, capture_output=True, check=True), repeat, 1)}
