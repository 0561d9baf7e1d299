"""One temperature for all pairs that follows how well the batch's positives agree: MACL (Huang et al. 2023)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from otolith.losses import macl_nt_xent


@dataclass(frozen=True)
class ModelAwareTemperature:
    """Alignment-adaptive temperature and reweighted gradient; see `otolith.losses.macl_nt_xent` for the values."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    temperature: float = 0.1
    alpha: float = 0.5
    threshold: float = 0.0
    """A_0, the alignment at which the temperature is `temperature`."""
    reweight: bool = True
    needs_instances: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not self.temperature > 0 or not self.alpha >= 0:
            raise ValueError(
                f"expected temperature > 0 and alpha >= 0; got temperature {self.temperature}, alpha {self.alpha}"
            )
        if not -1 <= self.threshold <= 1:
            raise ValueError(f"expected a threshold from -1 to 1, a cosine similarity; got {self.threshold}")

    def loss(self, z: Tensor, h: Tensor | None = None, progress: float = 0.0) -> Tensor:
        return macl_nt_xent(z, self.temperature, self.alpha, self.threshold, self.reweight)
