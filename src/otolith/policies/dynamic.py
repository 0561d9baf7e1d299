"""A temperature for each negative pair from how alike its instances are: NDT-Xent (Eqs 2-5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from torch import Tensor

from otolith.losses import ndt_xent


@dataclass(frozen=True)
class DynamicTemperature:
    """The paper's method; see `otolith.losses.ndt_xent` for the two readings that the options choose between."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    temperature: float = 0.1
    detach_positive: bool = False
    positive_pairs: Literal["instances", "views"] = "instances"
    needs_instances: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise ValueError(f"expected temperature > 0; got {self.temperature}")

    def loss(self, z: Tensor, h: Tensor | None = None, progress: float = 0.0) -> Tensor:
        if h is None:
            raise ValueError("dynamic temperature needs instance features h (n, m) of a teacher; got None")
        return ndt_xent(z, h, self.temperature, self.detach_positive, self.positive_pairs)
