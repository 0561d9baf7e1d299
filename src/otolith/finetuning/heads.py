"""Heads on features, what they learn from, and their answers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from otolith.finetuning.settings import FinetuneSettings
from otolith.nets import PredictionMLP
from otolith.training.state import seeded


@dataclass(frozen=True)
class Labelled:
    """Inputs of a classifier with their activities.

    Args:
        inputs: (n, ...), features or windows in z-score units.
        y: (n,) int64, numbers of activities.
    """

    inputs: Tensor
    y: Tensor


def build_head(n_features: int, n_classes: int, settings: FinetuneSettings, seed: int) -> PredictionMLP:
    """Return a new head from `n_features` features to `n_classes` logits, whose weights depend on `seed` alone.

    >>> build_head(96, 5, FinetuneSettings(hidden=(64,)), seed=0)(torch.zeros(2, 96)).shape
    torch.Size([2, 5])
    """
    with seeded(seed):
        hidden = settings.hidden if settings.head == "mlp" else ()
        return PredictionMLP(n_features, n_classes, hidden, settings.dropout)


@torch.no_grad()
def predict(network: nn.Module, inputs: Tensor, batch_size: int = 2048) -> Tensor:
    """Return logits (n, n_classes) of inputs (n, ...) in eval mode; the network's mode is put back afterwards."""
    was_training = network.training
    network.eval()
    logits = torch.cat([network(chunk) for chunk in inputs.split(batch_size)])
    network.train(was_training)
    return logits
