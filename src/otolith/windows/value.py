"""Windows as one frozen value: arrays of equal length, and the facts about them."""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from otolith.errors import DataError
from otolith.recording import CHANNELS
from otolith.windows import described
from otolith.windows.meta import WindowMeta as WindowMeta

if TYPE_CHECKING:
    import polars as pl
DIGITS = 16
"""Hexadecimal digits of a digest of content."""


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

    The arrays are read-only: copy what you want to change. `w[10:20]`, `w[mask]` and `w[[1, 5]]` are windows (a slice
    without copying), `w[3]` is one `Window`, as are the members of a loop.

    >>> w = Windows.from_arrays(np.zeros((4, 6, 30)), y=[0, 0, 1, -1], activities=("sit", "walk"))
    >>> len(w), w.n_classes, w.take(w.y == 1).x.shape
    (4, 2, (1, 6, 30))
    >>> w[1:], [window.activity for window in w[1:]]
    (<Windows 'own': 3 windows of 1 s at 30 Hz, acc, gyro, 1 person, 3 s, 2 activities, 1 unlabelled>,
     ['sit', 'walk', None])
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

    @overload
    def __getitem__(self, at: int | np.integer) -> described.Window: ...
    @overload
    def __getitem__(self, at: slice | ArrayLike) -> Windows: ...
    def __getitem__(self, at: Any) -> Any:
        return described.one(self, int(at)) if described.is_number(at) else self.take(at)

    def __iter__(self) -> Iterator[described.Window]:
        return (described.one(self, i) for i in range(len(self)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.x, dtype, copy=copy if copy else None)

    def __repr__(self) -> str:
        return described.text(self)

    def _repr_html_(self) -> str:
        return described.page(self)

    def to_numpy(self) -> NDArray[np.float32]:
        """Return a copy of `x`, float32 (n, channels, time), which may be changed."""
        return np.array(self.x)

    def to_polars(self) -> pl.DataFrame:
        """Return a row a window: subject, recording, start_s, stop_s, label, and an array (time,) for each channel."""
        return described.table(self)

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

    def take(self, indices: slice | ArrayLike) -> Windows:
        """Return the windows at `indices` (integers or a boolean mask), copied; those of a slice are not."""
        rows = described.rows(indices, len(self))
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
