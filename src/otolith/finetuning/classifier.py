"""Fine-tuning (Section III-E): a small head on the features of a frozen encoder, or the whole network end to end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from otolith import fast
from otolith.errors import TrainingError
from otolith.fast.memory import keep_pages
from otolith.fast.mlp import MLPSteps
from otolith.nets import PredictionMLP
from otolith.progress import SILENT, Progress
from otolith.training.checkpoint import CheckpointFolder
from otolith.training.failures import or_smaller
from otolith.training.optim import Optimizer
from otolith.training.state import Course, Updates

MOST_HIDDEN = 100
MOST_WIDTH = 1_000_000


@dataclass(frozen=True, kw_only=True)
class FinetuneSettings:
    """How a head is trained; the defaults are the paper's (Section IV-B4)."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    epochs: int = 50
    batch_size: int = 128
    lr: float = 1e-4
    patience: int = 10
    """The rate is halved when more epochs than this in a row bring no better validation macro F1."""
    head: Literal["mlp", "linear"] = "mlp"
    hidden: tuple[int, ...] = (256, 128)
    dropout: float = 0.2
    weight_decay: float = 0.0
    class_balanced: bool = False
    """Weight each activity's cross-entropy by the inverse of its frequency."""

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 1 or not self.lr > 0 or self.patience < 0:
            raise ValueError(
                f"expected epochs >= 1, batch_size >= 1, lr > 0 and patience >= 0; got epochs {self.epochs}, "
                f"batch_size {self.batch_size}, lr {self.lr}, patience {self.patience}"
            )
        if len(self.hidden) > MOST_HIDDEN:
            raise ValueError(f"expected at most {MOST_HIDDEN} hidden layers; got {len(self.hidden)}")
        if any(width > MOST_WIDTH for width in self.hidden):
            raise ValueError(f"expected hidden widths of at most {MOST_WIDTH:,}; got {list(self.hidden)}")
        if not 0 <= self.dropout < 1 or not self.weight_decay >= 0 or any(width < 1 for width in self.hidden):
            raise ValueError(
                f"expected 0 <= dropout < 1, weight_decay >= 0 and hidden widths >= 1; got dropout {self.dropout}, "
                f"weight_decay {self.weight_decay}, hidden {list(self.hidden)}"
            )


@dataclass(frozen=True)
class Labelled:
    """Inputs of a classifier, (n, ...), and their activities, (n,) int64."""

    inputs: Tensor
    y: Tensor


def build_head(n_features: int, n_classes: int, settings: FinetuneSettings, seed: int) -> PredictionMLP:
    """A new head whose weights depend on `seed` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        hidden = settings.hidden if settings.head == "mlp" else ()
        return PredictionMLP(n_features, n_classes, hidden, settings.dropout)


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
) -> list[dict[str, Any]]:
    """Train `network` in place and leave it with the weights of its best epoch on `val`.

    `network` maps `inputs` to logits: a head on features, or an encoder with its head on windows (then trained end
    to end). `score(y_true, y_pred)` is the macro F1 that selects the epoch; the first of equals wins. Each `every`th
    epoch is scored, and the last.

    `checkpoints` is where to save after an epoch (`course.EVERY_S`), each of which has to be scored then, and to go on
    from if something is there; `on_epoch` is told the records of before, too. On a CPU with the same number of threads,
    a resumed training ends bit-identical to one that was never stopped.

    Raises:
        TrainingError: no training windows, fewer than two activities, a loss that is not finite, or a batch that does
            not fit into memory.
        CheckpointError: the checkpoints found belong to another job.
        StorageError: a checkpoint cannot be written.
        ValueError: `checkpoints` with `every` above 1.
    """
    if checkpoints is not None and every != 1:
        raise ValueError(f"a training with checkpoints scores every epoch; got every={every}")
    n_seen = len(torch.unique(train.y))
    if n_seen < 2:
        raise TrainingError(
            f"{stage}: the {len(train.y)} labelled training windows hold {n_seen} activity; at least 2 are needed. "
            "Add labels of another activity, or choose a split that leaves them in the training part."
        )
    if not len(val.y):
        raise TrainingError(
            f"{stage}: there are no labelled validation windows to choose the epoch by. "
            "Label some windows of a validation subject, or choose another split."
        )
    device = train.inputs.device
    if device.type == "cpu" and fast.is_on():
        keep_pages()
    weight = _class_weights(train.y, n_classes).to(train.inputs.dtype) if settings.class_balanced else None
    with (
        torch.random.fork_rng(devices=[device] if device.type == "cuda" else []),
        progress.stage(stage, settings.epochs, "epochs") as bar,
    ):
        torch.manual_seed(seed)
        course = Course(network, _updates_of(network, train, settings, weight), seed, settings.lr, settings.patience)
        if checkpoints is not None:
            course.go_on(checkpoints, device, progress)
            for record in course.records:
                bar.advance()
                if on_epoch is not None:
                    on_epoch(record)
        for epoch in range(len(course.records), settings.epochs):
            began = time.perf_counter()
            network.train()
            total = torch.zeros((), device=device)
            for ids in torch.randperm(len(train.y), generator=course.order).to(device).split(settings.batch_size):
                total += course.updates.step(ids, course.lr) * len(ids)
            mean_loss = float(total) / len(train.y)
            refuse_not_finite(mean_loss, stage, f"in epoch {epoch + 1}", course.lr)
            if (epoch + 1) % every and epoch + 1 < settings.epochs:
                continue
            figure = score(val.y, predict(network, val.inputs).argmax(1))
            record = {
                "stage": stage,
                "epoch": epoch + 1,
                "loss": mean_loss,
                "val_macro_f1": figure,
                "lr": course.lr,
                "seconds": time.perf_counter() - began,
            }
            course.judge(record, figure, every)
            if checkpoints is not None:
                course.save(checkpoints, device)
            bar.advance(min(every, settings.epochs), loss=mean_loss, val_macro_f1=100 * figure)
            if on_epoch is not None:
                on_epoch(record)
    records = course.take_best()
    _lay_out(network.eval())
    return records


def train_steps(network: nn.Module, train: Labelled, settings: FinetuneSettings, seed: int, steps: int) -> None:
    """Train `network` in place for so many steps at one rate, and leave it in eval mode. No validation takes part.

    Raises:
        TrainingError: a loss that is not finite.
    """
    device = train.inputs.device
    if device.type == "cpu" and fast.is_on():
        keep_pages()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        order = torch.Generator().manual_seed(seed)
        updates = _updates_of(network, train, settings, None)
        network.train()
        done = 0
        while done < steps:
            for ids in torch.randperm(len(train.y), generator=order).to(device).split(settings.batch_size):
                loss = updates.step(ids, settings.lr)
                done += 1
                if done == steps:
                    break
            refuse_not_finite(float(loss), "few labels", f"in step {done}", settings.lr)
    _lay_out(network.eval())


def _updates_of(network: nn.Module, train: Labelled, settings: FinetuneSettings, weight: Tensor | None) -> Updates:
    """What makes one update from the windows `ids` at a rate and returns their mean loss before it."""
    if isinstance(network, PredictionMLP) and train.inputs.device.type == "cpu" and fast.is_on():
        steps = MLPSteps(network.linear_layers(), network.dropout, settings.lr, settings.weight_decay)

        def fast_update(ids: Tensor, lr: float) -> Tensor:
            return steps.step(train.inputs.index_select(0, ids), train.y[ids], lr, weight)

        return Updates(fast_update, steps.adam, steps.masks)
    optimizer = Optimizer(network, "adam", settings.lr, weight_decay=settings.weight_decay)

    def update(ids: Tensor, lr: float) -> Tensor:
        loss = F.cross_entropy(network(train.inputs.index_select(0, ids)), train.y[ids], weight)
        loss.backward()
        optimizer.step(lr)
        return loss.detach()

    def update_or_smaller(ids: Tensor, lr: float) -> Tensor:
        return or_smaller(lambda some: update(some, lr), ids, "finetune", train.inputs.device)

    return Updates(update_or_smaller, optimizer.adam)


def _lay_out(network: nn.Module) -> None:
    """Weights in memory as a loaded bundle has them, so that both compute the same to the last bit."""
    for parameter in network.parameters():
        parameter.data = parameter.data.contiguous()


def refuse_not_finite(loss: float, stage: str, when: str, lr: float) -> None:
    """Raise TrainingError if the loss is NaN or infinite."""
    if not loss < float("inf"):
        raise TrainingError(f"{stage}: the loss is no longer finite {when}; try a lower rate than {lr:.2g}")


@torch.no_grad()
def predict(network: nn.Module, inputs: Tensor, batch_size: int = 2048) -> Tensor:
    """Logits (n, n_classes) in eval mode; the mode is put back afterwards."""
    was_training = network.training
    network.eval()
    logits = torch.cat([network(chunk) for chunk in inputs.split(batch_size)])
    network.train(was_training)
    return logits


def _class_weights(y: Tensor, n_classes: int) -> Tensor:
    counts = torch.bincount(y, minlength=n_classes).float()
    present = counts > 0
    weights = torch.zeros_like(counts)
    weights[present] = len(y) / (present.sum() * counts[present])
    return weights
