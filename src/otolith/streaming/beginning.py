"""The check of gravity and units in the first seconds of a stream."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from otolith.prediction.matching import ACC, LOOKED_AT_S, expects_gravity, refuse_gravity, refuse_gyro_unit
from otolith.preprocessing.scaler import Scaler
from otolith.windows import WindowMeta

CHECKED_S = 10.0
"""Length of the beginning in which gravity and units are checked against the model's."""


class Beginning:
    """Looks at the samples of a stream's first `CHECKED_S` seconds, in whatever pieces they come.

    Args:
        channels: names of the rows.
        rate_hz: of the samples.
        where: what messages call the stream.
    """

    def __init__(self, channels: Sequence[str], meta: WindowMeta, scaler: Scaler, rate_hz: float, where: str) -> None:
        self._meta, self._scaler, self._where = meta, scaler, where
        self._acc = [channels.index(c) for c in ACC] if set(ACC) <= set(channels) else []
        self._gyro = [row for row, channel in enumerate(channels) if channel.startswith("gyro")]
        self._whole, self._each = CHECKED_S * rate_hz, max(1, round(LOOKED_AT_S * rate_hz))
        self._first = round(meta.seconds * rate_hz)
        self._seen = 0
        self._acceleration = np.empty((3, 0))

    @property
    def over(self) -> bool:
        """True once all of the beginning was looked at."""
        return self._seen >= self._whole

    def look(self, values: NDArray[np.float64]) -> None:
        """Look at further samples (channels, n), before any window of them is answered.

        Raises:
            DataError: a window's length, or all of the beginning, contradicts the model's gravity or is in degrees.
        """
        if self.over:
            return
        before, self._seen = self._seen, self._seen + values.shape[1]
        refuse_gyro_unit(values[self._gyro], self._where)
        if not self._acc:
            return
        self._acceleration = np.concatenate([self._acceleration, values[self._acc]], 1)
        if before < self._first <= self._seen:
            self._refuse_first(self._acceleration[:, : self._first])
        if self.over:
            self.end()
            self._acceleration = self._acceleration[:, :0]

    def end(self) -> None:
        """Look at what there is, in blocks of `LOOKED_AT_S`, as offline prediction does for a recording.

        Raises:
            DataError: it contradicts the model's gravity.
        """
        n = self._acceleration.shape[1] // self._each
        if n:
            blocks = self._acceleration[:, : n * self._each].reshape(3, n, self._each)
            refuse_gravity(np.linalg.norm(blocks.mean(2), axis=0), self._meta, self._scaler, self._where)

    def _refuse_first(self, x: NDArray[np.float64]) -> None:
        """Refuse a first window (3, n) that leaves no doubt; where a device turns the mean acceleration is small."""
        mean = np.linalg.norm(x.mean(1))
        length = np.linalg.norm(x, axis=0).mean() if expects_gravity(self._meta, self._scaler) else mean
        refuse_gravity(np.array([length]), self._meta, self._scaler, self._where)
