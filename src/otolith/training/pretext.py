"""Base class of pretext tasks: a module with an encoder and a loss that needs no labels."""

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

    Args:
        x: (n, channels, time) in z-score units; where several ranks train together, the part of one of them.
        h: (n, m) the teacher's features of the same windows, or None for a method without a teacher.
        progress: share of all steps that are done, 0 <= progress < 1.
        ranks: the processes that train together.
    """

    x: Tensor
    h: Tensor | None = None
    progress: float = 0.0
    ranks: Ranks = ALONE

    def draw(self, sample: Callable[[Tensor], Drawn]) -> Drawn:
        """Return what `sample` draws for windows like `x`: tensors with a row for each, also within containers.

        Every rank draws for the joint batch and keeps its rows, so that a window is treated alike whatever their
        number.

        Args:
            sample: maps windows to draws, from their shape, type and device alone.

        >>> batch = Batch(torch.zeros(4, 6, 30))
        >>> batch.draw(lambda x: torch.rand(len(x))).shape
        torch.Size([4])
        """
        if self.ranks.size == 1:
            return sample(self.x)
        n = len(self.x) * self.ranks.size
        drawn: Drawn = _rows(sample(self.x[:1].expand(n, *self.x.shape[1:])), self.ranks.rows(n))
        return drawn


class Method(nn.Module):
    """A pretext task: an `encoder` worth keeping and a `loss`.

    >>> class Reconstruction(Method):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.encoder = torch.nn.Linear(30, 30)
    ...
    ...     def loss(self, batch, generator):
    ...         return {"loss": (self.encoder(batch.x) - batch.x).square().mean()}
    >>> Reconstruction().loss(Batch(torch.zeros(4, 6, 30)), torch.Generator())["loss"].shape
    torch.Size([])
    """

    encoder: Encoder
    augment: Compose | None = None
    """The changes that make views; None: the method sees windows as they are."""
    needs_instances: bool = False
    """True: the loop has to hand over `Batch.h`."""
    teacher: str = "autoencoder"
    """Source of `Batch.h` where it is needed: features of an "autoencoder", or "handmade" ones."""

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Return the terms of the loss, scalars; "loss" is the one to minimise.

        All randomness but dropout is drawn from `generator`.
        """
        raise TypeError(f"{type(self).__name__} has to define loss(batch, generator)")

    def after_step(self, progress: float) -> None:
        """Follow an update of the weights, by a moving average for example; `progress` is the share of steps done.

        What it keeps belongs into buffers or parameters, so that checkpoints hold it.
        """


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
