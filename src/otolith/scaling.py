"""Channel-wise standardisation (Section IV-A): mean and deviation of the training windows only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from otolith.errors import DataError

if TYPE_CHECKING:
    import torch

    Signals = TypeVar("Signals", NDArray[Any], torch.Tensor)

_CHUNK = 4096


@dataclass(frozen=True, eq=False)
class Scaler:
    """z = (x - mean) / std for every channel.

    `mean` and `std` are float64 (channels,), in the units of the windows (m/s² and rad/s). `std` is positive:
    a channel that did not vary where the scaler was fitted has 1.
    """

    mean: NDArray[np.float64]
    std: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.mean.ndim != 1 or self.mean.shape != self.std.shape or not len(self.mean):
            raise DataError(f"mean has shape {self.mean.shape}, std {self.std.shape}; expected (channels,) for both.")
        if not (np.isfinite(self.mean).all() and np.isfinite(self.std).all() and (self.std > 0).all()):
            raise DataError("A scaler's means have to be finite and its deviations finite and positive.")

    @property
    def n_channels(self) -> int:
        return len(self.mean)

    @classmethod
    def fit(cls, x: NDArray[np.floating], indices: ArrayLike | None = None) -> Scaler:
        """From windows (n, channels, time); `indices` says which (None: all). Sums chunk by chunk in float64.

        Raises:
            DataError: no window, another shape, or samples that are not finite.
        """
        if x.ndim != 3:
            raise DataError(f"x has shape {x.shape}, expected (windows, channels, time).")
        rows = np.arange(len(x)) if indices is None else np.asarray(indices)
        if rows.dtype == np.bool_:
            rows = np.flatnonzero(rows)
        if not len(rows) or not x.shape[1] or not x.shape[2]:
            raise DataError(f"A scaler cannot be fitted on {len(rows)} windows of shape {x.shape[1:]}.")
        count = 0
        mean = np.zeros(x.shape[1])
        squares = np.zeros(x.shape[1])  # sum of squared differences from the mean
        with np.errstate(invalid="ignore", over="ignore"):  # what is not finite is refused below
            for i in range(0, len(rows), _CHUNK):
                chunk = x[rows[i : i + _CHUNK]].astype(np.float64)
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
        std = np.sqrt(squares / count)
        # below float32's resolution of the mean a deviation is nothing but rounding
        flat = std <= np.maximum(1e-7 * np.abs(mean), 1e-12)
        return cls(mean, np.where(flat, 1.0, std))

    def transform(self, x: Signals) -> Signals:
        """Standardise (..., channels, time): a numpy array or a torch tensor on any device.

        The result is a new array or tensor of the same type (half precision and integers: float32).
        """
        mean, std, x = self._matching(x)
        return (x - mean) / std

    def inverse(self, x: Signals) -> Signals:
        """Back to m/s² and rad/s; the shapes and types of `transform`."""
        mean, std, x = self._matching(x)
        return x * std + mean

    def _matching(self, x: Any) -> tuple[Any, Any, Any]:
        """mean and std as (channels, 1) of the type and on the device of x, and x in floating point."""
        if x.ndim < 2 or x.shape[-2] != self.n_channels:
            raise DataError(
                f"Signals have shape {tuple(x.shape)}, expected (..., {self.n_channels}, time): the scaler "
                f"was fitted on {self.n_channels} channels."
            )
        mean, std = self.mean[:, None], self.std[:, None]
        if isinstance(x, np.ndarray):
            dtype = x.dtype if x.dtype in (np.float32, np.float64) else np.dtype(np.float32)
            return mean.astype(dtype), std.astype(dtype), x.astype(dtype, copy=False)
        # a torch tensor; asked through its own methods, so that torch need not be imported here
        if x.element_size() < 4 or not x.is_floating_point():
            x = x.float()
        return x.new_tensor(mean), x.new_tensor(std), x

    def to_dict(self) -> dict[str, list[float]]:
        """For JSON; every float comes back exactly."""
        return {"mean": self.mean.tolist(), "std": self.std.tolist()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Scaler:
        """Inverse of `to_dict`.

        Raises:
            DataError: keys other than mean and std, or values that are no row of numbers.
        """
        if set(values) != {"mean", "std"}:
            raise DataError(f"A scaler has the keys mean and std, not {', '.join(sorted(map(str, values))) or 'none'}.")
        try:
            mean, std = (np.asarray(values[key], dtype=np.float64) for key in ("mean", "std"))
        except (TypeError, ValueError) as error:
            raise DataError(f"A scaler's mean and std have to be rows of numbers: {error}.") from error
        return cls(mean, std)
