"""Encoder, head and calibration as one module, so that offline prediction, streaming and export cannot differ."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from otolith.calibration.scores import total
from otolith.calibration.value import Calibration
from otolith.errors import DataError, not_finite
from otolith.nets.heads import layers_of, seen_by


@dataclass(frozen=True, eq=False)
class Assessed:
    """Probabilities of windows, and which of them are unknown.

    Attributes:
        probabilities: float32 (n, n_classes), calibrated where the model is.
        score: float32 (n,), novelty score of each window; None without calibration.
        unknown: bool (n,), True where the score exceeds the model's threshold; all False without calibration.

    >>> Assessed(np.array([[0.9, 0.1]], np.float32), None, np.zeros(1, bool)).probabilities.argmax(1)
    array([0])
    """

    probabilities: NDArray[np.float32]
    score: NDArray[np.float32] | None
    unknown: NDArray[np.bool_]


class RecognitionNet(nn.Module):
    """Map windows in z-score units (batch, channels, time) to probabilities (batch, n_classes).

    With a calibration one more column follows, the novelty score. Its distances are between features as the head's
    layers see them.

    Args:
        encoder: (batch, channels, time) -> features (batch, n_features).
        head: features -> logits (batch, n_classes).
        calibration: None: the temperature is 1, and there is no score.

    >>> net = RecognitionNet(nn.Flatten(), nn.Linear(12, 3), None)
    >>> net(torch.zeros(5, 2, 6)).shape
    torch.Size([5, 3])
    """

    def __init__(self, encoder: nn.Module, head: nn.Module, calibration: Calibration | None) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head
        self.temperature = 1.0 if calibration is None else calibration.temperature
        self.weights = None if calibration is None else calibration.weights
        if calibration is not None:
            device = next(chain(head.parameters(), head.buffers())).device
            for name, tensor in calibration.tensors().items():
                self.register_buffer(name, tensor.to(device), persistent=False)
        self.projection: Tensor
        self.offset: Tensor
        self.centres: Tensor

    def forward(self, x: Tensor) -> Tensor:
        probabilities, score = self.probabilities_and_score(x)
        return probabilities if score is None else torch.cat([probabilities, score[:, None]], 1)

    def probabilities_and_score(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return probabilities (batch, n_classes) and score (batch,), None without a calibration."""
        features = seen_by(self.head, self.encoder(x))
        logits = layers_of(self.head)(features)
        probabilities = torch.softmax(logits / self.temperature, 1)
        if self.weights is None:
            return probabilities, None
        space = (self.projection, self.offset, self.centres)
        return probabilities, total(self.weights, features, logits, space, self.temperature)


def assessed(out: NDArray[np.float32], calibration: Calibration | None) -> Assessed:
    """Split the columns of a `RecognitionNet`'s output (n, outputs) into probabilities and score.

    Raises:
        DataError: a number of it is not finite.
    """
    if not np.isfinite(out).all():
        raise DataError(not_finite("probabilities"))
    if calibration is None:
        return Assessed(out, None, np.zeros(len(out), np.bool_))
    score = out[:, -1]
    return Assessed(out[:, :-1], score, score > calibration.threshold)
