"""Samples at a rate of their own, which an exported file resamples by itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from otolith.errors import RecipeError
from otolith.windows import WindowMeta
from otolith.windows.resampling import refuse_rate, resample


@dataclass(frozen=True, eq=False)
class SourceRate:
    """A rate from which windows are resampled, as `otolith predict` does it: a fixed linear map.

    Attributes:
        rate_hz: of the samples that come.
        matrix: (samples of a window at that rate, steps of the model's window).

    >>> meta = WindowMeta("own", ("still",), ("acc_x",), rate_hz=20.0, seconds=4.0)
    >>> SourceRate.of(meta, 50.0).matrix.shape
    (200, 80)
    """

    rate_hz: float
    matrix: NDArray[np.float32]

    @classmethod
    def of(cls, meta: WindowMeta, rate_hz: float) -> SourceRate:
        """Return the map to the windows of a model.

        Raises:
            RecipeError: a rate that is no positive number.
            DataError: a rate at which the model's movements are lost.
        """
        if not (np.isfinite(rate_hz) and rate_hz > 0):
            raise RecipeError(f"--from-rate is {rate_hz:g}; give the Hz at which samples come")
        refuse_rate(rate_hz, meta.rate_hz, "--from-rate", "the model's windows have")
        steps = round(meta.seconds * rate_hz)
        return cls(rate_hz, resample(np.eye(steps), meta.n_steps).astype(np.float32))

    @property
    def steps(self) -> int:
        """Samples of a window."""
        return len(self.matrix)

    def to_source(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return windows (..., time) of the model as samples at this rate that check a file."""
        return resample(x, self.steps).astype(np.float32)

    def to_model(self, raw: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return windows (..., steps) at this rate as the model takes them."""
        return resample(raw, self.matrix.shape[1]).astype(np.float32)
