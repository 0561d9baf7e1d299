"""Reasons that end a training, and their sentences: a loss that is not finite or explodes, and too little memory."""

from __future__ import annotations

import gc
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from otolith.errors import StorageError, TrainingError
from otolith.system.files import write

EXPLODED = 1e3
"""A loss beyond so many times that of the first step (at least 1) has exploded: no method begins near its least."""
OUTLIER = 100.0
"""Standard deviations from the mean beyond which a sample is a likelier cause than the learning rate."""
FAILED = "failed-step.json"
_NAMED = 8
_NO_MEMORY = ("not enough memory", "can't allocate memory", "cannot allocate memory", "out of memory")

Result = TypeVar("Result")


class LossWatch:
    """Finds the step at which a loss is no longer finite, or has exploded.

    Args:
        first: the mean loss of the first epoch, where training goes on from a checkpoint; None: the first loss seen.

    >>> LossWatch(None).first_bad([0.7, 0.6, float("nan")])
    2
    """

    def __init__(self, first: float | None) -> None:
        self.first = first

    def first_bad(self, losses: Sequence[float]) -> int | None:
        """Return the index of the first bad one of some consecutive losses, or None."""
        for number, loss in enumerate(losses):
            if not math.isfinite(loss):
                return number
            if self.first is None:
                self.first = loss
            if abs(loss) > EXPLODED * max(1.0, abs(self.first)):
                return number
        return None

    def describe(self, loss: float) -> str:
        """Return `the loss is no longer finite`, or how it exploded."""
        if not math.isfinite(loss) or self.first is None:
            return "the loss is no longer finite"
        return f"the loss exploded, from {self.first:.3g} at first to {loss:.3g},"


def failed_step(
    at: dict[str, Any],
    x: Tensor,
    h: Tensor | None,
    names: Sequence[str],
    lr: float,
    *,
    reduced: bool,
    folder: Path | None,
) -> TrainingError:
    """Return the error of a step whose loss is bad: where, with which windows, why, and the cure.

    Args:
        at: `stage`, `epoch` and `step` from 1, `lr` of the step, and `what` is wrong.
        x: (batch, channels, time) scaled windows. h: (batch, m) the teacher's features of them, or None.
        names: of the batch's windows.
        lr: the recipe's learning rate. reduced: whether products were in bfloat16.
        folder: where to list all windows of the batch, beside the checkpoints; None: nowhere.
    """
    return TrainingError(
        f"{at['stage']}: {at['what']} in epoch {at['epoch']}, step {at['step']} (learning rate {at['lr']:.2g}, "
        f"batch of {len(names)}: {_listed(names)}). {_likely_cause(x, h, names, lr, reduced)}"
        f"{_kept(folder, at | {'windows': names})} Checkpoints of earlier epochs are kept."
    )


def _likely_cause(x: Tensor, h: Tensor | None, names: Sequence[str], lr: float, reduced: bool) -> str:
    largest = x.abs().flatten(1).amax(1)
    broken = [names[i] for i in (~largest.isfinite()).nonzero().flatten().tolist()]
    if broken:
        return f"The cause: samples of {_listed(broken)} are not finite. Repair or remove these recordings."
    if h is not None and not bool(h.isfinite().all()):
        return "The cause: the teacher's features of them are not finite. Lower `autoencoder.train.lr` in the recipe."
    worst = int(largest.argmax())
    if float(largest[worst]) > OUTLIER:
        return (
            f"The likely cause: window {names[worst]} holds a sample {float(largest[worst]):,.0f} standard deviations "
            "from the mean. Look for a faulty sensor or a wrong unit in its recording; else lower `lr` in the recipe, "
            f"for example to {lr / 3:.1g}."
        )
    also = ', or set `precision = "float32"`' if reduced else ""
    return (
        f"The usual cause is too high a rate: lower `lr` in the recipe, for example to {lr / 3:.1g}{also}, and give "
        "another output folder."
    )


def _kept(folder: Path | None, facts: dict[str, Any]) -> str:
    """Write the facts of a failed step; return a sentence that says where, or "" where that fails."""
    if folder is None:
        return ""
    try:
        folder.mkdir(exist_ok=True)  # before the first checkpoint
        return f" All its windows are listed in {write(folder / FAILED, json.dumps(facts, indent=1))}."
    except (OSError, StorageError):
        return ""


def within_memory(step: Callable[[Tensor], Result], ids: Tensor, stage: str, device: torch.device) -> Result:
    """Return `step(ids)`; where memory does not suffice, find by trial the half, quarter, ... of `ids` that fits.

    Raises:
        TrainingError: memory does not suffice; says the batch that does. The state of what `step` trains is spoilt.
    """
    try:
        return step(ids)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        said = str(error).strip().split("\n")[0]  # allocators follow it with advice of their own
    # Not in the handler: what was raised keeps the tensors of the step alive.
    fits = None
    size = len(ids) // 2
    while fits is None and size >= 1:
        fits = size if _goes(step, ids[:size], device) else None
        size //= 2
    cure = (
        f"A batch of {fits} fits: set batch_size = {fits} in this stage's section of the recipe (a contrastive method "
        "then sees fewer negatives), or free memory on the device."
        if fits
        else "Not even one window fits: free memory on the device, or use --device cpu."
    )
    raise TrainingError(
        f"{stage}: a batch of {len(ids)} does not fit into the memory of {device} ({said}). {cure} "
        "Checkpoints of earlier epochs are kept."
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that a GPU, or the allocator of the CPU, has refused memory.

    >>> is_out_of_memory(RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB."))
    True
    """
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error).lower() for text in _NO_MEMORY)


def _goes(step: Callable[[Tensor], Any], ids: Tensor, device: torch.device) -> bool:
    release(device)
    try:
        step(ids)
    except (RuntimeError, ValueError, MemoryError):  # too few windows for the method, for example
        return False
    return True


def release(device: torch.device) -> None:
    """Give memory back that nothing refers to any more."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ("window " if len(names) == 1 else "windows ") + ", ".join(names[:_NAMED]) + more
