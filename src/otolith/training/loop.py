"""The one loop that pre-trains every method."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from otolith import fast
from otolith.augment import Compose
from otolith.errors import CheckpointError, TrainingError
from otolith.fast.memory import keep_pages
from otolith.progress import SILENT, Progress
from otolith.training.checkpoint import Checkpoint, CheckpointFolder
from otolith.training.failures import LossWatch, batch_named, keep_record, likely_cause, or_smaller
from otolith.training.optim import Optimizer, OptimizerName, ScheduleName, rate_at
from otolith.training.pretext import Batch, Method
from otolith.training.ranks import ALONE, Ranks, joint_statistics
from otolith.training.window_source import Source


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
    ranks: Ranks = ALONE,
    vary: Compose | None = None,
    checkpoints: CheckpointFolder | None = None,
    progress: Progress = SILENT,
    on_epoch: Callable[[dict[str, Any]], None] | None = None,
) -> list[dict[str, Any]]:
    """Train `method` in place on the windows of `source` and return one record an epoch.

    Args:
        instances: (len(source), m) features of the frozen teacher; row i belongs to window i.
        ranks: the processes that train `method` together, each of which calls this with the same arguments. A batch is
            shared between them; dropout is each rank's own, all else as in one process.
        vary: changes of every batch before the method sees it, for methods that draw no views.
        checkpoints: where the first rank saves after each epoch and, if something is there, to go on from. None:
            nothing is saved.
        on_epoch: told each record (stage, epoch, loss, lr, seconds, ...) as it comes, and those of a resumed run.

    Order, augmentation and dropout depend on `seed` alone; the caller's random state is left as it was. On a CPU with
    the same number of threads and ranks, a resumed training ends bit-identical to one that was never stopped.

    Raises:
        TrainingError: fewer than two windows, a batch that the ranks cannot share or should split, a loss that
            explodes, a loss or weights that are not finite (with the step, its windows and the likely cause), or a
            batch that does not fit into memory (with the one that does).
        CheckpointError: the checkpoints found belong to another job.
        StorageError: a checkpoint cannot be written.
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
    if batch_size % ranks.size or batch_size == ranks.size:
        raise TrainingError(
            f"{stage}: a batch of {batch_size} windows cannot be shared between {ranks.size} processes; choose a "
            "batch_size that is a multiple of their number, with two windows or more for each."
        )
    steps_per_epoch = len(source) // batch_size
    total = settings.epochs * steps_per_epoch
    optimizer = Optimizer(method, settings.optimizer, settings.lr, settings.trust, settings.weight_decay)
    precision = torch.autocast(device.type, torch.bfloat16) if _bfloat16(settings, device) else nullcontext()
    records: list[dict[str, Any]] = []

    with (
        torch.random.fork_rng(devices=[device] if device.type == "cuda" else []),
        progress.stage(stage, total * batch_size, "windows") as bar,
        joint_statistics(method, ranks),
    ):
        torch.manual_seed(ranks.own_seed(seed))  # dropout
        order = torch.Generator().manual_seed(seed)
        augment = torch.Generator(device).manual_seed(seed)
        if checkpoints is not None:
            found, damaged = checkpoints.latest(ranks)
            for line in damaged:
                progress.say(line)
            if found is not None:
                try:
                    _restore(found, method, optimizer, order, augment, ranks)
                except (RuntimeError, ValueError, KeyError, TypeError, IndexError) as error:
                    raise CheckpointError(
                        f"the checkpoint of epoch {found.epoch} in {checkpoints.folder} does not fit this training "
                        f"({error}). Remove it, or choose another --out folder."
                    ) from None
                records = found.state["records"]
                bar.advance(found.epoch * steps_per_epoch * batch_size)
                for record in records:
                    if on_epoch is not None:
                        on_epoch(record)

        loss_of = ranks.wrap(PretextLoss(method))
        watch = LossWatch(records[0].get("loss") if records else None)

        def teacher(chosen: Tensor) -> Tensor | None:
            return instances[chosen.to(instances.device)].to(device) if instances is not None else None

        def update(chosen: Tensor, share: float, lr: float) -> dict[str, Tensor]:
            batch = Batch(source[chosen], teacher(chosen), share, ranks)
            if vary is not None:
                batch = replace(batch, x=vary.apply(batch.x, batch.draw(partial(vary.sample, generator=augment))))
            with precision:
                terms: dict[str, Tensor] = loss_of(batch, augment)
            terms["loss"].backward()
            optimizer.step(lr)
            return terms

        def stop(what: str, epoch: int, step: int, ids: Tensor) -> TrainingError:
            chosen = ids[step * batch_size : (step + 1) * batch_size]
            lr = rate_at(epoch * steps_per_epoch + step, total, settings.lr, settings.schedule, settings.warmup)
            names = source.names(chosen)
            facts = {"stage": stage, "epoch": epoch + 1, "step": step + 1, "lr": lr, "what": what, "windows": names}
            kept = keep_record(checkpoints.folder if checkpoints is not None and ranks.first else None, facts)
            reduced = _bfloat16(settings, device)
            return TrainingError(
                f"{stage}: {what} in epoch {epoch + 1}, step {step + 1} (learning rate {lr:.2g}, "
                f"{batch_named(names)}). "
                f"{likely_cause(source[chosen], teacher(chosen), names, settings.lr, reduced)}{kept} "
                "Checkpoints of earlier epochs are kept."
            )

        method.train()
        for epoch in range(len(records), settings.epochs):
            began = time.perf_counter()
            sums: dict[str, Tensor] = {}
            unchecked: list[Tensor] = []
            ids = torch.randperm(len(source), generator=order)
            for step in range(steps_per_epoch):
                chosen = ids[step * batch_size : (step + 1) * batch_size][ranks.rows(batch_size)]
                done = epoch * steps_per_epoch + step
                lr = rate_at(done, total, settings.lr, settings.schedule, settings.warmup)
                update_at = partial(update, share=done / total, lr=lr)
                # Ranks wait for each other in each step: none of them can try a smaller one by itself.
                terms = or_smaller(update_at, chosen, stage, device) if ranks.size == 1 else update_at(chosen)
                method.after_step((done + 1) / total)
                for name, value in terms.items():
                    sums[name] = sums.get(name, 0) + value.detach()
                unchecked.append(terms["loss"].detach())
                if step % 10 == 9 or step + 1 == steps_per_epoch:  # a GPU is waited for once in ten steps
                    losses = ranks.mean(torch.stack(unchecked)).tolist()
                    bad = watch.bad(losses)
                    if bad is not None:
                        raise stop(watch.what(losses[bad]), epoch, step + 1 - len(losses) + bad, ids)
                    figures = {name: float(value) / (step + 1) for name, value in sums.items()}
                    bar.advance(len(unchecked) * batch_size, **figures, epoch=epoch + 1)
                    unchecked.clear()
            if not all(bool(p.isfinite().all()) for p in method.parameters()):  # the last step can still break them
                raise stop("the weights are no longer finite", epoch, steps_per_epoch - 1, ids)
            record = {
                "stage": stage,
                "epoch": epoch + 1,
                **{name: float(ranks.mean(value)) / steps_per_epoch for name, value in sums.items()},
                "lr": lr,
                "seconds": time.perf_counter() - began,
                "windows": steps_per_epoch * batch_size,
            }
            if settings.optimizer != "adam":
                record["scaled_share"] = optimizer.scaled_share()
            records.append(record)
            if checkpoints is not None:
                state = _capture(epoch + 1, method, optimizer, order, augment, records, ranks)
                if ranks.first:
                    checkpoints.save(state)
            if on_epoch is not None:
                on_epoch(record)
    method.eval()
    return records


class PretextLoss(torch.nn.Module):
    """A method's loss as a forward pass, which is what `DistributedDataParallel` wraps."""

    def __init__(self, method: Method) -> None:
        super().__init__()
        self.method = method

    def forward(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        return self.method.loss(batch, generator)


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
    ranks: Ranks,
) -> Checkpoint:
    tensors = {f"method.{name}": value for name, value in method.state_dict().items()}
    tensors |= {f"optimizer.{name}": value for name, value in optimizer.state().items()}
    tensors |= {
        "random.order": order.get_state(),
        "random.augment": augment.get_state(),
    }
    for rank, own in enumerate(ranks.states(torch.get_rng_state())):
        tensors[f"random.dropout.{rank}"] = own
    if augment.device.type == "cuda":
        for rank, own in enumerate(ranks.states(torch.cuda.get_rng_state(augment.device))):
            tensors[f"random.dropout_cuda.{rank}"] = own
    return Checkpoint(epoch, tensors, {"records": records})


def _restore(
    found: Checkpoint,
    method: Method,
    optimizer: Optimizer,
    order: torch.Generator,
    augment: torch.Generator,
    ranks: Ranks,
) -> None:
    def part(prefix: str) -> dict[str, Tensor]:
        return {name.removeprefix(prefix): t for name, t in found.tensors.items() if name.startswith(prefix)}

    method.load_state_dict(part("method."))
    optimizer.load_state(part("optimizer."))
    random = part("random.")
    order.set_state(random["order"])
    augment.set_state(random["augment"])
    if f"dropout.{ranks.size - 1}" not in random or f"dropout.{ranks.size}" in random:
        # Begun with another number of ranks: dropout goes on with other draws, from none that were used.
        torch.manual_seed(ranks.own_seed(found.epoch + (torch.initial_seed() << 20)))
        return
    torch.set_rng_state(random[f"dropout.{ranks.rank}"])
    if augment.device.type == "cuda":
        torch.cuda.set_rng_state(random[f"dropout_cuda.{ranks.rank}"], augment.device)
