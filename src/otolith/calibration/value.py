"""The value that a calibrated model holds: one temperature, one threshold, and the tensors that the score needs."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from otolith.errors import DataError

TENSORS = ("projection", "offset", "centres")


@dataclass(frozen=True, eq=False)
class Calibration:
    """Temperature of a model's probabilities, and threshold of its novelty score.

    Attributes:
        temperature: the logits are divided by it before the softmax.
        score: name of the score (`otolith.calibration.names()`); larger means more novel.
        weights: factors of the parts whose sum is the score, {part: factor}; see `otolith.calibration.scores`.
        threshold: windows whose score exceeds it are unknown.
        false_unknowns: share of validation windows of known activities that may exceed it.
        dataset, n_windows: data set and number of the validation windows that it was fitted on.
        ece_before, ece_after: expected calibration error on them without and with the temperature. The windows that
            the temperature was fitted on flatter it; test subjects say more.
        projection: (k, n_features), from features to the space in which distances are taken; `offset` (k,) is
            subtracted after it, and `centres` (m, k) are the training activities' means there.

    Raises:
        DataError: a temperature that is not positive, or a threshold that is not finite.

    >>> space = {"projection": torch.eye(2), "offset": torch.zeros(2), "centres": torch.zeros(3, 2)}
    >>> found = Calibration(1.5, "distance", {"distance": 1.0}, 4.2, 0.05, "watch", 300, 0.06, 0.02, **space)
    >>> found.temperature, found.to_dict()["validation_windows"]
    (1.5, 300)
    """

    temperature: float
    score: str
    weights: dict[str, float]
    threshold: float
    false_unknowns: float
    dataset: str
    n_windows: int
    ece_before: float
    ece_after: float
    projection: Tensor = field(repr=False)
    offset: Tensor = field(repr=False)
    centres: Tensor = field(repr=False)

    def __post_init__(self) -> None:
        if not (math.isfinite(self.temperature) and self.temperature > 0 and math.isfinite(self.threshold)):
            raise DataError(
                f"a calibration has temperature {self.temperature} and threshold {self.threshold}; expected a positive "
                "and a finite number. Calibrate the model again: otolith calibrate MODEL DATASET"
            )

    def tensors(self) -> dict[str, Tensor]:
        """Return the tensors by name; they are saved beside the weights."""
        return {name: getattr(self, name) for name in TENSORS}

    def to_dict(self) -> dict[str, Any]:
        """Return the entries of the card that `from_parts` reads back."""
        return {
            "temperature": self.temperature,
            "score": self.score,
            "weights": self.weights,
            "threshold": self.threshold,
            "false_unknowns": self.false_unknowns,
            "dataset": self.dataset,
            "validation_windows": self.n_windows,
            "ece_before": self.ece_before,
            "ece_after": self.ece_after,
        }

    @classmethod
    def from_parts(cls, card: dict[str, Any], tensors: dict[str, Tensor], n_features: int) -> Calibration:
        """Build the value from what `to_dict` and `tensors` gave.

        Raises:
            KeyError, TypeError, ValueError, DataError: the parts do not describe a calibration.
        """
        from otolith.calibration.scores import PARTS

        weights = {str(name): float(factor) for name, factor in card["weights"].items()}
        if not weights or not set(weights) <= set(PARTS):
            raise ValueError(
                f"calibration.weights has {', '.join(weights) or 'no'} weights; expected some of {', '.join(PARTS)}"
            )
        k = tensors["offset"].shape[0] if tensors["offset"].ndim == 1 else -1
        shapes = {name: tuple(tensors[name].shape) for name in TENSORS}
        if k < 0 or shapes["projection"] != (k, n_features) or shapes["centres"][1:] != (k,):
            raise ValueError(f"calibration tensors of shapes {shapes} for {n_features} features")
        if any(tensors[name].dtype != torch.float32 or not tensors[name].isfinite().all() for name in TENSORS):
            raise ValueError("calibration tensors that are not finite float32 numbers")
        return cls(
            temperature=float(card["temperature"]),
            score=str(card["score"]),
            weights=weights,
            threshold=float(card["threshold"]),
            false_unknowns=float(card["false_unknowns"]),
            dataset=str(card["dataset"]),
            n_windows=int(card["validation_windows"]),
            ece_before=float(card["ece_before"]),
            ece_after=float(card["ece_after"]),
            **{name: tensors[name] for name in TENSORS},
        )
