"""What the training loop knows of a method: a module with a loss that needs no labels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from otolith.augment import Compose


@dataclass(frozen=True)
class Batch:
    """Clean windows of one step.

    `x` is (n, channels, time) in z-score units; `h` (n, m) the teacher's features of the same windows, or None for a
    method without a teacher; `progress` the share of all steps that are done, 0 <= progress < 1.
    """

    x: Tensor
    h: Tensor | None = None
    progress: float = 0.0


class Method(nn.Module):
    """A pretext task: an `encoder` worth keeping and a `loss`."""

    encoder: nn.Module
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
