"""Negatives weighted by how alike they are to the anchor, and debiased: hard negatives (Robinson et al. 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from otolith.losses import hard_negative_nt_xent


@dataclass(frozen=True)
class HardNegatives:
    """See `otolith.losses.hard_negative_nt_xent`; dynamic temperature does the opposite to negatives that are alike."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    temperature: float = 0.5
    tau_plus: float = 0.1
    """Share of negatives that belong to the anchor's class."""
    beta: float = 1.0
    """How much more a hard negative weighs; 0 weighs all alike."""
    needs_instances: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not self.temperature > 0 or not 0 <= self.tau_plus < 1 or not self.beta >= 0:
            raise ValueError(
                f"expected temperature > 0, 0 <= tau_plus < 1 and beta >= 0; got temperature {self.temperature}, "
                f"tau_plus {self.tau_plus}, beta {self.beta}"
            )

    def loss(self, z: Tensor, h: Tensor | None = None, progress: float = 0.0) -> Tensor:
        return hard_negative_nt_xent(z, self.temperature, self.tau_plus, self.beta)
