"""Small nets on top of an encoder: the projection head of pre-training and the classifiers of fine-tuning."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from otolith.nets.dropout import Dropout


class ProjectionHead(nn.Sequential):
    """Linear-ReLU-Linear: (batch, n_features) -> (batch, out). Used in pre-training only, then thrown away."""

    def __init__(self, n_features: int, hidden: int, out: int) -> None:
        super().__init__(nn.Linear(n_features, hidden), nn.ReLU(), nn.Linear(hidden, out))


class PredictionMLP(nn.Sequential):
    """Hidden layers with ReLU and dropout, then one logit for each activity (Section IV-B4).

    (batch, n_features) -> (batch, n_classes). No hidden layer makes it a linear probe.
    """

    def __init__(
        self, n_features: int, n_classes: int, hidden: Sequence[int] = (256, 128), dropout: float = 0.2
    ) -> None:
        layers: list[nn.Module] = []
        for width in hidden:
            layers += [nn.Linear(n_features, width), nn.ReLU(), Dropout(dropout)]
            n_features = width
        super().__init__(*layers, nn.Linear(n_features, n_classes))
