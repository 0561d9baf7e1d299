"""The network of a model, for windows of one stream or of many."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from otolith import fast
from otolith.model import Model
from otolith.streaming.small import FEW, SmallNetwork

BATCH = 1024
"""Windows in one pass of the network."""


class Network:
    """Scaler, encoder, head and calibration of a model as one function of windows.

    Called with float32 (n, channels, time) in m/s² and rad/s, in which channels of missing sensors are NaN, it returns
    float32 (n, outputs): see `otolith.calibration.RecognitionNet`. The outputs for a window do not depend on the other
    windows, but for the rounding of float32.
    """

    def __init__(self, model: Model) -> None:
        self._encoder = model.encoder
        self._network = model.network()
        self._small = SmallNetwork(model) if fast.is_on() and SmallNetwork.takes(model) else None

    def __call__(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        scaled = self._encoder.scaler.transform(x)
        if self._small is not None and len(x) <= FEW:
            return self._small(scaled)
        with torch.no_grad():
            z = torch.from_numpy(scaled).to(self._encoder.device)
            return torch.cat([self._network(part).float() for part in z.split(BATCH)]).cpu().numpy()
