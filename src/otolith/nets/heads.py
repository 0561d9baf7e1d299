"""Small nets on top of an encoder: the heads of pre-training and the classifiers of fine-tuning."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from otolith.nets.dropout import Dropout


class ProjectionHead(nn.Sequential):
    """Linear-ReLU-Linear: (batch, n_features) -> (batch, out). Used in pre-training only, then thrown away.

    >>> ProjectionHead(n_features=128, hidden=64, out=32)[2].out_features
    32
    """

    def __init__(self, n_features: int, hidden: int, out: int) -> None:
        super().__init__(nn.Linear(n_features, hidden), nn.ReLU(), nn.Linear(hidden, out))


class NormalisedMLP(nn.Sequential):
    """Hidden layers of Linear, batch normalisation and ReLU, then Linear: (batch, n_features) -> (batch, out).

    Projector, predictor and expander of the methods without negatives (SimSiam, BYOL, VICReg). Hidden layers have no
    bias, since normalising takes it away again. A training batch needs two rows or more.

    Args:
        hidden: width of each hidden layer.
        normalise_out: batch normalisation after the last layer too, without a scale and an offset to learn.
        bias_out: give the last layer a bias; it never has one where it is normalised.
    """

    def __init__(
        self, n_features: int, hidden: Sequence[int], out: int, normalise_out: bool = False, bias_out: bool = True
    ) -> None:
        layers: list[nn.Module] = []
        for width in hidden:
            layers += [nn.Linear(n_features, width, bias=False), nn.BatchNorm1d(width), nn.ReLU()]
            n_features = width
        layers.append(nn.Linear(n_features, out, bias=bias_out and not normalise_out))
        if normalise_out:
            layers.append(nn.BatchNorm1d(out, affine=False))
        super().__init__(*layers)


class PredictionMLP(nn.Sequential):
    """Hidden layers with ReLU and dropout, then one logit for each activity (Section IV-B4).

    (batch, n_features) -> (batch, n_classes). No hidden layer makes it a linear probe.

    Args:
        n_features, n_classes: width of the features, and number of activities.
        hidden: width of each hidden layer.
        dropout: share of each hidden layer that is dropped.

    >>> [layer.out_features for layer in PredictionMLP(n_features=128, n_classes=6).linear_layers()]
    [256, 128, 6]
    """

    def __init__(
        self, n_features: int, n_classes: int, hidden: Sequence[int] = (256, 128), dropout: float = 0.2
    ) -> None:
        layers: list[nn.Module] = []
        for width in hidden:
            layers += [nn.Linear(n_features, width), nn.ReLU(), Dropout(dropout)]
            n_features = width
        super().__init__(*layers, nn.Linear(n_features, n_classes))
        self.dropout = dropout

    def linear_layers(self) -> list[nn.Linear]:
        """Return the layers that have weights, in order."""
        return [layer for layer in self if isinstance(layer, nn.Linear)]
