"""Facts about windows: everything but their arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from otolith.errors import DataError
from otolith.recording import CHANNELS

if TYPE_CHECKING:
    from otolith.windows.subjects import FixedSubjects

MOST_STEPS = 1_000_000
"""Samples of a window: beyond any that a network here can take in."""


@dataclass(frozen=True)
class WindowMeta:
    """Facts about windows: everything but the arrays.

    `channels` is the order of axis 1 (m/s² and rad/s), `rate_hz` the rate after resampling, `seconds` the
    length of a window, `overlap` the share of it that the next one repeats. `fixed` is the data set's own
    subject split, if any. `n_short` labelled and `n_short_unlabelled` unlabelled stretches were shorter than
    one window and gave none. `content` is a digest of the recordings, by which data sets of one name are told apart; ""
    where the arrays themselves have to tell.
    """

    dataset: str
    activities: tuple[str, ...]
    channels: tuple[str, ...] = CHANNELS
    rate_hz: float = 30.0
    seconds: float = 1.0
    overlap: float = 0.5
    terms: str = ""
    fixed: FixedSubjects | None = None
    n_short: int = 0
    n_short_unlabelled: int = 0
    content: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        for name in ("rate_hz", "seconds"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise DataError(f"{name} is {value}; it has to be a positive number.")
        if not 0 <= self.overlap < 1:
            raise DataError(f"overlap is {self.overlap}; it has to lie in [0, 1), for example 0.5 for half a window.")
        if self.n_steps < 1:
            raise DataError(
                f"A window of {self.seconds:g} s at {self.rate_hz:g} Hz holds no sample; raise rate_hz or seconds."
            )
        if self.n_steps > MOST_STEPS:
            raise DataError(f"A window of {self.n_steps:,} samples is longer than {MOST_STEPS:,}; lower seconds.")
        for name in ("channels", "activities"):
            values = getattr(self, name)
            if len(set(values)) < len(values):
                raise DataError(f"{name} {values} name something twice.")
        if not self.channels:
            raise DataError("Windows need at least one channel.")

    @property
    def n_steps(self) -> int:
        """Samples per window, T."""
        return round(self.seconds * self.rate_hz)

    @classmethod
    def of(
        cls,
        info: Any,
        rate_hz: float = 30.0,
        seconds: float = 1.0,
        overlap: float = 0.5,
        channels: Sequence[str] | None = None,
    ) -> WindowMeta:
        """Return the facts for windows of the data set that `info` describes; `channels` None: all of its."""
        from otolith.windows.subjects import FixedSubjects

        split = getattr(info, "default_split", None)
        return cls(
            dataset=info.name,
            activities=tuple(info.activities),
            channels=tuple(info.channels if channels is None else channels),
            rate_hz=float(rate_hz),
            seconds=float(seconds),
            overlap=float(overlap),
            terms=info.terms,
            fixed=split if isinstance(split, FixedSubjects) else None,
        )
