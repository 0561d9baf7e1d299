"""Settings of a classifier's training; importable without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

MOST_HIDDEN = 100
MOST_WIDTH = 1_000_000


@dataclass(frozen=True, kw_only=True)
class FinetuneSettings:
    """Settings of a classifier's training; the defaults are the paper's (Section IV-B4).

    Raises:
        ValueError: a value is out of its range.

    >>> FinetuneSettings(head="linear", epochs=20).lr
    0.0001
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    epochs: int = 50
    batch_size: int = 128
    lr: float = 1e-4
    patience: int = 10
    """The rate is halved when more epochs than this in a row bring no better validation macro F1."""
    head: Literal["mlp", "linear"] = "mlp"
    hidden: tuple[int, ...] = (256, 128)
    dropout: float = 0.2
    weight_decay: float = 0.0
    class_balanced: bool = False
    """Weight each activity's cross-entropy by the inverse of its frequency."""

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 1 or not self.lr > 0 or self.patience < 0:
            raise ValueError(
                f"expected epochs >= 1, batch_size >= 1, lr > 0 and patience >= 0; got epochs {self.epochs}, "
                f"batch_size {self.batch_size}, lr {self.lr}, patience {self.patience}"
            )
        if len(self.hidden) > MOST_HIDDEN:
            raise ValueError(f"expected at most {MOST_HIDDEN} hidden layers; got {len(self.hidden)}")
        if any(width > MOST_WIDTH for width in self.hidden):
            raise ValueError(f"expected hidden widths of at most {MOST_WIDTH:,}; got {list(self.hidden)}")
        if not 0 <= self.dropout < 1 or not self.weight_decay >= 0 or any(width < 1 for width in self.hidden):
            raise ValueError(
                f"expected 0 <= dropout < 1, weight_decay >= 0 and hidden widths >= 1; got dropout {self.dropout}, "
                f"weight_decay {self.weight_decay}, hidden {list(self.hidden)}"
            )
