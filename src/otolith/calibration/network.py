"""The whole recogniser as one module, so that offline prediction, streaming and export cannot differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from otolith.calibration.scores import total
from otolith.calibration.value import Calibration


@dataclass(frozen=True, eq=False)
class Assessed:
    """What a model says of each window.

    Attributes:
        probabilities: float32 (n, n_classes), calibrated where the model is.
        score: float32 (n,), how foreign each window looks; None without calibration.
        unknown: bool (n,), whether the score exceeds the model's threshold; all False without calibration.
    """

    probabilities: NDArray[np.float32]
    score: NDArray[np.float32] | None
    unknown: NDArray[np.bool_]


class RecognitionNet(nn.Module):
    """Windows in z-score units (batch, channels, time) -> (batch, n_classes), or one column more: the score.

    Without a calibration the temperature is 1 and there is no score.
    """

    def __init__(self, encoder: nn.Module, head: nn.Module, calibration: Calibration | None) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head
        self.temperature = 1.0 if calibration is None else calibration.temperature
        self.weights = None if calibration is None else calibration.weights
        if calibration is not None:
            device = next(head.parameters()).device
            for name, tensor in calibration.tensors().items():
                self.register_buffer(name, tensor.to(device), persistent=False)
        self.projection: Tensor
        self.offset: Tensor
        self.centres: Tensor

    def forward(self, x: Tensor) -> Tensor:
        probabilities, score = self.apart(x)
        return probabilities if score is None else torch.cat([probabilities, score[:, None]], 1)

    def apart(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Probabilities (batch, n_classes) and score (batch,); None without a calibration."""
        features = self.encoder(x)
        logits = self.head(features)
        probabilities = torch.softmax(logits / self.temperature, 1)
        if self.weights is None:
            return probabilities, None
        space = (self.projection, self.offset, self.centres)
        return probabilities, total(self.weights, features, logits, space, self.temperature)


def assessed(out: NDArray[np.float32], calibration: Calibration | None) -> Assessed:
    """The columns of a `RecognitionNet`'s output, told apart."""
    if calibration is None:
        return Assessed(out, None, np.zeros(len(out), np.bool_))
    score = out[:, -1]
    return Assessed(out[:, :-1], score, score > calibration.threshold)
