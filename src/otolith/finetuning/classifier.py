"""Training of a classifier (Section III-E): a small head on features, or a whole network end to end."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from otolith.errors import TrainingError
from otolith.finetuning.heads import Labelled, class_weights, predict, refuse_too_few
from otolith.finetuning.settings import FinetuneSettings
from otolith.finetuning.updates import EndToEnd, rate_of, updates_of
from otolith.progress import SILENT, Progress
from otolith.training.checkpoint import CheckpointFolder
from otolith.training.state import BestEpoch, TrainingState, seeded


def train_classifier(
    network: nn.Module,
    train: Labelled,
    val: Labelled,
    settings: FinetuneSettings,
    seed: int,
    *,
    n_classes: int,
    score: Callable[[Tensor, Tensor], float],
    every: int = 1,
    stage: str = "finetune",
    checkpoints: CheckpointFolder | None = None,
    progress: Progress = SILENT,
    on_epoch: Callable[[dict[str, Any]], None] | None = None,
    whole: EndToEnd | None = None,
) -> list[dict[str, Any]]:
    """Train `network` in place, leave it with the weights of the epoch kept, and return a record an epoch.

    That is the best on `val`, or the last (`settings.keep`). Order, changes and dropout depend on `seed` alone. On a
    CPU with the same number of threads, a resumed training ends bit-identical to one that was never stopped.

    Args:
        network: maps inputs to logits (n, n_classes): a head on features, or an encoder with its head on windows (then
            trained end to end).
        score: `score(y_true, y_pred)`, the macro F1 that selects the epoch; the first of equals wins.
        every: so many epochs lie between two that are scored; the last is scored always.
        stage: the name of this training in records, progress and errors.
        checkpoints: where to save after an epoch (`state.EVERY_S`), each of which has to be scored then, and to go on
            from if something is there.
        on_epoch: told each record (stage, epoch, loss, val_macro_f1, lr, seconds), those of a resumed training too.
        whole: the encoder within `network`, where it is trained too, and the changes of its batches.

    Raises:
        TrainingError: no training windows, fewer than two activities, a loss that is not finite, or a batch that does
            not fit into memory.
        CheckpointError: the checkpoints found belong to another job.
        StorageError: a checkpoint cannot be written.
        ValueError: `checkpoints` with `every` above 1.

    >>> from otolith.finetuning.heads import build_head
    >>> settings = FinetuneSettings(epochs=3, hidden=(4,))
    >>> windows = Labelled(torch.eye(3).repeat(4, 1), torch.arange(3).repeat(4))
    >>> def accuracy(y_true, y_pred):
    ...     return float((y_true == y_pred).float().mean())
    >>> records = train_classifier(
    ...     build_head(3, 3, settings, 0), windows, windows, settings, 0, n_classes=3, score=accuracy
    ... )
    >>> [record["epoch"] for record in records]
    [1, 2, 3]
    """
    if checkpoints is not None and every != 1:
        raise ValueError(f"a training with checkpoints scores every epoch; got every={every}")
    refuse_too_few(train, val, stage)
    for line in whole.change.left_out if whole is not None and whole.change is not None else ():
        progress.say(line)
    device = train.inputs.device
    weight = class_weights(train.y, n_classes).to(train.inputs.dtype) if settings.class_balanced else None
    with seeded(seed, device), progress.stage(stage, settings.epochs, "epochs") as bar:
        updates = updates_of(network, train, settings, weight, whole)
        patience = settings.patience if settings.schedule == "halving" else settings.epochs
        best = BestEpoch(settings.lr, patience, last=settings.keep == "last")
        state = TrainingState(network, updates.adam, seed, device, masks=updates.masks, best=best)
        if checkpoints is not None:
            state.resume(checkpoints, progress)
            for record in state.records:
                bar.advance()
                if on_epoch is not None:
                    on_epoch(record)
        steps = math.ceil(len(train.y) / settings.batch_size)
        for epoch in range(len(state.records), settings.epochs):
            began = time.perf_counter()
            network.train()
            total = torch.zeros((), device=device)
            order = torch.randperm(len(train.y), generator=state.order).to(device)
            for step, ids in enumerate(order.split(settings.batch_size), start=epoch * steps):
                lr = rate_of(settings, step, settings.epochs * steps, best.lr)
                total += updates.step(ids, lr, state.augment) * len(ids)
            mean_loss = float(total) / len(train.y)
            refuse_not_finite(mean_loss, stage, f"in epoch {epoch + 1}", best.lr)
            if (epoch + 1) % every and epoch + 1 < settings.epochs:
                continue
            figure = score(val.y, predict(network, val.inputs).argmax(1))
            record = {
                "stage": stage,
                "epoch": epoch + 1,
                "loss": mean_loss,
                "val_macro_f1": figure,
                "lr": lr,
                "seconds": time.perf_counter() - began,
            }
            state.records.append(record)
            best.judge(network, epoch + 1, figure, every)
            if checkpoints is not None:
                state.save(checkpoints, seldom=True)
            bar.advance(min(every, settings.epochs), loss=mean_loss, val_macro_f1=100 * figure)
            if on_epoch is not None:
                on_epoch(record)
    for record in state.records:
        record["best_epoch"] = best.epoch
    network.load_state_dict(best.weights)
    _lay_out(network.eval())
    return state.records


def train_steps(
    network: nn.Module,
    train: Labelled,
    settings: FinetuneSettings,
    seed: int,
    steps: int,
    whole: EndToEnd | None = None,
) -> None:
    """Train `network` in place for so many steps, and leave it in eval mode. No validation takes part.

    The rate is the same in all of them, or follows `settings.schedule`.

    Args:
        whole: as of `train_classifier`.

    Raises:
        TrainingError: a loss that is not finite.
    """
    device = train.inputs.device
    with seeded(seed, device):
        order = torch.Generator().manual_seed(seed)
        changes = torch.Generator(device).manual_seed(seed)
        updates = updates_of(network, train, settings, None, whole)
        network.train()
        done = 0
        while done < steps:
            for ids in torch.randperm(len(train.y), generator=order).to(device).split(settings.batch_size):
                loss = updates.step(ids, rate_of(settings, done, steps, settings.lr), changes)
                done += 1
                if done == steps:
                    break
            refuse_not_finite(float(loss), "few labels", f"in step {done}", settings.lr)
    _lay_out(network.eval())


def refuse_not_finite(loss: float, stage: str, when: str, lr: float) -> None:
    """Raise TrainingError if the loss is NaN or infinite."""
    if not loss < float("inf"):
        raise TrainingError(f"{stage}: the loss is no longer finite {when}; try a lower rate than {lr:.2g}")


def _lay_out(network: nn.Module) -> None:
    """Lay weights out in memory as a loaded bundle has them, so that both compute the same to the last bit."""
    for parameter in network.parameters():
        parameter.data = parameter.data.contiguous()
