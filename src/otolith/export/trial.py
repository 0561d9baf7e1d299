"""The windows on which an exported file is checked: real ones where there are any."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from otolith import datasets, splits
from otolith.errors import DataError
from otolith.model import Model, must_fit
from otolith.model.windows import windows_for_encoder
from otolith.progress import SILENT, Progress

if TYPE_CHECKING:
    from otolith.datasets import DatasetInfo
    from otolith.windows import Windows

MOST = 8192
"""Windows that are compared at most; more say nothing new."""
NOISE_WINDOWS = 256


@dataclass(frozen=True)
class Trial:
    """Windows on which an exported file is compared with PyTorch.

    Attributes:
        x: float32 (n, channels, time), unscaled, in m/s² and rad/s.
        y: (n,) class indices, or None.
        fit: (m, channels, time), other windows: int8 takes the ranges of signals from them, and its way is chosen by
            them.
        fit_y: (m,) class indices, or None.
        source: a phrase that says where they come from.
        real: True for windows of recordings, False for noise.

    >>> x = np.zeros((4, 6, 50), np.float32)
    >>> Trial(x, None, x, None, "4 windows of silence").real
    True
    """

    x: NDArray[np.float32]
    y: NDArray[np.int64] | None
    fit: NDArray[np.float32]
    fit_y: NDArray[np.int64] | None
    source: str
    real: bool = True

    @classmethod
    def noise(cls, model: Model, seed: int = 0) -> Trial:
        """Draw Gaussian noise with the training windows' means and deviations, for want of recordings."""
        scaler = model.encoder.scaler
        rng = np.random.default_rng(seed)
        shape = (2 * NOISE_WINDOWS, len(model.meta.channels), model.meta.n_steps)
        x = (scaler.mean[:, None] + scaler.std[:, None] * rng.standard_normal(shape)).astype(np.float32)
        return cls(x[:NOISE_WINDOWS], None, x[NOISE_WINDOWS:], None, "noise of the training windows' statistics", False)


def find(
    model: Model, dataset: str | None, root: str | Path | None = None, progress: Progress = SILENT
) -> tuple[Trial, str]:
    """Return windows of a data set, by default of the one that the model was trained on; or noise, and the reason.

    Raises:
        DataError: a data set that was named cannot be read, or its windows do not fit the model.
    """
    name = dataset or model.meta.dataset
    if dataset is None and name not in datasets.names():
        return Trial.noise(model), f"{name!r} does not come with otolith; name its folder to check on real windows"
    try:
        found = datasets.load(name, root)
        with progress.stage(f"windows of {found.info.name}", 1) as bar:
            labelled = bool(found.info.activities)
            w = windows_for_encoder(found, model.encoder, unlabelled=not labelled)
            bar.advance()
    except DataError as error:
        if dataset is not None:
            raise
        return Trial.noise(model), str(error)
    must_fit(w.meta, model.meta, "the windows to check on")
    return of_windows(model, w, found.info), ""


def of_windows(model: Model, w: Windows, info: DatasetInfo) -> Trial:
    """Return test windows, and validation windows for int8, with labels where the activities are the model's."""
    split = splits.default(w, info)
    test, val = _some(split.test), _some(split.val)
    known = w.meta.activities == model.activities
    if known:
        test, val = test[w.y[test] >= 0], val[w.y[val] >= 0]
    if not len(test) or not len(val):
        raise DataError(
            f"{w.meta.dataset} has {len(test)} test and {len(val)} validation windows, too few to check a model on; "
            "name another data set"
        )
    return Trial(
        w.x[test],
        w.y[test] if known else None,
        w.x[val],
        w.y[val] if known else None,
        f"{len(test):,} test windows of {w.meta.dataset}",
    )


def _some(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return at most `MOST` rows, spread evenly."""
    if len(rows) <= MOST:
        return rows
    return rows[np.linspace(0, len(rows), MOST, endpoint=False).astype(np.int64)]
