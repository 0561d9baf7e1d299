"""Heads on features, what they learn from, and their answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from otolith.errors import TrainingError
from otolith.finetuning.settings import FinetuneSettings, HeadSettings, TreeSettings
from otolith.nets import PredictionMLP, StandardisedHead, TreeEnsemble
from otolith.nets.heads import PoolOverTime
from otolith.nets.trees import MOST_FEATURES
from otolith.training.state import seeded


@dataclass(frozen=True)
class Labelled:
    """Inputs of a classifier with their activities.

    Args:
        inputs: (n, ...), features or windows in z-score units.
        y: (n,) int64, numbers of activities.
        weight: (n,) of each in the loss of the solver `lbfgs`; None: all 1.
    """

    inputs: Tensor
    y: Tensor
    weight: Tensor | None = None


def build_layers(n_seen: int, n_classes: int, settings: FinetuneSettings, seed: int) -> PredictionMLP:
    """Return the trained layers of a head, on features as they see them; their weights depend on `seed` alone.

    >>> build_layers(96, 5, FinetuneSettings(head="linear"), seed=0)(torch.zeros(2, 96)).shape
    torch.Size([2, 5])
    """
    with seeded(seed):
        hidden = settings.hidden if settings.head == "mlp" else ()
        return PredictionMLP(n_seen, n_classes, hidden, settings.dropout)


def unfitted(n_features: int, n_classes: int, settings: TreeSettings) -> PredictionMLP | TreeEnsemble:
    """Return what `otolith.finetuning.trees.fit` fills: an ensemble without trees, or a linear layer.

    Raises:
        TrainingError: more features than trees take.

    >>> unfitted(4, 3, TreeSettings(model="boosting")).n_trees
    0
    """
    if settings.model == "logistic":
        return PredictionMLP(n_features, n_classes, hidden=())
    if n_features > MOST_FEATURES:
        raise TrainingError(
            f"trees take up to {MOST_FEATURES:,} features of a window; got {n_features:,}. Cut shorter windows, take "
            "an encoder that pools over time (encoder.kind=conv), or the head 'linear' with pool."
        )
    return TreeEnsemble(n_features, n_classes, settings.kind)


def build_head(
    n_features: int,
    n_classes: int,
    settings: HeadSettings,
    seed: int,
    flattened: tuple[int, ...] | None = None,
) -> nn.Module:
    """Return a new head from `n_features` features to `n_classes` logits, whose weights depend on `seed` alone.

    One that is fitted at once holds nothing yet.

    Args:
        flattened: of the encoder; None: its features are no steps, and `settings.pool` leaves them as they are.

    >>> build_head(96, 5, FinetuneSettings(hidden=(64,)), seed=0)(torch.zeros(2, 96)).shape
    torch.Size([2, 5])
    """
    if isinstance(settings, TreeSettings):
        return StandardisedHead(unfitted(n_features, n_classes, settings), n_features)
    pool = PoolOverTime(*flattened) if settings.pool and flattened is not None else None
    n_seen = n_features if pool is None else pool.n_pooled(n_features)
    layers = build_layers(n_seen, n_classes, settings, seed)
    if pool is None and not settings.standardise:
        return layers
    return StandardisedHead(layers, n_seen, pool)


@torch.no_grad()
def standardise(
    head: nn.Module, settings: HeadSettings | None, train: Sequence[Tensor], also: Sequence[Tensor] = ()
) -> None:
    """Turn pooled features (n, n_seen) in place into those that the layers of a head see.

    Args:
        head: of `build_head`; where it does not standardise, nothing changes.
        settings: where they ask for it, the head first takes means and deviations from `train`; None: it has them.
        train: features of all training windows, with and without labels.
        also: further ones.

    >>> settings = FinetuneSettings(standardise=True)
    >>> x = torch.tensor([[1.0, 2.0], [3.0, 2.0]])
    >>> standardise(build_head(2, 3, settings, 0), settings, [x])
    >>> x
    tensor([[-1.,  0.],
            [ 1.,  0.]])
    """
    if not isinstance(head, StandardisedHead):
        return
    if settings is not None and settings.standardise:
        head.measure(train)
    for part in (*train, *also):
        head.standardise_(part)


def class_weights(y: Tensor, n_classes: int) -> Tensor:
    """Return n / (number of classes present · count) for each class, (n_classes,); 0 for one without windows.

    >>> class_weights(torch.tensor([0, 0, 0, 2]), 3)
    tensor([0.6667, 0.0000, 2.0000])
    """
    counts = torch.bincount(y, minlength=n_classes).float()
    present = counts > 0
    weights = torch.zeros_like(counts)
    weights[present] = len(y) / (present.sum() * counts[present])
    return weights


def refuse_too_few(train: Labelled, val: Labelled, stage: str) -> None:
    """Raise TrainingError where training windows hold fewer than two activities, or nothing validates."""
    n_seen = len(torch.unique(train.y))
    if n_seen < 2:
        raise TrainingError(
            f"{stage}: the {len(train.y)} labelled training windows hold {n_seen} activity; at least 2 are needed. "
            "Add labels of another activity, or choose a split that leaves them in the training part."
        )
    if not len(val.y):
        raise TrainingError(
            f"{stage}: there are no labelled validation windows to choose the epoch by. "
            "Label some windows of a validation subject, or choose another split."
        )


@torch.no_grad()
def predict(network: nn.Module, inputs: Tensor, batch_size: int = 2048) -> Tensor:
    """Return logits (n, n_classes) of inputs (n, ...) in eval mode; the network's mode is put back afterwards."""
    was_training = network.training
    network.eval()
    logits = torch.cat([network(chunk) for chunk in inputs.split(batch_size)])
    network.train(was_training)
    return logits
