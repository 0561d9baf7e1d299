"""The losses that treat negatives or temperature in their own way, from their papers' equations in plain floats.

`held` are the rows that whatever a paper takes as a constant is computed from: temperatures, weights. With it, finite
differences of these functions are the gradient that a paper means.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import torch
from torch import Tensor

from tests.helpers.paper_equations import Rows, s_c


def partner(z: Rows, i: int) -> int:
    return (i + len(z) // 2) % len(z)


def negatives_of(z: Rows, i: int) -> list[int]:
    return [k for k in range(len(z)) if k not in (i, partner(z, i))]


def probability_of_positive(z: Rows, i: int, tau: float) -> float:
    """e^(s/tau) of the positive over that of it and the negatives."""
    positive = math.exp(s_c(z[i], z[partner(z, i)]) / tau)
    return positive / (positive + math.fsum(math.exp(s_c(z[i], z[k]) / tau) for k in negatives_of(z, i)))


def macl_temperature(z: Rows, tau_0: float, alpha: float, a_0: float) -> float:
    alignment = math.fsum(s_c(z[i], z[partner(z, i)]) for i in range(len(z))) / len(z)
    return tau_0 * max(1 + alpha * (alignment - a_0), 0.01)


def paper_macl(z: Rows, tau_0: float, alpha: float, a_0: float, reweight: bool, held: Rows | None = None) -> float:
    held = z if held is None else held
    tau = macl_temperature(held, tau_0, alpha, a_0)
    losses = []
    for i in range(len(z)):
        weight = 1 / (1 - probability_of_positive(held, i, tau)) if reweight else 1.0
        losses.append(-weight * math.log(probability_of_positive(z, i, tau)))
    return math.fsum(losses) / len(z)


def dystress_temperature(similarity: float, smallest: float, largest: float) -> float:
    return smallest + 0.5 * (largest - smallest) * (1 + math.cos(math.pi * (1 + similarity)))


def paper_dystress(z: Rows, smallest: float, largest: float, held: Rows | None = None) -> float:
    held = z if held is None else held

    def exponential(i: int, k: int) -> float:
        return math.exp(s_c(z[i], z[k]) / dystress_temperature(s_c(held[i], held[k]), smallest, largest))

    losses = []
    for i in range(len(z)):
        positive = exponential(i, partner(z, i))
        losses.append(-math.log(positive / (positive + math.fsum(exponential(i, k) for k in negatives_of(z, i)))))
    return math.fsum(losses) / len(z)


def paper_hard(z: Rows, t: float, tau_plus: float, beta: float) -> float:
    """The debiased loss where beta is 0."""
    losses = []
    for i in range(len(z)):
        positive = math.exp(s_c(z[i], z[partner(z, i)]) / t)
        negatives = [math.exp(s_c(z[i], z[k]) / t) for k in negatives_of(z, i)]
        weights = [x**beta for x in negatives]
        mean_weight = math.fsum(weights) / len(weights)
        mean = math.fsum(w / mean_weight * x for w, x in zip(weights, negatives, strict=True)) / len(negatives)
        g = max((mean - tau_plus * positive) / (1 - tau_plus), math.exp(-1 / t))
        losses.append(-math.log(positive / (positive + len(negatives) * g)))
    return math.fsum(losses) / len(z)


def paper_clusters(z: Rows, tau: float, labels: list[int]) -> float:
    """NT-Xent whose negatives are the views of instances of other clusters."""
    n = len(z) // 2
    losses = []
    for i in range(2 * n):
        positive = math.exp(s_c(z[i], z[partner(z, i)]) / tau)
        negatives = [math.exp(s_c(z[i], z[k]) / tau) for k in range(2 * n) if labels[k % n] != labels[i % n]]
        losses.append(-math.log(positive / (positive + math.fsum(negatives))))
    return math.fsum(losses) / (2 * n)


def total(rows: Rows, width: int) -> list[float]:
    """The sum of the rows, each of length 1."""
    lengths = [math.sqrt(math.fsum(x * x for x in row)) or 1.0 for row in rows]
    return [math.fsum(row[d] / size for row, size in zip(rows, lengths, strict=True)) for d in range(width)]


def plain_clusters(rows: Rows, clusters: int, steps: int) -> list[int]:
    """Farthest-point start, then Lloyd's steps with cosines."""

    def least(scores: list[float]) -> int:
        return scores.index(min(scores))

    def labels_by(centres: Rows) -> list[int]:
        found = []
        for row in rows:
            scores = [s_c(row, centre) for centre in centres]
            found.append(scores.index(max(scores)))
        return found

    width = len(rows[0])
    middle = total(rows, width)
    centres = [rows[least([s_c(row, middle) for row in rows])]]
    while len(centres) < min(clusters, len(rows)):
        centres.append(rows[least([max(s_c(row, centre) for centre in centres) for row in rows])])
    for _ in range(steps):
        labels = labels_by(centres)
        members = [[row for row, label in zip(rows, labels, strict=True) if label == c] for c in range(len(centres))]
        centres = [total(group, width) for group in members]
    return labels_by(centres)


def slope(function: Callable[[Rows], float], z: Tensor, step: float = 1e-5) -> Tensor:
    """Gradient of a function of rows by central differences."""
    found = torch.zeros_like(z)
    for i, k in itertools.product(*map(range, z.shape)):
        moved = torch.zeros_like(z)
        moved[i, k] = step
        found[i, k] = (function((z + moved).tolist()) - function((z - moved).tolist())) / (2 * step)
    return found
