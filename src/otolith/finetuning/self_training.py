"""Class-balanced self-training of a linear classifier on features.

Rounds of pseudo-labels (Lee 2013): a penalised logistic regression answers the unlabelled windows, those it is surest
of join its training with its answers as labels, and it is fitted anew, with more of them each round. The windows are
chosen class by class (Zou et al. 2018), so that an activity that is easy to tell does not crowd out the others. No
share of an activity is assumed: see `confident`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from otolith.finetuning.linear import fit_linear

ALONE = tuple(0.5 * number / 6 for number in range(1, 7))
"""Share of an activity's part that each round takes, see `confident`."""
MOST_ALONE = 0.5
"""Most of the windows that are answered so."""
TOGETHER = (0.275, 0.35, 0.425, 0.5)
"""Shares where two ways have to be sure; nothing else bounds these."""
MOST = 1500
"""Windows that join the training of one round."""
WORTH = 5.0
"""Labels of each activity that all pseudo-labels together count as much as: few labels lean on them, many do not."""


@dataclass(frozen=True)
class Pseudo:
    """Windows that take an answer as label.

    Attributes:
        rows: (m,) int64, places among the unlabelled windows.
        y: (m,) int64, their labels.
    """

    rows: Tensor
    y: Tensor

    def weights(self, n_classes: int) -> Tensor:
        """Return the weight of each, where that of a given label is 1: `WORTH` labels of each class in all."""
        return torch.full((len(self.y),), WORTH * n_classes / max(1, len(self.y)))


def confident(probabilities: Tensor, share: float, most: float, labels: float = 1.0) -> Pseudo:
    """Return the surest windows of each activity.

    Of each activity c, at most `most` of the windows that are answered so, and at most `share` of its part of all n
    windows. That lies between an equal one and the one that the answers give, the nearer to this the more labels they
    come from: n (1 / C + l · mean of p_c) / (1 + l) with l labels of each. So activities may be of unequal length, and
    with few labels none that is easy to tell, or swallows its neighbours, outnumbers them.

    Args:
        probabilities: (n, C), or anything in their proportion.
        share, most: 0 to 1.
        labels: labelled windows of an activity, on average, that the answers come from.

    >>> sure = torch.tensor([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.1, 0.9]])
    >>> found = confident(sure, 0.5, 0.5)
    >>> found.rows, found.y
    (tensor([0]), tensor([0]))
    """
    n, n_classes = probabilities.shape
    best, answer = probabilities.max(1)
    mean = probabilities.mean(0)
    parts = n * (1 / n_classes + labels * mean / mean.sum()) / (1 + labels)
    rows = []
    for number in range(n_classes):
        own = torch.nonzero(answer == number)[:, 0]
        taken = int(min(most * len(own), share * float(parts[number])))
        rows.append(own[best[own].argsort(descending=True, stable=True)[:taken]])
    chosen = torch.cat(rows)
    return Pseudo(chosen, answer[chosen])


def self_train(
    x: Tensor,
    y: Tensor,
    unlabelled: Tensor,
    n_classes: int,
    *,
    penalty: float = 1.0,
    spread: Tensor | None = None,
    seed: int = 0,
) -> Pseudo:
    """Return the windows without a label that the last round would learn from, and their labels.

    Args:
        x, y: features (m, d) and labels of the labelled windows; each class has one at least.
        unlabelled: (n, d).
        penalty: of the logistic regression, see `fit_linear`.
        spread: (n, C) shares of the classes that another way found (`NeighbourGraph.spread`); its and the classifier's
            probabilities p are joined to the geometric mean, sqrt(p · spread), so that a window is taken where both
            are sure.
        seed: of the choice where more than `MOST` windows are sure.

    >>> x = torch.tensor([[-1.0, 0.0], [1.0, 0.0]])
    >>> found = self_train(x, torch.arange(2), torch.tensor([[-2.0, 0.1], [-1.0, 0.0], [2.0, 0.0], [1.0, 0.2]]), 2)
    >>> found.rows, found.y
    (tensor([0, 2]), tensor([0, 1]))
    """
    layer = nn.Linear(x.shape[1], n_classes, dtype=x.dtype)
    generator = torch.Generator().manual_seed(seed)
    fit_linear(layer, x, y, penalty)
    found = Pseudo(torch.empty(0, dtype=torch.int64), torch.empty(0, dtype=torch.int64))
    shares, most = (ALONE, MOST_ALONE) if spread is None else (TOGETHER, 1.0)
    for number, share in enumerate(shares):
        if number:
            joined = torch.cat([x, unlabelled[found.rows]]), torch.cat([y, found.y])
            weight = torch.cat([torch.ones(len(y)), found.weights(n_classes)])
            fit_linear(layer, *joined, penalty, weight)
        with torch.no_grad():
            probabilities = layer(unlabelled).softmax(1)
        if spread is not None:
            probabilities = (probabilities * spread).sqrt()
        found = confident(probabilities, share, most, len(y) / n_classes)
        kept = torch.randperm(len(found.y), generator=generator)[:MOST]
        found = Pseudo(found.rows[kept], found.y[kept])
    return found
