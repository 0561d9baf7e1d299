"""Distillation of a student from a trained model: which windows it learns from, and the folder that it is left in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from otolith import splits
from otolith.errors import DataError
from otolith.jobs.finetune import leave, written
from otolith.jobs.folder import checkpoints_beside
from otolith.model.card import Credits
from otolith.pipeline.distillation import distill
from otolith.progress import SILENT, Progress

if TYPE_CHECKING:
    from otolith.datasets.base import DatasetInfo
    from otolith.model import Model
    from otolith.splits import Split
    from otolith.windows import Windows


def split_of(w: Windows, info: DatasetInfo) -> Split | None:
    """Return the split of a data set's windows; None where nothing in them can test."""
    if not w.labelled.any():
        return None
    try:
        return splits.default(w, info)
    except DataError:  # too few people or labels to test with
        return None


def parts_of(w: Windows, split: Split | None) -> tuple[Windows, NDArray[np.int64] | None, int]:
    """Return the windows that a student may see, the numbers of those held out, and how many are left to test on.

    Windows of people whom the data set's own split tests are left out; its validation people are held out. Without
    labels there is nothing to test: all windows come back, and None, for people drawn at random.

    >>> from otolith import datasets
    >>> from otolith.windows import Windows
    >>> w = Windows.from_arrays(np.zeros((12, 6, 30)), [0, 1] * 6, np.repeat([1, 2, 3], 4))
    >>> seen, held, n_test = parts_of(w, split_of(w, datasets.info("watch")))
    >>> len(seen), held.tolist(), n_test
    (8, [4, 5, 6, 7], 4)
    """
    if split is None:
        return w, None, 0
    learns = np.unique(w.subject[split.train])

    def part(rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Windows of a part, and those without labels of people who are in no training window."""
        inside = np.isin(w.subject, np.setdiff1d(np.unique(w.subject[rows]), learns))
        inside[rows] = True
        return inside

    test, held = part(split.test), part(split.val)
    seen = np.flatnonzero(~test)
    return w.take(seen), np.flatnonzero(held[seen]).astype(np.int64), int(test.sum())


def run(
    model: Model,
    data: Sequence[tuple[Windows, NDArray[np.int64] | None]],
    card: Mapping[str, Any],
    out: Path,
    *,
    kilobytes: float,
    overrides: Mapping[str, Any] | None = None,
    seed: int = 0,
    resume: bool = False,
    device: str = "auto",
    progress: Progress = SILENT,
) -> Model:
    """Distil a student from `model` and leave it as a bundle in `out`, which `finetune.refuse_unready` has looked at.

    Args:
        data: windows and the numbers of those held out, as `parts_of` gives them; None for all: people drawn at random.
        card: of the model, whose credits go on to the student.
        kilobytes, overrides, seed: see `otolith.distill`.
        resume: go on from the checkpoints beside `out`.
        device: to load what an interrupted distillation left in `out`.

    Raises:
        CheckpointError: `out` holds another model.
        DataError, RecipeError, TrainingError: see `otolith.distill`.
    """
    checkpoints = checkpoints_beside(out)
    before = written(out, resume)
    windows = [w for w, _ in data]
    rows = [held for _, held in data]
    chosen = [held for held in rows if held is not None]
    empty = np.empty(0, np.int64)
    try:
        student = distill(
            model,
            windows,
            held=[empty if held is None else held for held in rows] if chosen else None,
            kilobytes=kilobytes,
            overrides=overrides,
            seed=seed,
            checkpoints=checkpoints,
            progress=progress,
        )
    finally:
        with suppress(OSError):
            checkpoints.rmdir()  # where nothing was saved
    named = card["data"]
    leave(student, out, Credits(named.get("title"), named.get("licence"), named.get("citation")), before, device)
    return student
