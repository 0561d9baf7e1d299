"""A trained model as the teacher of a student: features and logits of changed windows."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from otolith.model import Model
from otolith.nets.heads import layers_of, seen_by
from otolith.nets.standards import mean_and_deviation
from otolith.preprocessing.scaler import Scaler
from otolith.training.window_source import Source

MEASURED = 4096
"""Windows that means and deviations of the teacher's features, and the ranges of int8, are taken from."""


def spread_over(source: Source) -> Iterator[Tensor]:
    """Yield windows in z-score units, a few hundred at a time, spread evenly over `source`."""
    ids = torch.linspace(0, len(source) - 1, min(MEASURED, len(source))).long()
    for some in ids.split(512):
        yield source[some]


class Teacher:
    """A model as a function of windows in z-score units, to features of mean 0 and deviation 1, and to logits."""

    def __init__(self, model: Model, scaler: Scaler) -> None:
        self.network, self.head = model.encoder.network, model.head
        self.temperature = 1.0 if model.calibration is None else model.calibration.temperature
        self.unscaled = scaler if not model.encoder.scaler.applied else None
        self.mean, self.std = torch.zeros(()), torch.ones(())
        self.n_features = 0

    @torch.no_grad()
    def __call__(self, z: Tensor) -> tuple[Tensor, Tensor]:
        features, logits = self._raw(z)
        return (features - self.mean) / self.std, logits

    def _raw(self, z: Tensor) -> tuple[Tensor, Tensor]:
        x = z
        if self.unscaled is not None:
            x = self.unscaled.inverse(z)
            for channel in self.unscaled.may_miss:  # a missing sensor is 0 in any unit
                x[:, channel] *= (z[:, channel] != 0).any(1, keepdim=True)
        features = seen_by(self.head, self.network(x))
        return features, layers_of(self.head)(features) / self.temperature

    @torch.no_grad()
    def measure(self, source: Source) -> None:
        """Take the features' means and deviations from windows spread over `source`."""
        mean, std = mean_and_deviation([self._raw(some)[0] for some in spread_over(source)])
        self.mean, self.std, self.n_features = mean.float(), std.float(), len(mean)
