"""A temperature for each pair from how alike its views are: DySTreSS (Manna et al. 2025)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from otolith.losses import dystress_nt_xent


@dataclass(frozen=True)
class SimilarityTemperature:
    """The nearest rival of dynamic temperature: it asks the embeddings in training where that asks a frozen teacher."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    temperature_min: float = 0.07
    temperature_max: float = 0.2
    needs_instances: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not 0 < self.temperature_min <= self.temperature_max:
            raise ValueError(
                f"expected 0 < temperature_min <= temperature_max; got temperature_min {self.temperature_min}, "
                f"temperature_max {self.temperature_max}"
            )

    def loss(self, z: Tensor, h: Tensor | None = None, progress: float = 0.0) -> Tensor:
        return dystress_nt_xent(z, self.temperature_min, self.temperature_max)
