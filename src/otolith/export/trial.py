"""The windows that an exported file is checked on: real ones where there are any."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from otolith import datasets, splits
from otolith.errors import DataError
from otolith.export.write import Trial
from otolith.model import Model, must_fit
from otolith.model.windows import windows_for_encoder
from otolith.progress import SILENT, Progress

if TYPE_CHECKING:
    from otolith.datasets import DatasetInfo
    from otolith.windows import Windows

MOST = 8192
"""Windows that are compared; more say nothing new."""


def find(
    model: Model, dataset: str | None, root: str | Path | None = None, progress: Progress = SILENT
) -> tuple[Trial, str]:
    """Windows of a data set, by default of the one that the model was trained on; else noise, and the reason why.

    Raises:
        DataError: a data set that was named cannot be read, or its windows do not fit the model.
    """
    name = dataset or model.meta.dataset
    if dataset is None and name not in datasets.names():
        return Trial.noise(model), f"{name!r} does not come with otolith: name its folder to check on real windows"
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
    """Test windows to compare, validation windows to pick the way of int8 by; labels where activities are the same."""
    split = splits.default(w, info)
    test, val = _some(split.test), _some(split.val)
    known = w.meta.activities == model.activities
    if known:
        test, val = test[w.y[test] >= 0], val[w.y[val] >= 0]
    if not len(test) or not len(val):
        raise DataError(f"{w.meta.dataset} has too few windows to check a model on; name another data set")
    return Trial(
        w.x[test],
        w.y[test] if known else None,
        w.x[val],
        w.y[val] if known else None,
        f"{len(test):,} test windows of {w.meta.dataset}",
    )


def _some(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """At most `MOST`, spread evenly."""
    if len(rows) <= MOST:
        return rows
    return rows[np.linspace(0, len(rows), MOST, endpoint=False).astype(np.int64)]
