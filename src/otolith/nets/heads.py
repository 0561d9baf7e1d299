"""Small nets on top of an encoder: the heads of pre-training and the classifiers of fine-tuning."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from otolith.nets.dropout import Dropout
from otolith.nets.standards import mean_and_deviation


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


class PoolOverTime(nn.Module):
    """Mean, deviation and maximum over time of each map: (batch, n_steps * width) -> (batch, 3 * width).

    Args:
        n_steps, width: of `Encoder.flattened`; where several such blocks stand side by side, each is pooled by itself.
        n_beside: number of features that follow the steps, such as hand-made ones, and stay as they are.

    >>> PoolOverTime(n_steps=2, width=2)(torch.tensor([[1.0, 5.0, 3.0, 6.0]]))
    tensor([[2.0000, 5.5000, 1.0000, 0.5000, 3.0000, 6.0000]])
    """

    def __init__(self, n_steps: int, width: int, n_beside: int = 0) -> None:
        super().__init__()
        self.n_steps, self.width, self.n_beside = n_steps, width, n_beside

    def n_pooled(self, n_features: int) -> int:
        """Return how many values are left of so many features."""
        return 3 * (n_features - self.n_beside) // self.n_steps + self.n_beside

    def forward(self, features: Tensor) -> Tensor:
        end = features.shape[1] - self.n_beside
        steps = features[:, :end].unflatten(1, (-1, self.n_steps, self.width))
        mean = steps.mean(2)
        deviation = (steps - mean[:, :, None]).square().mean(2).clamp_min(1e-12).sqrt()  # a root of 0 has no gradient
        over_time = torch.cat([mean, deviation, steps.amax(2)], 2).flatten(1)
        return over_time if not self.n_beside else torch.cat([over_time, features[:, end:]], 1)


class StandardisedHead(nn.Module):
    """Features, pooled over time or as they are, each with mean 0 and deviation 1, then a `PredictionMLP` or trees.

    (batch, n_features) -> (batch, n_classes). Features of an encoder have a common mean that is many times their
    deviations, which a short training at a low rate cannot undo.

    Args:
        layers: the MLP or the trees, on features as `pool` leaves them.
        n_seen: their number.
        pool: (batch, n_features) -> (batch, n_seen); None: they stay as they are.

    >>> head = StandardisedHead(PredictionMLP(4, 3, hidden=()), n_seen=4)
    >>> x = torch.tensor([[1.0, 2.0, 0.0, 7.0], [3.0, 2.0, 1.0, 9.0]])
    >>> head.measure([x])
    >>> head.standardise_(x)
    tensor([[-1.,  0., -1., -1.],
            [ 1.,  0.,  1.,  1.]])
    """

    def __init__(self, layers: nn.Module, n_seen: int, pool: nn.Module | None = None) -> None:
        super().__init__()
        self.layers = layers
        self.pool = nn.Identity() if pool is None else pool
        self.register_buffer("mean", torch.zeros(n_seen))
        self.register_buffer("std", torch.ones(n_seen))
        self.mean: Tensor
        self.std: Tensor

    def forward(self, features: Tensor) -> Tensor:
        return self.layers(self.prepared(features))

    def prepared(self, features: Tensor) -> Tensor:
        """Return the features (batch, n_seen) as the layers see them."""
        return (self.pool(features) - self.mean) / self.std

    @torch.no_grad()
    def measure(self, parts: Sequence[Tensor]) -> None:
        """Take mean and deviation from pooled features, all rows of (n, n_seen) parts.

        A feature that does not vary keeps a deviation of 1.
        """
        mean, std = mean_and_deviation(parts)
        self.mean.copy_(mean)
        self.std.copy_(std)

    @torch.no_grad()
    def standardise_(self, pooled: Tensor) -> Tensor:
        """Change pooled features (n, n_seen) in place into what the layers see, and return them."""
        return pooled.sub_(self.mean).div_(self.std)


def seen_by(head: nn.Module, features: Tensor) -> Tensor:
    """Return features (batch, ...) as the trained layers of a head see them: pooled and standardised where it does so.

    >>> seen_by(PredictionMLP(2, 3), torch.ones(1, 2))
    tensor([[1., 1.]])
    """
    return head.prepared(features) if isinstance(head, StandardisedHead) else features


def layers_of(head: nn.Module) -> nn.Module:
    """Return the part of a head that takes features as `seen_by` gives them.

    >>> layers = PredictionMLP(2, 3)
    >>> layers_of(StandardisedHead(layers, n_seen=2)) is layers, layers_of(layers) is layers
    (True, True)
    """
    return head.layers if isinstance(head, StandardisedHead) else head


def pooled(encoder: nn.Module, head: nn.Module) -> nn.Module:
    """Return the network from windows to features as a head pools them: less to keep than all steps."""
    if not isinstance(head, StandardisedHead):
        return encoder
    return nn.Sequential(encoder, head.pool).train(encoder.training)


def n_seen_by(head: nn.Module, n_features: int) -> int:
    """Return how many features the layers of a head see of the encoder's `n_features`."""
    return len(head.mean) if isinstance(head, StandardisedHead) else n_features
