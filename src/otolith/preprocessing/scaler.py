"""Channel-wise standardisation (Section IV-A) by mean and deviation of the training windows only, after gravity
alignment where it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from otolith.errors import DataError
from otolith.preprocessing.gravity import align
from otolith.recording import STANDARD_GRAVITY, Triads

if TYPE_CHECKING:
    import torch

    Signals = TypeVar("Signals", NDArray[Any], torch.Tensor)

_CHUNK = 4096
LEAST, MOST = 1e-12, 1e30
"""Bounds of deviations, and of means: beyond, standardised samples leave what float32 holds."""


@dataclass(frozen=True, eq=False)
class Scaler:
    """z = (x - mean) / std for every channel.

    Args:
        mean: float64 (channels,), in the units of the windows (m/s² and rad/s).
        std: the same; positive: a channel that did not vary where the scaler was fitted has 1.
        turned: triads of channels that gravity alignment turns first (`otolith.preprocessing.gravity`), the
            accelerometer before the others; empty: windows stay in the device's axes. Mean and deviation are those of
            aligned windows.
        parts: of each triad that is turned, its horizontal length, its length and its vertical part stand in place of
            x, y and z.
        may_miss: channels that may be NaN throughout a window, for a sensor that was not there: they become 0, the
            mean of the training windows.
        applied: False leaves signals in m/s² and rad/s, z = x: mean and deviation only describe the training windows.

    Raises:
        DataError: shapes that differ, values that are not finite or too large, or channels that are not there.

    >>> scaler = Scaler.fit(np.array([[[1.0, 3.0]], [[5.0, 7.0]]]))
    >>> scaler.mean, scaler.transform(np.array([[4.0, 4.0]]))
    (array([4.]), array([[0., 0.]]))
    """

    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    turned: Triads = ()
    may_miss: tuple[int, ...] = ()
    applied: bool = True
    parts: bool = False

    def __post_init__(self) -> None:
        if self.mean.ndim != 1 or self.mean.shape != self.std.shape or not len(self.mean):
            raise DataError(
                f"A scaler's mean has shape {self.mean.shape}, its std {self.std.shape}; expected (channels,) for both."
            )
        if not ((np.abs(self.mean) <= MOST).all() and (self.std >= LEAST).all() and (self.std <= MOST).all()):
            raise DataError(
                f"A scaler's means have to be finite and at most {MOST:g}, its deviations between {LEAST:g} and "
                f"{MOST:g}; got {self.mean} and {self.std}. Fit it again on finite samples."
            )
        named = [*self.may_miss, *(i for triad in self.turned for i in triad)]
        if not all(0 <= i < len(self.mean) for i in named) or any(len(triad) != 3 for triad in self.turned):
            raise DataError(
                f"A scaler of {len(self.mean)} channels names channels {named}; expected numbers from 0 to "
                f"{len(self.mean) - 1}, and three for each sensor that is turned."
            )
        if self.parts and not self.turned:
            raise DataError("A scaler that splits off the vertical needs triads to turn.")
        if self.turned and set(self.turned[0]) & set(self.may_miss):
            raise DataError(
                "Gravity alignment needs the accelerometer: leave it out of the sensors that may be missing."
            )

    @property
    def n_channels(self) -> int:
        return len(self.mean)

    @property
    def shift(self) -> NDArray[np.float64]:
        """Return what is subtracted of every channel: its mean, or 0 where the scaler is not applied."""
        return self.mean if self.applied else np.zeros_like(self.mean)

    @property
    def factor(self) -> NDArray[np.float64]:
        """Return what every channel is divided by: its deviation, or 1 where the scaler is not applied."""
        return self.std if self.applied else np.ones_like(self.std)

    @classmethod
    def fit(
        cls,
        x: NDArray[np.floating],
        indices: ArrayLike | None = None,
        *,
        turned: Triads = (),
        may_miss: Sequence[int] = (),
        parts: bool = False,
    ) -> Scaler:
        """Fit a scaler on windows, in float64.

        Args:
            x: (n, channels, time). indices: numbers of the windows to fit on, or a mask; None: all.
            turned, may_miss, parts: see `Scaler`.

        Raises:
            DataError: no window, another shape, samples that are not finite, or alignment of signals without gravity.
        """
        if x.ndim != 3:
            raise DataError(f"x has shape {x.shape}, expected (windows, channels, time).")
        rows = np.arange(len(x)) if indices is None else np.asarray(indices)
        if rows.dtype == np.bool_:
            rows = np.flatnonzero(rows)
        if not len(rows) or not x.shape[1] or not x.shape[2]:
            raise DataError(
                f"A scaler cannot be fitted on {len(rows)} windows of shape {x.shape[1:]}; expected one window or "
                "more, with channels and samples."
            )
        count = 0
        lengths: list[NDArray[np.float64]] = []
        mean = np.zeros(x.shape[1])
        squares = np.zeros(x.shape[1])  # sum of squared differences from the mean
        with np.errstate(invalid="ignore", over="ignore"):  # what is not finite is refused below
            for i in range(0, len(rows), _CHUNK):
                chunk = x[rows[i : i + _CHUNK]].astype(np.float64)
                if turned:
                    lengths.append(np.linalg.norm(chunk[:, turned[0]].mean(2), axis=1))
                    chunk = align(chunk, turned, parts)
                n = chunk.shape[0] * chunk.shape[2]
                own = chunk.mean(axis=(0, 2))
                chunk -= own[:, None]
                np.square(chunk, out=chunk)
                # two means and deviations into one (Chan, Golub, LeVeque 1979): no cancellation of large
                # means
                squares += chunk.sum(axis=(0, 2)) + (own - mean) ** 2 * (count * n / (count + n))
                mean += (own - mean) * (n / (count + n))
                count += n
        if not (np.isfinite(mean).all() and np.isfinite(squares).all()):
            bad = int(np.flatnonzero(~(np.isfinite(mean) & np.isfinite(squares)))[0])
            raise DataError(f"Channel {bad} holds samples that are not finite; repair or leave out their windows.")
        if turned:
            _refuse_no_gravity(float(np.median(np.concatenate(lengths))))
        std = np.sqrt(squares / count)
        # below float32's resolution of the mean a deviation is nothing but rounding
        flat = std <= np.maximum(1e-7 * np.abs(mean), LEAST)
        return cls(mean, np.where(flat, 1.0, std), turned, tuple(may_miss), parts=parts)

    def transform(self, x: Signals) -> Signals:
        """Align, where the scaler does, and standardise (..., channels, time): a numpy array or a torch tensor.

        The result is a new array or tensor of the same type (half precision and integers: float32).
        """
        mean, std, x = self._matching(x)
        if self.turned:
            x = align(x, self.turned, self.parts)
        z = (x - mean) / std
        for channel in self.may_miss:
            part = z[..., channel, :]
            part[part != part] = 0  # NaN alone differs from itself
        return z

    def inverse(self, x: Signals) -> Signals:
        """Return signals in m/s² and rad/s, still aligned; shapes and types as in `transform`."""
        mean, std, x = self._matching(x)
        return x * std + mean

    def _matching(self, x: Any) -> tuple[Any, Any, Any]:
        """Return mean and std as (channels, 1) of the type and on the device of x, and x in floating point."""
        if x.ndim < 2 or x.shape[-2] != self.n_channels:
            raise DataError(
                f"Signals have shape {tuple(x.shape)}, expected (..., {self.n_channels}, time): the scaler "
                f"was fitted on {self.n_channels} channels."
            )
        mean, std = self.shift[:, None], self.factor[:, None]
        if isinstance(x, np.ndarray):
            dtype = x.dtype if x.dtype in (np.float32, np.float64) else np.dtype(np.float32)
            return mean.astype(dtype), std.astype(dtype), x.astype(dtype, copy=False)
        # a torch tensor; asked through its own methods, so that torch need not be imported here
        if x.element_size() < 4 or not x.is_floating_point():
            x = x.float()
        return x.new_tensor(mean), x.new_tensor(std), x

    def to_dict(self) -> dict[str, Any]:
        """Return values for JSON; every float comes back exactly. Steps that the scaler does not take are left out."""
        values: dict[str, Any] = {"mean": self.mean.tolist(), "std": self.std.tolist()}
        if self.turned:
            values["turned"] = [list(triad) for triad in self.turned]
        if self.may_miss:
            values["may_miss"] = list(self.may_miss)
        if not self.applied:
            values["applied"] = False
        if self.parts:
            values["parts"] = True
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Scaler:
        """Return the scaler of which `to_dict` gave these values.

        Raises:
            DataError: keys other than those of `to_dict`, or values of another kind.
        """
        if not {"mean", "std"} <= set(values) <= {"mean", "std", "turned", "may_miss", "applied", "parts"}:
            raise DataError(f"A scaler has the keys mean and std, not {', '.join(sorted(map(str, values))) or 'none'}.")
        try:
            mean, std = (np.asarray(values[key], dtype=np.float64) for key in ("mean", "std"))
            turned = tuple((int(i), int(j), int(k)) for i, j, k in values.get("turned", []))
            may_miss = tuple(int(i) for i in values.get("may_miss", []))
        except (TypeError, ValueError) as error:
            raise DataError(f"A scaler's mean and std have to be rows of numbers: {error}.") from error
        for key in ("applied", "parts"):
            if not isinstance(values.get(key, True), bool):
                raise DataError(f"A scaler's {key} is true or false, not {values[key]!r}.")
        return cls(mean, std, turned, may_miss, values.get("applied", True), values.get("parts", False))


def _refuse_no_gravity(typical: float) -> None:
    """Raise DataError where the windows' mean accelerations have no typical length (m/s²) that gravity could give."""
    if typical < 0.5 * STANDARD_GRAVITY:
        raise DataError(
            f"gravity alignment (windows.frame) needs gravity in the accelerometer's signals, and the mean "
            f"acceleration of the training windows is {typical:.2f} m/s² ({STANDARD_GRAVITY:.2f} would be gravity "
            "alone). Gravity seems to have been removed: record acceleration including gravity, or take "
            "windows.frame=device."
        )
