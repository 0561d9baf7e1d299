"""Trained layers of heads, on features of a frozen encoder, fitted in the way that their settings name."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from otolith.finetuning.classifier import train_classifier
from otolith.finetuning.heads import Labelled, class_weights, predict, refuse_too_few
from otolith.finetuning.linear import fit_linear
from otolith.finetuning.settings import FinetuneSettings, HeadSettings, TreeSettings
from otolith.finetuning.trees import fit
from otolith.nets import PredictionMLP
from otolith.progress import SILENT, Progress
from otolith.training.checkpoint import CheckpointFolder

Score = Callable[[Tensor, Tensor], float]
OnEpoch = Callable[[dict[str, Any]], None]


def fit_layers(
    layers: nn.Module,
    train: Labelled,
    val: Labelled,
    settings: HeadSettings,
    seed: int,
    *,
    n_classes: int,
    score: Score,
    checkpoints: CheckpointFolder | None = None,
    progress: Progress = SILENT,
    on_epoch: OnEpoch | None = None,
) -> list[dict[str, Any]]:
    """Fit the layers of a head in place, leave them in eval mode, and return records as `train_classifier` does.

    Args:
        layers: of `otolith.nets.heads.layers_of`.
        train, val: features (n, n_seen) as these layers see them (`otolith.nets.heads.seen_by`), with labels.
        score: `score(y_true, y_pred)`, the macro F1 on the validation windows.
        checkpoints: as of `train_classifier`; a fit by the solver `lbfgs` takes seconds, and saves nothing.
        on_epoch: told each record; `lbfgs` has one, and a fit by `TreeSettings`, which has no epochs, tells none.

    Raises:
        TrainingError, CheckpointError, StorageError: as `train_classifier`.

    >>> import torch
    >>> from otolith.finetuning.heads import build_layers
    >>> def accuracy(y_true, y_pred):
    ...     return float((y_true == y_pred).float().mean())
    >>> settings = FinetuneSettings(head="linear", solver="lbfgs")
    >>> windows = Labelled(torch.eye(3), torch.arange(3))
    >>> layers = build_layers(3, 3, settings, 0)
    >>> fit_layers(layers, windows, windows, settings, 0, n_classes=3, score=accuracy)[0]["val_macro_f1"]
    1.0
    """
    if isinstance(settings, TreeSettings):
        return [_at_once(layers, train, val, settings, seed, n_classes, score, progress)]
    if settings.solver == "lbfgs":
        assert isinstance(layers, PredictionMLP)
        return [_converged(layers, train, val, settings, n_classes, score, progress, on_epoch)]
    return train_classifier(
        layers,
        train,
        val,
        settings,
        seed,
        n_classes=n_classes,
        score=score,
        checkpoints=checkpoints,
        progress=progress,
        on_epoch=on_epoch,
    )


def _converged(
    layers: PredictionMLP,
    train: Labelled,
    val: Labelled,
    settings: FinetuneSettings,
    n_classes: int,
    score: Score,
    progress: Progress,
    on_epoch: OnEpoch | None,
) -> dict[str, Any]:
    """Fit a linear layer by `lbfgs`, and return its one record."""
    refuse_too_few(train, val, "finetune")
    began = time.perf_counter()
    with progress.stage("finetune", 1, "epochs") as bar:
        weight = train.weight
        if settings.class_balanced:
            of_class = class_weights(train.y, n_classes)[train.y]
            weight = of_class if weight is None else weight * of_class
        loss = fit_linear(layers.linear_layers()[0], train.inputs, train.y, settings.penalty, weight)
        figure = score(val.y, predict(layers.eval(), val.inputs).argmax(1))
        bar.advance(loss=loss, val_macro_f1=100 * figure)
    record = {
        "stage": "finetune",
        "epoch": 1,
        "loss": loss,
        "val_macro_f1": figure,
        "lr": settings.lr,
        "seconds": time.perf_counter() - began,
        "best_epoch": 1,
    }
    if on_epoch is not None:
        on_epoch(record)
    return record


def _at_once(
    layers: nn.Module,
    train: Labelled,
    val: Labelled,
    settings: TreeSettings,
    seed: int,
    n_classes: int,
    score: Score,
    progress: Progress,
) -> dict[str, Any]:
    """Fit trees or a logistic regression, and return a record as of one epoch."""
    refuse_too_few(train, val, "finetune")
    began = time.perf_counter()
    with progress.stage("finetune", 1) as bar:
        fit(layers, train, settings, seed, n_classes)
        logits = predict(layers, train.inputs)
        figure = score(val.y, predict(layers, val.inputs).argmax(1))
        bar.advance(val_macro_f1=100 * figure)
    return {
        "stage": "finetune",
        "epoch": 1,
        "loss": float(F.cross_entropy(logits, train.y)),
        "val_macro_f1": figure,
        "lr": 0.0,
        "seconds": time.perf_counter() - began,
        "best_epoch": 1,
    }
