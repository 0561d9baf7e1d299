"""The one loop that pre-trains every method."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from otolith import fast
from otolith.augment import Compose
from otolith.errors import TrainingError
from otolith.fast.memory import keep_pages
from otolith.progress import SILENT, Progress
from otolith.training.batches import Batches, Read, drawn_order
from otolith.training.checkpoint import CheckpointFolder
from otolith.training.failures import LossWatch, failed_step, within_memory
from otolith.training.optim import Optimizer, rate_at
from otolith.training.pretext import Batch, Method
from otolith.training.ranks import ALONE, Ranks, joint_statistics
from otolith.training.settings import TrainSettings
from otolith.training.state import TrainingState, seeded
from otolith.training.window_source import Source


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

    Order, augmentation and dropout depend on `seed` alone; the caller's random state is left as it was. On a CPU with
    the same number of threads and ranks, a resumed training ends bit-identical to one that was never stopped.

    Args:
        stage: the name of this training in records, progress and errors.
        instances: (len(source), m) features of the frozen teacher; row i belongs to window i.
        ranks: the processes that train `method` together, each of which calls this with the same arguments. A batch is
            shared between them; dropout is each rank's own, all else as in one process.
        vary: changes of every batch before the method sees it, for methods that draw no views.
        checkpoints: where the first rank saves after each epoch and, if something is there, to go on from. None:
            nothing is saved.
        on_epoch: told each record (stage, epoch, loss, lr, seconds, ...) as it comes, and those of a resumed run.

    Raises:
        TrainingError: fewer than two windows, a batch that the ranks cannot share, a loss that explodes, a loss or
            weights that are not finite (with the step, its windows and the likely cause), or a batch that does not fit
            into memory (with the one that does).
        CheckpointError: the checkpoints found belong to another job.
        StorageError: a checkpoint cannot be written.

    >>> import numpy as np
    >>> from otolith.preprocessing.scaler import Scaler
    >>> from otolith.training.window_source import Part
    >>> class Mean(Method):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.encoder = torch.nn.Linear(1, 1)
    ...
    ...     def loss(self, batch, generator):
    ...         return {"loss": self.encoder(batch.x.mean((1, 2))[:, None]).square().mean()}
    >>> x = np.random.default_rng(0).standard_normal((8, 6, 30)).astype(np.float32)
    >>> source = Source([Part(x, np.arange(8))], Scaler.fit(x), torch.device("cpu"))
    >>> [record["epoch"] for record in train(Mean(), source, TrainSettings(epochs=2, batch_size=4, lr=0.01), 0)]
    [1, 2]
    """
    for line in method.augment.left_out if method.augment is not None else ():
        progress.say(line)
    device = source.device
    if device.type == "cpu" and fast.is_on():
        keep_pages()
    batch_size = _batch_size(settings, len(source), stage, ranks)
    steps = len(source) // batch_size
    total = settings.epochs * steps
    optimizer = Optimizer(method, settings.optimizer, settings.lr, settings.trust, settings.weight_decay)
    reduced = _in_bfloat16(settings, device)
    precision = torch.autocast(device.type, torch.bfloat16) if reduced else nullcontext()

    with (
        seeded(ranks.own_seed(seed), device),  # dropout
        progress.stage(stage, total * batch_size, "windows") as bar,
        joint_statistics(method, ranks),
        Batches(source, instances).reading() as batches,
    ):
        state = TrainingState(method, optimizer.adam, seed, device, ranks=ranks)
        if checkpoints is not None:
            state.resume(checkpoints, progress)
            bar.advance(len(state.records) * steps * batch_size)
            for record in state.records:
                if on_epoch is not None:
                    on_epoch(record)
        loss_of = ranks.wrap(PretextLoss(method))
        watch = LossWatch(state.records[0].get("loss") if state.records else None)

        def rate(step: int) -> float:
            return rate_at(step, total, settings.lr, settings.schedule, settings.warmup)

        def update(chosen: Tensor, done: int, read: Read) -> dict[str, Tensor]:
            x, h = read if len(read[0]) == len(chosen) else batches.of(chosen)  # fewer where memory does not suffice
            batch = Batch(x, h, done / total, ranks)
            if vary is not None:
                batch = replace(batch, x=vary.apply(batch.x, batch.draw(partial(vary.sample, generator=state.augment))))
            with precision:
                terms: dict[str, Tensor] = loss_of(batch, state.augment)
            terms["loss"].backward()
            optimizer.step(rate(done))
            return terms

        def failure(what: str, epoch: int, step: int, ids: Tensor) -> TrainingError:
            chosen = ids[step * batch_size : (step + 1) * batch_size]
            at = {"stage": stage, "epoch": epoch + 1, "step": step + 1, "lr": rate(epoch * steps + step), "what": what}
            folder = checkpoints.folder if checkpoints is not None and ranks.first else None
            names = source.names(chosen)
            return failed_step(at, *batches.of(chosen), names, settings.lr, reduced=reduced, folder=folder)

        method.train()
        for epoch in range(len(state.records), settings.epochs):
            began = time.perf_counter()
            sums: dict[str, Tensor] = {}
            unchecked: list[Tensor] = []
            ids = drawn_order(len(source), state.order)
            own = (ids[step * batch_size :][:batch_size][ranks.rows(batch_size)] for step in range(steps))
            for step, (chosen, read) in enumerate(batches.in_turn(own)):
                done = epoch * steps + step
                update_at = partial(update, done=done, read=read)
                # Ranks wait for each other in each step: none of them can try a smaller one by itself.
                terms = within_memory(update_at, chosen, stage, device) if ranks.size == 1 else update_at(chosen)
                method.after_step((done + 1) / total)
                for name, value in terms.items():
                    sums[name] = sums.get(name, 0) + value.detach()
                unchecked.append(terms["loss"].detach())
                if step % 10 == 9 or step + 1 == steps:  # a GPU is waited for once in ten steps
                    losses = ranks.mean(torch.stack(unchecked)).tolist()
                    bad = watch.first_bad(losses)
                    if bad is not None:
                        raise failure(watch.describe(losses[bad]), epoch, step + 1 - len(losses) + bad, ids)
                    figures = {name: float(value) / (step + 1) for name, value in sums.items()}
                    bar.advance(len(unchecked) * batch_size, **figures, epoch=epoch + 1)
                    unchecked.clear()
            if not all(bool(p.isfinite().all()) for p in method.parameters()):  # the last step can still break them
                raise failure("the weights are no longer finite", epoch, steps - 1, ids)
            record = {
                "stage": stage,
                "epoch": epoch + 1,
                **{name: float(ranks.mean(value)) / steps for name, value in sums.items()},
                "lr": rate(epoch * steps + steps - 1),
                "seconds": time.perf_counter() - began,
                "windows": steps * batch_size,
            }
            if settings.optimizer in ("larc", "lamb"):
                record["scaled_share"] = optimizer.scaled_share()
            state.records.append(record)
            if checkpoints is not None:
                state.save(checkpoints)
            if on_epoch is not None:
                on_epoch(record)
    method.eval()
    return state.records


class PretextLoss(torch.nn.Module):
    """A method's loss as a forward pass, which is what `DistributedDataParallel` wraps."""

    def __init__(self, method: Method) -> None:
        super().__init__()
        self.method = method

    def forward(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        return self.method.loss(batch, generator)


def _batch_size(settings: TrainSettings, n: int, stage: str, ranks: Ranks) -> int:
    """Return the windows of a joint step, at most all `n`; refuse what cannot be contrasted or shared."""
    size = min(settings.batch_size, n)
    if size < 2:
        raise TrainingError(
            f"{stage}: {n} training window(s) cannot be contrasted; at least 2 are needed. "
            "Add recordings, or use shorter windows or more overlap."
        )
    if size % ranks.size or size == ranks.size:
        raise TrainingError(
            f"{stage}: a batch of {size} windows cannot be shared between {ranks.size} processes; choose a "
            "batch_size that is a multiple of their number, with two windows or more for each."
        )
    return size


def _in_bfloat16(settings: TrainSettings, device: torch.device) -> bool:
    if settings.precision == "auto":
        return device.type == "cuda" and torch.cuda.is_bf16_supported()
    return settings.precision == "bfloat16"
