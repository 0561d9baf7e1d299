"""Windows as one frozen value: arrays of equal length, and the facts about them."""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from otolith.errors import DataError
from otolith.recording import CHANNELS

if TYPE_CHECKING:
    from otolith.windows.subjects import FixedSubjects

DIGITS = 16
"""Hexadecimal digits of a digest of content."""
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


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of one data set, one row per window in every array.

    Attributes:
        x: float32 (n, channels, time), unscaled, in m/s² and rad/s.
        y: int64 (n,), index into `activities`; -1 where unlabelled.
        subject: (n,) int64 or str: who wore the device.
        recording: (n,) str: name of the recording.
        start: float64 (n,): time of the first sample in seconds on the recording's clock.
        meta: the facts about them.

    The arrays are read-only: copy what you want to change.

    >>> w = Windows.from_arrays(np.zeros((4, 6, 30)), y=[0, 0, 1, -1], activities=("sit", "walk"))
    >>> len(w), w.n_classes, w.take(w.y == 1).x.shape
    (4, 2, (1, 6, 30))
    """

    x: NDArray[np.float32]
    y: NDArray[np.int64]
    subject: NDArray[Any]
    recording: NDArray[np.str_]
    start: NDArray[np.float64]
    meta: WindowMeta

    def __post_init__(self) -> None:
        for name in ("x", "y", "subject", "recording", "start"):
            view = getattr(self, name).view()  # the caller's own array stays writable
            view.flags.writeable = False
            object.__setattr__(self, name, view)
        if self.x.ndim != 3 or self.x.shape[1:] != (len(self.meta.channels), self.meta.n_steps):
            raise DataError(
                f"x has shape {self.x.shape}, expected (windows, {len(self.meta.channels)}, {self.meta.n_steps})."
            )
        for name in ("y", "subject", "recording", "start"):
            shape = getattr(self, name).shape
            if shape != (len(self.x),):
                raise DataError(f"{name} has shape {shape}, expected ({len(self.x)},): one value per window.")

    def __len__(self) -> int:
        return len(self.x)

    @property
    def activities(self) -> tuple[str, ...]:
        """Names of the activities; `y` indexes them."""
        return self.meta.activities

    @property
    def n_classes(self) -> int:
        return len(self.meta.activities)

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """(n,) True where the activity is known."""
        return self.y >= 0

    @functools.cached_property
    def content(self) -> str:
        """Digest of what these windows were cut from, in hexadecimal digits; without recordings, of their arrays."""
        if self.meta.content:
            return self.meta.content
        arrays = (self.x, self.y, self.subject, self.recording, self.start)
        return _digest(*(np.ascontiguousarray(array).tobytes() for array in arrays))

    def take(self, indices: ArrayLike) -> Windows:
        """Return the windows at `indices` (integers or a boolean mask), copied."""
        rows = np.asarray(indices)
        return Windows(
            self.x[rows], self.y[rows], self.subject[rows], self.recording[rows], self.start[rows], self.meta
        )

    @classmethod
    def from_arrays(
        cls,
        x: ArrayLike,
        y: ArrayLike | None = None,
        subject: ArrayLike | None = None,
        recording: ArrayLike | None = None,
        start: ArrayLike | None = None,
        *,
        channels: Sequence[str] | None = None,
        rate_hz: float = 30.0,
        activities: Sequence[str] | None = None,
        overlap: float = 0.0,
        dataset: str = "own",
        terms: str = "",
    ) -> Windows:
        """Return windows that somebody has cut already.

        Args:
            x: (n, channels, time), finite, in m/s² and rad/s.
            y: (n,) integers 0..C-1, -1 where unlabelled; None: nothing is labelled.
            subject: (n,) integers or strings; None: one subject, so no subject split is possible.
            recording: (n,) names; None: each subject is one recording.
            start: (n,) seconds within the recording; None: windows follow each other in the order given.
            channels: names in the order of axis 1; None: the six of `CHANNELS` if x has six, else refused.
            rate_hz: sampling rate of x.
            activities: names that y indexes; None: "0", "1", ... up to the largest y.
            overlap: the share of a window that the next one repeats (used where `start` is None).

        Raises:
            DataError: shapes that disagree, values that are not finite, labels without a name.
        """
        values = np.asarray(x)
        if values.ndim != 3 or 0 in values.shape:
            raise DataError(f"x has shape {values.shape}, expected (windows, channels, time), none of them 0.")
        if values.dtype.kind not in "fiu":
            raise DataError(f"x is {values.dtype}, expected real numbers.")
        with np.errstate(over="ignore"):  # becomes infinite and is refused in the next line
            values = values.astype(np.float32, copy=False)
        if not np.isfinite(values).all():
            window, channel, step = (int(i) for i in np.argwhere(~np.isfinite(values))[0])
            raise DataError(f"x is not finite (float32) at window {window}, channel {channel}, step {step}.")
        n, n_channels, n_steps = values.shape
        if channels is None and n_channels != len(CHANNELS):
            raise DataError(f"x has {n_channels} channels; name them: channels=('acc_x', ...).")
        names = tuple(CHANNELS if channels is None else channels)
        if len(names) != n_channels:
            raise DataError(f"x has {n_channels} channels, but {len(names)} are named: {', '.join(names)}.")
        labels = np.full(n, -1) if y is None else np.asarray(y)
        if labels.dtype.kind not in "iu":
            raise DataError(f"y is {labels.dtype}, expected integers 0..C-1 with -1 for unlabelled windows.")
        highest = int(labels.max()) if labels.size else -1
        known = tuple(str(i) for i in range(highest + 1)) if activities is None else tuple(activities)
        if labels.size and (int(labels.min()) < -1 or highest >= len(known)):
            raise DataError(
                f"y lies in {int(labels.min())}..{highest}; with {len(known)} activities it has to lie in "
                f"-1..{len(known) - 1}."
            )
        if not (math.isfinite(rate_hz) and rate_hz > 0):
            raise DataError(f"rate_hz is {rate_hz}; it has to be a positive number.")
        who = subject_array(np.zeros(n, np.int64) if subject is None else np.asarray(subject))
        where = (who if recording is None else np.asarray(recording)).astype(np.str_)
        meta = WindowMeta(dataset, known, names, float(rate_hz), n_steps / rate_hz, overlap, terms)
        if start is None:
            when = (_order_within(where) * (meta.seconds * (1 - overlap))).astype(np.float64)
        else:
            when = np.asarray(start, dtype=np.float64)
            if not np.isfinite(when).all():
                raise DataError(f"start is not finite at window {int(np.flatnonzero(~np.isfinite(when))[0])}.")
        return Windows(values, labels.astype(np.int64), who, where, when, meta)


def _digest(*parts: bytes) -> str:
    total = hashlib.sha256()
    for part in parts:
        total.update(len(part).to_bytes(8, "big") + part)
    return total.hexdigest()[:DIGITS]


def subject_array(values: NDArray[Any]) -> NDArray[Any]:
    """Return names as int64 where all are integers that fit, as strings otherwise."""
    if all(isinstance(v, (int, np.integer)) and -(2**63) <= v < 2**63 for v in values.tolist()):
        return values.astype(np.int64)
    return np.array([str(v) for v in values.tolist()], dtype=np.str_)


def _order_within(names: NDArray[np.str_]) -> NDArray[np.int64]:
    """(n,) how many earlier rows carry the same name."""
    order = np.argsort(names, kind="stable")
    sorted_names = names[order]
    first = np.concatenate([[True], sorted_names[1:] != sorted_names[:-1]])
    begin = np.maximum.accumulate(np.where(first, np.arange(len(names)), 0))
    out = np.empty(len(names), np.int64)
    out[order] = np.arange(len(names)) - begin
    return out
