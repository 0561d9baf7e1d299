"""Calibration of a finished model on the validation windows of a split."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from otolith.calibration import DEFAULT, FALSE_UNKNOWNS, MIN_WINDOWS, fit_calibration
from otolith.errors import DataError
from otolith.finetuning.features import encode
from otolith.finetuning.heads import predict, standardise
from otolith.model import Model
from otolith.nets.heads import layers_of, pooled
from otolith.pipeline.evaluation import must_match
from otolith.progress import HERE, Progress
from otolith.splits import Split
from otolith.splits.base import refuse_shared
from otolith.training.window_source import Part, Source
from otolith.windows import Windows


def calibrate(
    model: Model,
    w: Windows,
    split: Split,
    *,
    score: str = DEFAULT,
    false_unknowns: float = FALSE_UNKNOWNS,
    progress: Progress = HERE,
) -> Model:
    """Return the model with a calibration fitted on the labelled validation windows of `split`.

    Activities and weights stay the same. The training windows of `split` give the space in which distances are taken.

    Args:
        model: a fine-tuned model, calibrated or not.
        w: windows in m/s² and rad/s with the channels, rate, length and activities of the model's training data.
        score: name of the score that decides "unknown": "both", "distance", "energy" or "probability".
        false_unknowns: share of validation windows of known activities that may be called unknown, in (0, 1).

    Raises:
        DataError: windows of other channels, rate, length or activities, too few of them, an unknown score, a rate
            outside (0, 1), or a split whose parts share subjects.

    >>> import otolith
    >>> from otolith.finetuning.settings import FinetuneSettings
    >>> x = np.random.default_rng(0).standard_normal((150, 6, 30)).astype(np.float32)
    >>> w = Windows.from_arrays(x, np.arange(150) % 2, np.arange(150) // 30, activities=("still", "walk"))
    >>> split = otolith.splits.holdout(w, 0)
    >>> model = otolith.pretrain(w, split, method="random")
    >>> model = otolith.finetune(model, w, split, settings=FinetuneSettings(epochs=2))
    >>> calibrate(model, w, split, false_unknowns=0.1).calibration.false_unknowns
    0.1
    """
    must_match(model, w, "calibrate")
    refuse_shared(split, w)
    encoder = model.encoder
    train_rows, val_rows = (rows[w.y[rows] >= 0] for rows in (split.train, split.val))
    if len(val_rows) < MIN_WINDOWS or not len(train_rows):
        raise DataError(
            f"split {split.name} has {len(train_rows)} labelled training and {len(val_rows)} validation windows; "
            f"calibration needs {MIN_WINDOWS} to validate. Label more, or choose another data set."
        )
    rows = np.concatenate([train_rows, val_rows])
    source = Source([Part(w.x, rows)], encoder.scaler, encoder.device)
    both = encode(pooled(encoder.network, model.head), source, progress=progress)
    standardise(model.head, None, [both])
    y = torch.from_numpy(np.array(w.y[rows])).to(encoder.device)
    n = len(train_rows)
    found = fit_calibration(
        (both[:n], y[:n]),
        (both[n:], y[n:]),
        predict(layers_of(model.head), both[n:]),
        dataset=w.meta.dataset,
        score=score,
        false_unknowns=false_unknowns,
    )
    if found is None:
        raise DataError(
            "the training windows are too few, or all alike: they give no space of distances. Calibrate on other data."
        )
    return dataclasses.replace(model, calibration=found)
