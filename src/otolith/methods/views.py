"""The two augmented views of each window that most methods begin with."""

from __future__ import annotations

import torch
from torch import Tensor

from otolith.augment import Compose
from otolith.training.pretext import Batch


def two_views(augment: Compose, batch: Batch, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return two augmentations of each clean window, drawn one after the other: (n, channels, time) -> twice that.

    >>> one, other = two_views(Compose([]), Batch(torch.zeros(4, 6, 30)), torch.Generator())
    >>> one.shape, other.shape
    (torch.Size([4, 6, 30]), torch.Size([4, 6, 30]))
    """
    with torch.autocast(batch.x.device.type, enabled=False):  # rotations and warps are exact or they blur
        first, second = (augment.apply(batch.x, batch.draw(lambda x: augment.sample(x, generator))) for _ in range(2))
    return first, second
