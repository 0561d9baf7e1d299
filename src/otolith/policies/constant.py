"""One temperature for all pairs: NT-Xent (Eq 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from torch import Tensor

from otolith.losses import nt_xent


@dataclass(frozen=True)
class ConstantTemperature:
    """CSSHAR with cosine similarity; the paper's "angular similarity" ablation with angular (Table I)."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    temperature: float = 0.1
    similarity: Literal["cosine", "angular"] = "cosine"
    needs_instances: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise ValueError(f"expected temperature > 0; got {self.temperature}")

    def loss(self, z: Tensor, h: Tensor | None = None, progress: float = 0.0) -> Tensor:
        return nt_xent(z, self.temperature, self.similarity)
