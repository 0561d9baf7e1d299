"""The interface between the contrastive method and a temperature policy."""

from __future__ import annotations

from typing import ClassVar, Protocol

from torch import Tensor


class Policy(Protocol):
    """Turns view embeddings, and instance features where it needs them, into a loss."""

    needs_instances: ClassVar[bool]
    """Whether `loss` reads the instance features of a frozen teacher."""

    def loss(self, z: Tensor, h: Tensor | None = None, progress: float = 0.0) -> Tensor:
        """z: (2n, d), view 1 of all n instances first, then view 2; h: (n, m) or None; progress: the share of training
        that is done. Returns a scalar."""
        ...
