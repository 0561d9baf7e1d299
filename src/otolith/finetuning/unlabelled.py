"""Unlabelled training windows that take labels, and join those that a head learns from.

Everything here sees features of training windows, and the labels of those that have one; nothing knows recordings or
times. (In many data sets a recording is one activity from end to end. Whoever lets labels spread along a recording
there uses labels that nobody gave.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from otolith.finetuning.heads import Labelled
from otolith.finetuning.propagation import NeighbourGraph
from otolith.finetuning.self_training import WORTH, Pseudo, self_train
from otolith.finetuning.settings import FinetuneSettings

POOL = 6000
"""Unlabelled windows that may take labels, drawn from more."""
COMPONENTS = 256
"""Principal components of the features that labels are found by; the head learns from the features themselves."""
COMPONENTS_OF_GRAPH = 48
"""The first of these, by which windows are neighbours."""
FAR = 8.0
"""Deviations from the mean at which features are cut off here."""
RESAMPLED = 1024
"""Windows that weights become where a head trains in steps, see `resampled`."""


class Pool:
    """Unlabelled training windows, prepared once for any number of labelled draws.

    Time and memory are bounded by `POOL`, whatever the number of windows.

    Args:
        parts: features (n, d) of unlabelled training windows, as the layers of a head see them; n in all at least 2.
        seed: of the choice among more than `POOL` windows.

    Attributes:
        rows: (m,) int64, places of the pool's windows among the n that were given, m at most `POOL`.
        features: (m, d) of these.

    >>> features = torch.tensor([[-1.0, 0.1], [-1.2, 0.0], [1.0, 0.0], [1.1, 0.3], [-0.9, 0.2], [0.9, 0.1]])
    >>> settings = FinetuneSettings(head="linear", solver="lbfgs", unlabelled="self-training")
    >>> draw = Labelled(torch.tensor([[-1.0, 0.0], [1.0, 0.0]]), torch.arange(2))
    >>> Pool([features], seed=0).join(draw, settings, seed=0).y
    tensor([0, 1, 1, 0])
    """

    def __init__(self, parts: Sequence[Tensor], seed: int) -> None:
        from sklearn.decomposition import PCA

        n = sum(len(part) for part in parts)
        if n < 2:
            raise ValueError(f"expected at least two unlabelled windows; got {n}")
        chosen = np.sort(np.random.RandomState(seed).permutation(n)[:POOL])
        ends = np.cumsum([len(part) for part in parts])
        split = np.split(chosen, np.searchsorted(chosen, ends[:-1]))
        taken = [
            part[torch.from_numpy(rows - end + len(part))] for part, rows, end in zip(parts, split, ends, strict=True)
        ]
        self.rows = torch.from_numpy(chosen)
        self.features = torch.cat([each.cpu() for each in taken])
        self.mean = self.features.mean(0)
        self.std = self.features.std(0)
        self.std[self.std < 1e-5 * self.mean.abs() + 1e-12] = 1
        scaled = self._scaled(self.features).numpy()
        n_components = min(COMPONENTS, *scaled.shape)
        self.axes = torch.from_numpy(PCA(n_components, random_state=seed).fit(scaled).components_.T.copy())
        self.x = torch.from_numpy(scaled) @ self.axes

    @cached_property
    def graph(self) -> NeighbourGraph:
        """Return the graph of the pool's windows, built when it is first asked for."""
        return NeighbourGraph(self.x[:, :COMPONENTS_OF_GRAPH].numpy())

    def _scaled(self, features: Tensor) -> Tensor:
        return ((features - self.mean) / self.std).clamp_(-FAR, FAR)

    def answers(self, train: Labelled, settings: FinetuneSettings, seed: int) -> Pseudo:
        """Return the windows of the pool that take a label, by the way that `settings.unlabelled` names.

        Only activities that have a label can be taken.
        """
        classes, y = train.y.cpu().unique(return_inverse=True)
        x = self._scaled(train.inputs.cpu()) @ self.axes
        spread = None
        if settings.unlabelled == "propagation":
            at = x[:, :COMPONENTS_OF_GRAPH].numpy()
            spread = torch.from_numpy(self.graph.spread(at, y.numpy(), len(classes))).to(x)
        found = self_train(x, y, self.x, len(classes), penalty=settings.penalty, spread=spread, seed=seed)
        return Pseudo(found.rows, classes[found.y])

    def join(self, train: Labelled, settings: FinetuneSettings, seed: int) -> Labelled:
        """Return the labelled windows, followed by those of the pool that take a label.

        The solver `lbfgs` weighs them (`Pseudo.weights`); for heads that train in steps they are drawn anew by their
        weights (`resampled`).

        Args:
            train: features (m, d) as those of the pool, with labels of two activities at least.
            settings: their `unlabelled` is not "none".
            seed: of the order in which windows are taken.
        """
        found = self.answers(train, settings, seed)
        device = train.inputs.device
        n_classes = len(train.y.unique())
        joined = Labelled(
            torch.cat([train.inputs, self.features[found.rows].to(train.inputs)]),
            torch.cat([train.y, found.y.to(device)]),
            torch.cat([torch.ones(len(train.y)), found.weights(n_classes)]).to(device),
        )
        return (
            joined
            if settings.solver == "lbfgs"
            else resampled(joined, max(RESAMPLED, math.ceil(len(train.y) + WORTH * n_classes)))
        )


def resampled(train: Labelled, n: int) -> Labelled:
    """Return `n` windows, each as often as its weight says, but for less than one (systematic resampling).

    >>> given = Labelled(torch.tensor([[1.0], [2.0]]), torch.arange(2), torch.tensor([3.0, 1.0]))
    >>> resampled(given, 4).inputs.flatten()
    tensor([1., 1., 1., 2.])
    """
    assert train.weight is not None
    ends = train.weight.double().cumsum(0)
    at = (torch.arange(n, device=ends.device) + 0.5) * (ends[-1] / n)
    rows = torch.searchsorted(ends, at).clamp_(max=len(ends) - 1)
    return Labelled(train.inputs[rows], train.y[rows])
