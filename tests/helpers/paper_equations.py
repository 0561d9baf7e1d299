"""Eqs 1-6, written down from the paper in plain Python floats, and the batches the losses are tried on."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

Rows = list[list[float]]
READINGS = ["instances", "views"]


def s_c(a: list[float], b: list[float]) -> float:
    norm_a, norm_b = math.sqrt(math.fsum(x * x for x in a)), math.sqrt(math.fsum(x * x for x in b))
    if norm_a < 1e-12 or norm_b < 1e-12:
        return 0.0
    return max(-1.0, min(1.0, math.fsum(x * y for x, y in zip(a, b, strict=True)) / (norm_a * norm_b)))


def s_a(a: list[float], b: list[float]) -> float:  # Eq 6
    return 1 - math.acos(s_c(a, b)) / math.pi


def minus_log_ratio(positive: float, negatives: list[float]) -> float:
    """-log(e^p / (e^p + sum e^q)), shifted so that no exponential overflows."""
    top = max(positive, *negatives)
    return top + math.log(math.fsum(math.exp(x - top) for x in [positive, *negatives])) - positive


def paper_nt_xent(z: Rows, tau: float, similarity: Callable[[list[float], list[float]], float]) -> float:  # Eq 1
    n = len(z) // 2
    losses = []
    for i in range(2 * n):
        j = (i + n) % (2 * n)
        negatives = [similarity(z[i], z[k]) / tau for k in range(2 * n) if k not in (i, j)]
        losses.append(minus_log_ratio(similarity(z[i], z[j]) / tau, negatives))
    return math.fsum(losses) / (2 * n)


def paper_tau_pos(z: Rows, tau: float, reading: str) -> float:  # Eq 3
    n = len(z) // 2
    total = 0.0
    for i in range(2 * n):
        for k in range(2 * n):
            if (i % n != k % n) if reading == "instances" else (i != k):
                total += s_a(z[i], z[k])
    return tau * math.sqrt(max(total / (4 * n * n - 2 * n), 1e-4))


def paper_tau_neg(h_i: list[float], h_k: list[float], tau: float) -> float:  # Eq 2
    return tau * math.sqrt(max(s_a(h_i, h_k), 1e-4))


def paper_ndt_xent(z: Rows, h: Rows, tau: float, reading: str) -> float:  # Eqs 4 and 5
    n = len(h)
    tau_pos = paper_tau_pos(z, tau, reading)
    losses = []
    for i in range(2 * n):
        j = (i + n) % (2 * n)
        negatives = [s_a(z[i], z[k]) / paper_tau_neg(h[i % n], h[k % n], tau) for k in range(2 * n) if k not in (i, j)]
        losses.append(minus_log_ratio(s_a(z[i], z[j]) / tau_pos, negatives))
    return math.fsum(losses) / (2 * n)


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def at_degrees(*degrees: float) -> Tensor:
    radians = torch.tensor(degrees, dtype=torch.float64) * (math.pi / 180)
    return torch.stack([radians.cos(), radians.sin()], dim=1)


def batches() -> dict[str, tuple[Tensor, Tensor]]:
    """Batches of 5 instances with alike, repeated, opposite, zero or oddly long rows in z and h."""
    z, h = randn(10, 4, seed=1), randn(5, 3, seed=2)
    cases = {"random": (z, h)}
    cases["all z identical"] = (z[:1].repeat(10, 1), h)
    cases["all h identical"] = (z, h[:1].repeat(5, 1))
    cases["all identical"] = (z[:1].repeat(10, 1), h[:1].repeat(5, 1))
    duplicated = z.clone(), h.clone()
    duplicated[0][3], duplicated[0][6], duplicated[0][7] = z[0], z[1], 3 * z[5]
    duplicated[1][4], duplicated[1][1] = h[2], 0.3 * h[0]
    cases["duplicated"] = duplicated
    opposite = z.clone(), h.clone()
    opposite[0][5], opposite[0][2], opposite[0][8] = -z[0], -z[1], -3 * z[4]
    opposite[1][3], opposite[1][1] = -h[0], -0.3 * h[2]
    cases["opposite"] = opposite
    near = z.clone(), h.clone()
    near[0][3], near[0][6] = z[0] + 1e-7 * z[1], -z[0] + 1e-7 * z[1]
    near[1][3], near[1][4] = h[0] + 1e-7 * h[1], -h[0] + 1e-7 * h[1]
    cases["nearly alike and opposite"] = near
    zero = z.clone(), h.clone()
    zero[0][2], zero[0][7], zero[1][1], zero[1][2] = 0, 0, 0, 0
    cases["zero rows"] = zero
    cases["lengths"] = (z * 10.0 ** torch.arange(-5, 5)[:, None], h * 10.0 ** torch.arange(-2, 3)[:, None])
    cases["two instances"] = (z[:4], h[:2])
    return cases


BATCHES = batches()
