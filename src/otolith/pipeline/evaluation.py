"""Third stage of the framework (Fig. 2): a model is scored on windows of people whom it has not seen."""

from __future__ import annotations

from typing import Any

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
        there are five or more; all fractions. See `otolith.metrics.evaluate`.

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
    must_match(model, w, "evaluate")
    refuse_shared(split, w)
    rows = getattr(split, part)
    rows = rows[w.y[rows] >= 0]
    if not len(rows):
        raise DataError(
            f"split {split.name} has no labelled {part} windows to score. Label some, or choose another split or part."
        )
    found = metrics.evaluate(
        w.y[rows], model.predict(w.x[rows]), w.subject[rows], w.meta.activities, model.training_classes
    )
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
