"""Choice among a recipe's ways to use labels: by validation subjects, or by the number of labels alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from otolith.finetuning.settings import FinetuneSettings
from otolith.model import Chosen, Model
from otolith.pipeline.pretraining import OnEpoch
from otolith.windows import Windows

if TYPE_CHECKING:
    from otolith.recipes import Recipe

FEW = 100
"""Validation windows below which they are held to tell candidates apart no better than their standard error says."""
Train = Callable[[FinetuneSettings, OnEpoch | None], Model]


def labels_each(w: Windows, rows: NDArray[np.int64]) -> float:
    """Return the labelled windows an activity among `rows`, on average over the activities that occur.

    >>> w = Windows.from_arrays(np.zeros((4, 6, 30)), y=[0, 0, 1, -1], activities=("sit", "walk"))
    >>> labels_each(w, np.arange(4))
    1.5
    """
    y = w.y[rows]
    y = y[y >= 0]
    return len(y) / max(1, len(np.unique(y)))


def candidates(recipe: Recipe, labels: float, frozen: bool | None) -> dict[str, FinetuneSettings]:
    """Return the recipe's candidates for so many labels an activity, by name, the simplest first.

    Args:
        labels: of `labels_each`.
        frozen: True leaves out those that train the encoder, or keeps it frozen where no others stand; False leaves out
            those that keep it frozen, where others stand.
    """
    found = recipe.candidates(labels)
    if frozen:
        kept = {name: settings for name, settings in found.items() if settings.encoder == "frozen"}
        found = kept or {name: replace(settings, encoder="frozen") for name, settings in found.items()}
    elif frozen is not None:
        found = {name: settings for name, settings in found.items() if settings.encoder == "trained"} or found
    return found


def choose(
    found: dict[str, FinetuneSettings],
    train: Train,
    labels: float,
    n_validation: int = 1000,
    on_epoch: OnEpoch | None = None,
) -> Model:
    """Train every candidate and return the model with the best macro F1 on the validation windows.

    Of equals the last stands, which is the one for the fewest or the most labels. Of fewer than `FEW` validation
    windows, those within a standard error of the best count as its equals: on development people of UCI-HAR with five
    labels an activity, all candidates had the same score on six windows, and the last led by 2 and 6 points on others.
    Without validation labels the last candidate is trained alone, by the rule of `recipes.choices.by_rule`. The model
    says in `chosen` what each scored, and holds the records of all; those of the others bear the stage "choice".

    Args:
        found: settings by name, of `candidates`; at least one.
        train: trains a model with settings and a listener.
        labels: labelled windows an activity.
        n_validation: labelled validation windows.
    """
    from otolith.recipes.choices import by_rule

    if not n_validation or len(found) == 1:
        taken, settings = by_rule(found)
        model = train(settings, on_epoch)
        if taken:
            model.chosen = Chosen(taken, "labels", labels)
        return model
    models: dict[str, Model] = {}
    for name, settings in found.items():
        models[name] = train(settings, _named(on_epoch, name))
    scores = {name: model.validation for name, model in models.items()}
    taken = _best(scores, n_validation)
    model = models[taken]
    others = [
        record | {"stage": "choice", "choice": name}
        for name, each in models.items()
        if name != taken
        for record in each.records
    ]
    model.records = [*others, *model.records]
    model.chosen = Chosen(taken, "validation", labels, scores)
    return model


def _best(scores: dict[str, float], n_validation: int) -> str:
    best, error = max(scores.values()), 0.0
    if n_validation < FEW:
        p = (best * n_validation + 1) / (n_validation + 2)  # without a mistake there would be no error
        error = math.sqrt(p * (1 - p) / n_validation)
    return [name for name, score in scores.items() if score >= best - error][-1]


def _named(on_epoch: OnEpoch | None, name: str) -> OnEpoch | None:
    """Return a listener that is told which candidate an epoch belongs to."""
    if on_epoch is None:
        return None
    listener = on_epoch

    def told(record: dict[str, Any]) -> None:
        listener(record | {"stage": f"{record['stage']}: {name}"})

    return told
