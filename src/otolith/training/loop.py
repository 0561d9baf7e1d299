"""The one loop that pre-trains every method."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from otolith import fast
from otolith.augment import Compose
from otolith.errors import TrainingError
from otolith.fast.memory import keep_pages
from otolith.progress import SILENT, Progress
from otolith.training.checkpoint import Checkpoint, CheckpointFolder
from otolith.training.optim import Optimizer, OptimizerName, ScheduleName, rate_at
from otolith.training.pretext import Batch, Method
from otolith.training.source import Source


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """How a method is trained; Section IV-B gives the paper's values."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    epochs: int
    batch_size: int
    """Windows in a step; the last partial batch of an epoch is dropped."""
    lr: float
    optimizer: OptimizerName = "adam"
    trust: float = 0.02
    """LARC's and LAMB's trust coefficient."""
    weight_decay: float = 0.0
    schedule: ScheduleName = "constant"
    warmup: float = 0.0
    """Share of all steps in which the learning rate climbs."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """`auto`: bfloat16 products on a GPU that has them, float32 elsewhere. Losses are float32 always."""

    def __post_init__(self) -> None:
        if self.epochs < 0 or self.batch_size < 2 or not self.lr > 0 or not 0 <= self.warmup < 1:
            raise ValueError(
                f"expected epochs >= 0, batch_size >= 2, lr > 0 and 0 <= warmup < 1; got epochs {self.epochs}, "
                f"batch_size {self.batch_size}, lr {self.lr}, warmup {self.warmup}"
            )
        if not self.trust > 0 or not self.weight_decay >= 0:
            raise ValueError(
                f"expected trust > 0 and weight_decay >= 0; got trust {self.trust}, weight_decay {self.weight_decay}"
            )


def train(
    method: Method,
    source: Source,
    settings: TrainSettings,
    seed: int,
    *,
    stage: str = "pretrain",
    instances: Tensor | None = None,
    vary: Compose | None = None,
    checkpoints: CheckpointFolder | None = None,
    progress: Progress = SILENT,
    on_epoch: Callable[[dict[str, Any]], None] | None = None,
) -> list[dict[str, Any]]:
    """Train `method` in place on the windows of `source` and return one record an epoch.

    Args:
        instances: (len(source), m) features of the frozen teacher; row i belongs to window i.
        vary: changes of every batch before the method sees it, for methods that draw no views.
        checkpoints: where to save after each epoch and, if something is there, to go on from. None: nothing is saved.
        on_epoch: told each record (stage, epoch, loss, lr, seconds, ...) as it comes, and those of a resumed run.

    Order, augmentation and dropout depend on `seed` alone; the caller's random state is left as it was. On a CPU with
    the same number of threads, a resumed training ends bit-identical to one that was never stopped.

    Raises:
        TrainingError: fewer than two windows, or a loss or weights that are not finite.
        CheckpointError: the checkpoints found belong to another job.
    """
    device = source.device
    if device.type == "cpu" and fast.is_on():
        keep_pages()
    batch_size = min(settings.batch_size, len(source))
    if batch_size < 2:
        raise TrainingError(
            f"{stage}: {len(source)} training window(s) cannot be contrasted; at least 2 are needed. "
            "Add recordings, or use shorter windows or more overlap."
        )
    steps_per_epoch = len(source) // batch_size
    total = settings.epochs * steps_per_epoch
    optimizer = Optimizer(method, settings.optimizer, settings.lr, settings.trust, settings.weight_decay)
    precision = torch.autocast(device.type, torch.bfloat16) if _bfloat16(settings, device) else nullcontext()
    records: list[dict[str, Any]] = []

    with (
        torch.random.fork_rng(devices=[device] if device.type == "cuda" else []),
        progress.stage(stage, total * batch_size, "windows") as bar,
    ):
        torch.manual_seed(seed)  # dropout
        order = torch.Generator().manual_seed(seed)
        augment = torch.Generator(device).manual_seed(seed)
        if checkpoints is not None:
            found, damaged = checkpoints.latest()
            for line in damaged:
                progress.say(line)
            if found is not None:
                _restore(found, method, optimizer, order, augment)
                records = list(found.state["records"])
                bar.advance(found.epoch * steps_per_epoch * batch_size)
                for record in records:
                    if on_epoch is not None:
                        on_epoch(record)

        method.train()
        for epoch in range(len(records), settings.epochs):
            began = time.perf_counter()
            sums: dict[str, Tensor] = {}
            unchecked: list[Tensor] = []
            ids = torch.randperm(len(source), generator=order)
            for step in range(steps_per_epoch):
                chosen = ids[step * batch_size : (step + 1) * batch_size]
                h = instances[chosen.to(instances.device)].to(device) if instances is not None else None
                done = epoch * steps_per_epoch + step
                lr = rate_at(done, total, settings.lr, settings.schedule, settings.warmup)
                x = source[chosen] if vary is None else vary(source[chosen], augment)
                with precision:
                    terms = method.loss(Batch(x, h, done / total), augment)
                terms["loss"].backward()
                optimizer.step(lr)
                method.after_step((done + 1) / total)
                for name, value in terms.items():
                    sums[name] = sums.get(name, 0) + value.detach()
                unchecked.append(terms["loss"].detach())
                if step % 10 == 9 or step + 1 == steps_per_epoch:  # a GPU is waited for once in ten steps
                    finite = torch.stack(unchecked).isfinite().tolist()
                    if not all(finite):
                        bad = step + 1 - len(finite) + finite.index(False)
                        raise TrainingError(_not_finite("the loss is", stage, epoch, bad, lr, settings))
                    figures = {name: float(value) / (step + 1) for name, value in sums.items()}
                    bar.advance(len(unchecked) * batch_size, **figures, epoch=epoch + 1)
                    unchecked.clear()
            if not all(bool(p.isfinite().all()) for p in method.parameters()):  # the last step can still break them
                raise TrainingError(_not_finite("the weights are", stage, epoch, steps_per_epoch - 1, lr, settings))
            record = {
                "stage": stage,
                "epoch": epoch + 1,
                **{name: float(value) / steps_per_epoch for name, value in sums.items()},
                "lr": lr,
                "seconds": time.perf_counter() - began,
                "windows": steps_per_epoch * batch_size,
            }
            if settings.optimizer != "adam":
                record["scaled_share"] = optimizer.scaled_share()
            records.append(record)
            if checkpoints is not None:
                checkpoints.save(_capture(epoch + 1, method, optimizer, order, augment, records))
            if on_epoch is not None:
                on_epoch(record)
    method.eval()
    return records


def _bfloat16(settings: TrainSettings, device: torch.device) -> bool:
    if settings.precision == "auto":
        return device.type == "cuda" and torch.cuda.is_bf16_supported()
    return settings.precision == "bfloat16"


def _capture(
    epoch: int,
    method: Method,
    optimizer: Optimizer,
    order: torch.Generator,
    augment: torch.Generator,
    records: list[dict[str, Any]],
) -> Checkpoint:
    tensors = {f"method.{name}": value for name, value in method.state_dict().items()}
    tensors |= {f"optimizer.{name}": value for name, value in optimizer.state().items()}
    tensors |= {
        "random.order": order.get_state(),
        "random.augment": augment.get_state(),
        "random.dropout": torch.get_rng_state(),
    }
    if torch.cuda.is_available() and augment.device.type == "cuda":
        tensors["random.dropout_cuda"] = torch.cuda.get_rng_state(augment.device)
    return Checkpoint(epoch, tensors, {"records": records})


def _restore(
    found: Checkpoint, method: Method, optimizer: Optimizer, order: torch.Generator, augment: torch.Generator
) -> None:
    def part(prefix: str) -> dict[str, Tensor]:
        return {name.removeprefix(prefix): t for name, t in found.tensors.items() if name.startswith(prefix)}

    method.load_state_dict(part("method."))
    optimizer.load_state(part("optimizer."))
    random = part("random.")
    order.set_state(random["order"])
    augment.set_state(random["augment"])
    torch.set_rng_state(random["dropout"])
    if "dropout_cuda" in random:
        torch.cuda.set_rng_state(random["dropout_cuda"], augment.device)


def _not_finite(what: str, stage: str, epoch: int, step: int, lr: float, settings: TrainSettings) -> str:
    return (
        f"{stage}: {what} no longer finite in epoch {epoch + 1}, step {step + 1} (learning rate {lr:.2g}, batch "
        f"{settings.batch_size}). The usual cause is too high a rate: lower `lr` in the recipe, for example to "
        f"{settings.lr / 3:.1g}. Checkpoints of earlier epochs are kept."
    )
