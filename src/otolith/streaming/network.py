"""The network on windows as they are cut: of one stream, or of many at once."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from otolith.model import Model

BATCH = 1024
"""Windows that go through the network at once."""


class Network:
    """Scaler, encoder, head and calibration of a model: windows (n, channels, time) in m/s² and rad/s -> (n, outputs).

    Channels that are NaN throughout belong to sensors that are not there. A window's outputs do not depend on those
    beside it, but for the rounding of float32.
    """

    def __init__(self, model: Model) -> None:
        self._encoder = model.encoder
        self._network = model.network()

    def __call__(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.no_grad():
            z = torch.from_numpy(self._encoder.scaler.transform(x)).to(self._encoder.device)
            return torch.cat([self._network(part).float() for part in z.split(BATCH)]).cpu().numpy()
