"""Settings of a pre-training; importable without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

OptimizerName = Literal["larc", "adam", "lamb", "adamw"]
ScheduleName = Literal["constant", "cosine", "one-cycle"]


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """Settings of a pre-training; Section IV-B gives the paper's values.

    Raises:
        ValueError: a value is out of its range.

    >>> TrainSettings(epochs=100, batch_size=256, lr=1e-4, optimizer="larc").schedule
    'constant'
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    epochs: int
    batch_size: int
    """Windows in a step; the last partial batch of an epoch is dropped."""
    lr: float
    optimizer: OptimizerName = "adam"
    trust: float = 0.02
    """LARC's and LAMB's trust coefficient."""
    weight_decay: float = 0.0
    schedule: ScheduleName = "constant"
    warmup: float = 0.0
    """Share of all steps in which the learning rate climbs."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """`auto`: bfloat16 products on a GPU that has them, float32 elsewhere. Losses are float32 always."""

    def __post_init__(self) -> None:
        if self.epochs < 0 or self.batch_size < 2 or not self.lr > 0 or not 0 <= self.warmup < 1:
            raise ValueError(
                f"expected epochs >= 0, batch_size >= 2, lr > 0 and 0 <= warmup < 1; got epochs {self.epochs}, "
                f"batch_size {self.batch_size}, lr {self.lr}, warmup {self.warmup}"
            )
        if not self.trust > 0 or not self.weight_decay >= 0:
            raise ValueError(
                f"expected trust > 0 and weight_decay >= 0; got trust {self.trust}, weight_decay {self.weight_decay}"
            )
