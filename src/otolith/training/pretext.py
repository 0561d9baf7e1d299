"""What the training loop knows of a method: a module with a loss that needs no labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from otolith.augment import Compose
from otolith.nets import Encoder
from otolith.training.ranks import ALONE, Ranks

Drawn = TypeVar("Drawn")


@dataclass(frozen=True)
class Batch:
    """Clean windows of one step.

    `x` is (n, channels, time) in z-score units; `h` (n, m) the teacher's features of the same windows, or None for a
    method without a teacher; `progress` the share of all steps that are done, 0 <= progress < 1. Where several `ranks`
    train together, these n are the part of one of them.
    """

    x: Tensor
    h: Tensor | None = None
    progress: float = 0.0
    ranks: Ranks = ALONE

    def draw(self, sample: Callable[[Tensor], Drawn]) -> Drawn:
        """What `sample` draws for windows like `x`: tensors with a row for each, also within containers.

        `sample` must look at shape, type and device alone. Every rank draws for the joint batch and keeps its
        rows, so that a window is treated alike whatever their number.
        """
        if self.ranks.size == 1:
            return sample(self.x)
        n = len(self.x) * self.ranks.size
        drawn: Drawn = _rows(sample(self.x[:1].expand(n, *self.x.shape[1:])), self.ranks.rows(n))
        return drawn


class Method(nn.Module):
    """A pretext task: an `encoder` worth keeping and a `loss`."""

    encoder: Encoder
    augment: Compose | None = None
    """What the method draws its views by; None: it sees windows as they are."""
    needs_instances: bool = False
    """Whether the loop must hand over `Batch.h`."""

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Terms of the loss, scalars; "loss" is the one to minimise. All randomness but dropout is `generator`'s."""
        raise TypeError(f"{type(self).__name__} defines no loss")

    def after_step(self, progress: float) -> None:
        """Called after each update of the weights, with the share of steps done: for what follows them, such as a
        moving average. What it keeps belongs into buffers or parameters, so that checkpoints hold it."""


def _rows(drawn: Any, rows: slice) -> Any:
    if isinstance(drawn, Tensor):
        return drawn[rows]
    if isinstance(drawn, Mapping):
        return {name: _rows(each, rows) for name, each in drawn.items()}
    if isinstance(drawn, tuple | list):
        return type(drawn)(_rows(each, rows) for each in drawn)
    if is_dataclass(drawn) and not isinstance(drawn, type):
        return replace(drawn, **{field.name: _rows(getattr(drawn, field.name), rows) for field in fields(drawn)})
    return drawn
