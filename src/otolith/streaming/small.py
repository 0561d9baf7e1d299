"""Residual convolutions with a linear head, for a window or a few of them, in a fraction of PyTorch's time.

For one window of a small model, PyTorch's time is that of calling some fifty operations. Here each convolution is one
product of matrices, with the normalisation after it folded in, and all is numpy.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from otolith.model import Model
from otolith.nets import PredictionMLP, ResidualEncoder, StandardisedHead
from otolith.nets.heads import layers_of
from otolith.nets.integers import folded
from otolith.nets.residual import EPSILON, NormalisedMaps

FEW = 4
"""Windows up to which numpy is the faster of the two."""

Array = NDArray[np.float32]


class SmallNetwork:
    """The outputs of `otolith.calibration.RecognitionNet`, from windows in z-score units.

    Args:
        model: one that `takes` says True of.
    """

    def __init__(self, model: Model) -> None:
        network, head, calibration = model.encoder.network, model.head, model.calibration
        assert isinstance(network, ResidualEncoder)
        self._layers: list[tuple[int, Array, Array]] = []
        for conv, norm in zip(network.convs, network.norms, strict=True):
            weight, offset = folded(conv, norm)
            kernel = weight.shape[2]
            product = weight.transpose(1, 2).flatten(1).T.float().contiguous().numpy()
            self._layers.append((kernel, product, offset.float().numpy()))
        self._pool_after = network.pool_after
        self._last: tuple[Array, Array] | None = None
        if isinstance(network.last, NormalisedMaps):
            self._last = network.last.norm.weight.detach().numpy(), network.last.norm.bias.detach().numpy()
        layers = layers_of(head)
        assert isinstance(layers, PredictionMLP)
        (linear,) = layers.linear_layers()
        self._weight: Array = linear.weight.detach().T.contiguous().numpy()
        self._bias: Array = linear.bias.detach().numpy()
        self._shift, self._factor = np.zeros(1, np.float32), np.ones(1, np.float32)
        if isinstance(head, StandardisedHead):
            self._shift, self._factor = head.mean.numpy(), head.std.numpy()
        self._temperature = np.float32(1.0 if calibration is None else calibration.temperature)
        self._weights = {} if calibration is None else calibration.weights
        if calibration is not None:
            self._projection: Array = calibration.projection.T.contiguous().numpy()
            self._offset, self._centres = calibration.offset.numpy(), calibration.centres.numpy()

    @staticmethod
    def takes(model: Model) -> bool:
        """Return whether a model is residual convolutions on the CPU with a linear head on their features."""
        head = model.head
        if not isinstance(model.encoder.network, ResidualEncoder) or model.encoder.device.type != "cpu":
            return False
        if isinstance(head, StandardisedHead) and len(head.mean) != model.encoder.network.n_features:
            return False
        layers = layers_of(head)
        return isinstance(layers, PredictionMLP) and len(layers.linear_layers()) == 1

    def __call__(self, z: Array) -> Array:
        """Return (n, outputs) of windows (n, channels, time)."""
        features = (self._features(z) - self._shift) / self._factor
        logits = (features @ self._weight + self._bias) / self._temperature
        largest = logits.max(1, keepdims=True)
        powers = np.exp(logits - largest)
        total = powers.sum(1, keepdims=True)
        probabilities: Array = powers / total
        if not self._weights:
            return probabilities
        score = np.zeros(len(z), np.float32)
        for name, weight in self._weights.items():
            if name == "distance":
                at = features @ self._projection - self._offset
                part = np.sqrt(np.square(at[:, None] - self._centres).sum(2).min(1))
            elif name == "energy":
                part = -self._temperature * (largest + np.log(total))[:, 0]
            else:
                part = -probabilities.max(1)
            score += np.float32(weight) * part
        return np.concatenate([probabilities, score[:, None]], 1)

    def _features(self, z: Array) -> Array:
        x: Array = z.transpose(0, 2, 1)
        for i, (kernel, product, offset) in enumerate(self._layers):
            n, steps, maps = x.shape
            padded = np.zeros((n, steps + kernel - 1, maps), np.float32)
            padded[:, kernel // 2 : kernel // 2 + steps] = x
            # rows that overlap: the taps of a step lie together
            taps = np.ndarray((n, steps, kernel * maps), np.float32, padded, 0, padded.strides)
            y = taps.reshape(n * steps, kernel * maps) @ product
            y += offset
            np.maximum(y, 0, out=y)
            y = y.reshape(n, steps, -1)
            x = x + y if i else y
            if i + 1 == self._pool_after:
                even, odd = x[:, 0::2], x[:, 1::2]
                x = even.copy()
                np.maximum(x[:, : odd.shape[1]], odd, out=x[:, : odd.shape[1]])
        if self._last is not None:
            weight, bias = self._last
            x = x - x.mean(2, keepdims=True)
            deviation = np.sqrt(np.square(x).mean(2, keepdims=True) + np.float32(EPSILON))
            x = np.concatenate([x / deviation * weight + bias, np.log1p(deviation)], 2)
        share = np.float32(1 / x.shape[1])
        mean = x.sum(1) * share
        deviation = np.sqrt(np.square(x - mean[:, None]).sum(1) * share + np.float32(EPSILON))
        return np.concatenate([mean, x.max(1), deviation], 1)
