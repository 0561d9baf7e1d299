"""Negatives corrected for those of the anchor's own class: the debiased loss (Chuang et al. 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from otolith.losses import debiased_nt_xent


@dataclass(frozen=True)
class DebiasedNegatives:
    """See `otolith.losses.debiased_nt_xent` for why the temperature is not the 0.1 of the other policies."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    temperature: float = 0.5
    tau_plus: float = 0.1
    """Share of negatives that belong to the anchor's class."""
    needs_instances: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not self.temperature > 0 or not 0 <= self.tau_plus < 1:
            raise ValueError(
                f"expected temperature > 0 and 0 <= tau_plus < 1; got temperature {self.temperature}, "
                f"tau_plus {self.tau_plus}"
            )

    def loss(self, z: Tensor, h: Tensor | None = None, progress: float = 0.0) -> Tensor:
        return debiased_nt_xent(z, self.temperature, self.tau_plus)
