"""Third stage of the framework (Fig. 2): a model is scored on windows of people whom it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from otolith import metrics
from otolith.errors import DataError
from otolith.model import Model, must_fit
from otolith.splits import Split
from otolith.splits.base import SHARED, refuse_shared
from otolith.windows import Windows


def evaluate(model: Model, w: Windows, split: Split, part: str = "test") -> dict[str, Any]:
    """Score `model` on the labelled windows of one part of `split` (Section V-A).

    Args:
        w: windows (n, channels, time) in m/s² and rad/s, with labels.
        part: "train", "val" or "test".

    Returns:
        `macro_f1`, `accuracy`, `per_class_f1`, `confusion`, `per_subject`, and a 95 % `interval` over subjects where
        there are five or more; all fractions; in `metrics` the further ones of `otolith.metrics.METRICS`. See
        `otolith.metrics.evaluate`.

    Raises:
        DataError: windows of other channels, rate, length or activities, or none to score; a split whose parts share
            subjects, unless it allows that: then `notes` say so.

    >>> import numpy as np, otolith
    >>> from otolith.finetuning.settings import FinetuneSettings
    >>> x = np.random.default_rng(0).standard_normal((60, 6, 30)).astype(np.float32)
    >>> w = Windows.from_arrays(x, np.arange(60) % 2, np.arange(60) // 6, activities=("still", "walk"))
    >>> split = otolith.splits.automatic(w, 0)
    >>> encoder = otolith.pretrain(w, split, method="random")
    >>> model = otolith.finetune(encoder, w, split, settings=FinetuneSettings(epochs=2))
    >>> 0 <= evaluate(model, w, split)["macro_f1"] <= 1
    True
    """
    refuse_shared(split, w)
    return scores(predictions(model, w, split, part), split)


def predictions(model: Model, w: Windows, split: Split, part: str = "test") -> metrics.Predictions:
    """Return the answers of `model` on the labelled windows of one part of `split`, for any metric.

    Probabilities are rounded to half precision, as they are kept beside rows: figures are the same before and after.

    Args, Raises: as of `evaluate`.
    """
    must_match(model, w, "evaluate")
    refuse_shared(split, w)
    rows = getattr(split, part)
    rows = rows[w.y[rows] >= 0]
    if not len(rows):
        raise DataError(
            f"split {split.name} has no labelled {part} windows to score. Label some, or choose another split or part."
        )
    proba = model.predict_proba(w.x[rows])
    return predictions_of(w, rows, proba.argmax(1), proba, model.training_classes)


def predictions_of(
    w: Windows,
    rows: NDArray[np.int64],
    y_pred: NDArray[np.int64],
    proba: NDArray[np.floating[Any]] | None,
    training_classes: Sequence[int],
) -> metrics.Predictions:
    """Return answers on labelled windows `rows` of `w`, with whose and when they are."""
    return metrics.Predictions(
        w.y[rows],
        np.asarray(y_pred, np.int64),
        None if proba is None else proba.astype(np.float16).astype(np.float64),
        w.subject[rows],
        w.recording[rows],
        w.start[rows],
        w.meta.seconds,
        tuple(w.meta.activities),
        tuple(int(c) for c in training_classes),
    )


def scores(found_predictions: metrics.Predictions, split: Split) -> dict[str, Any]:
    """Return the scores of predictions on a part of `split`, with what has to be known of it in `notes`."""
    found = metrics.score(found_predictions)
    if split.warning == SHARED:  # those of otolith's own splits stand beside the scores already
        found["notes"] = [*found["notes"], SHARED]
    return found


def must_match(model: Model, w: Windows, verb: str) -> None:
    """Refuse windows of another kind, or with labels of other activities, than those of a model; `verb` as in
    "the windows to evaluate on"."""
    must_fit(w.meta, model.meta, f"the windows to {verb} on")
    if w.meta.activities != model.activities:
        raise DataError(
            f"the model knows the activities {', '.join(model.activities)}; the windows are labelled with "
            f"{', '.join(w.meta.activities)}. {verb.capitalize()} on the data that it was fine-tuned for, or "
            "fine-tune again."
        )
