"""Hand-made features where windows come in z-score units: by themselves, as a teacher, and beside learned features."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from otolith.nets.encoder import Encoder
from otolith.nets.handmade import HandmadeFeatures
from otolith.nets.standards import mean_and_deviation


class Unscaled(Encoder):
    """Hand-made features of windows in z-score units, which are taken back to m/s² and rad/s first.

    (batch, n_channels, n_steps) -> (batch, n_features).

    Args:
        handmade: the features.
        mean, std: of each channel, (n_channels,), in its unit, as the scaler has them.

    >>> network = Unscaled(HandmadeFeatures(("acc_x", "acc_y", "acc_z"), 30, 30.0), [0.0, 0.0, 9.8], [1.0, 1.0, 2.0])
    >>> level = network(torch.zeros(1, 3, 30))[0]
    >>> round(float(level[network.handmade.names.index("acc_mag_mean")]), 2)
    9.8
    """

    mean: Tensor
    std: Tensor

    def __init__(self, handmade: HandmadeFeatures, mean: ArrayLike, std: ArrayLike) -> None:
        super().__init__(handmade.n_channels, handmade.n_steps, handmade.n_features)
        self.handmade = handmade
        for name, value in (("mean", mean), ("std", std)):  # in no state: a model's folder has them in its card
            column = torch.tensor(np.asarray(value, np.float32))[:, None]
            self.register_buffer(name, column, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.handmade(x.float() * self.std + self.mean)

    def feature_names(self) -> tuple[str, ...]:
        return self.handmade.feature_names()


class HandmadeTeacher(Encoder):
    """Hand-made features, each with mean 0 and deviation 1 over the training windows: a teacher of dynamic temperature.

    (batch, n_channels, n_steps) in z-score units -> (batch, n_features). Angles between raw features would say little,
    since some are a thousand times as large as others. The temperatures are those of Eqs 2 and 3, from the angular
    similarity of these features.

    Args:
        features: of windows in z-score units.

    >>> teacher = HandmadeTeacher(Unscaled(HandmadeFeatures(("acc_x",), 8, 8.0), [0.0], [1.0]))
    >>> h = teacher.features(torch.randn(50, 1, 8, generator=torch.Generator().manual_seed(0)))
    >>> teacher.learn_(h)
    >>> bool(h.mean().abs() < 1e-5)
    True
    """

    mean: Tensor
    std: Tensor

    def __init__(self, features: Unscaled) -> None:
        super().__init__(features.n_channels, features.n_steps, features.n_features)
        self.features = features
        self.register_buffer("mean", torch.zeros(features.n_features))
        self.register_buffer("std", torch.ones(features.n_features))

    def forward(self, x: Tensor) -> Tensor:
        return (self.features(x) - self.mean) / self.std

    @torch.no_grad()
    def learn_(self, h: Tensor) -> None:
        """Take means and deviations from features (n, n_features) of the training windows, and standardise them in
        place."""
        mean, std = mean_and_deviation([h])
        self.mean.copy_(mean)
        self.std.copy_(std)
        for rows in h.split(4096):
            rows.sub_(self.mean).div_(self.std)


class JoinedEncoder(Encoder):
    """Learned features, and the hand-made ones of the same window beside them: (batch, n_learned + n_handmade).

    The learned part may be trained on; pooling over time and `steps` belong to it alone. Heads on joined features have
    to standardise them.

    Args:
        learned: an encoder of windows in z-score units.
        handmade: hand-made features of the same windows.

    >>> from otolith.nets import ResidualEncoder
    >>> channels = ("acc_x", "acc_y", "acc_z")
    >>> handmade = Unscaled(HandmadeFeatures(channels, 30, 30.0), [0.0, 0.0, 9.8], [1.0, 1.0, 2.0])
    >>> joined = JoinedEncoder(ResidualEncoder(3, 30), handmade)
    >>> joined(torch.zeros(2, 3, 30)).shape == (2, joined.learned.n_features + handmade.n_features)
    True
    """

    def __init__(self, learned: Encoder, handmade: Unscaled) -> None:
        n_features = learned.n_features + handmade.n_features
        super().__init__(
            learned.n_channels, learned.n_steps, n_features, n_out_steps=learned.n_out_steps, width=learned.width
        )
        self.learned, self.handmade = learned, handmade
        self.flattened = None if learned.flattened is None else (*learned.flattened, handmade.n_features)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.learned(x), self.handmade(x)], 1)

    def feature_names(self) -> tuple[str, ...]:
        return (*self.learned.feature_names(), *self.handmade.feature_names())

    def steps(self, x: Tensor) -> Tensor:
        """Return the output over time of the learned part: (batch, n_channels, n_steps) -> (batch, n_out_steps,
        width)."""
        return self.learned.steps(x)
