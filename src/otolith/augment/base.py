"""What an augmentation is: `sample` draws parameters, `apply` uses them, so that a view can be replayed.

Batches are (batch, channels, time), z-scored with the training windows' mean and deviation, on any device.
The random augmentation module of the paper (Section IV-B2) is a `Compose`: each augmentation changes each
window with its own probability, independently of the other windows and augmentations. Call it outside
autocast, which would rotate and warp in half precision.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from otolith.augment.checks import check_batch, check_generator, number
from otolith.errors import DataError
from otolith.preprocessing.scaler import Scaler
from otolith.recording import triads
from otolith.windows import WindowMeta

Params = Mapping[str, Tensor]
"""What one augmentation drew for a batch: tensors by name, first axis the batch; empty for nothing."""


@dataclass(frozen=True)
class SignalSpec:
    """What the channels of a z-scored batch are.

    `channels` are names such as "acc_x"; `mean` and `std` are the scaler's, one per channel, in the
    channel's unit (m/s², rad/s): a z-scored value v of channel c is v * std[c] + mean[c] in that unit.
    `rate_hz` is the sampling rate of the windows. Raises DataError where the lengths differ or a value
    cannot belong to a scaler.
    """

    channels: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    rate_hz: float

    def __post_init__(self) -> None:
        if not self.channels or len({len(self.channels), len(self.mean), len(self.std)}) > 1:
            raise DataError(
                f"a signal needs one mean and one deviation per channel, but came with {len(self.channels)} "
                f"channels, {len(self.mean)} means and {len(self.std)} deviations; take them from one scaler"
            )
        repeated = sorted({c for c in self.channels if self.channels.count(c) > 1})
        if repeated:
            raise DataError(f"channel {repeated[0]!r} occurs more than once; give every channel its own name")
        for channel, mean, std in zip(self.channels, self.mean, self.std, strict=True):
            if not (math.isfinite(mean) and math.isfinite(std) and std > 0):
                raise DataError(
                    f"channel {channel!r} has mean {mean} and deviation {std}; a scaler's mean is finite and "
                    "its deviation above 0, so look for missing or constant samples in the training windows"
                )
        if not (math.isfinite(self.rate_hz) and self.rate_hz > 0):
            raise DataError(f"a signal's rate is a positive number of Hz, not {self.rate_hz}")

    @classmethod
    def of(cls, meta: WindowMeta, scaler: Scaler) -> SignalSpec:
        """Return the signal of windows of `meta` that `scaler` has scaled."""
        return cls(meta.channels, tuple(map(float, scaler.mean)), tuple(map(float, scaler.std)), meta.rate_hz)

    @property
    def triads(self) -> tuple[tuple[int, int, int], ...]:
        """Indices of the x, y and z channel of each three-axis sensor, in the order of the x channels.

        A sensor is a name followed by _x, _y and _z ("acc_x", "acc_y", "acc_z"); one that lacks an axis is
        left out.
        """
        return triads(self.channels)


class Augmentation(ABC):
    """A random change of windows that keeps what they mean.

    A subclass has a `name`, takes `signal` and keyword-only options, and says in `_sample` what it draws
    and in `_apply` what it does with it; `@register` makes it known to recipes under its name. `_sample`
    looks only at the shape, type and device of x, never at its values, and neither method may loop over
    windows or wait for the device.
    """

    name: ClassVar[str]

    def __init__(self, signal: SignalSpec) -> None:
        self.signal = signal

    def sample(self, x: Tensor, generator: torch.Generator) -> Params:
        """Draw the parameters for every window of x (batch, channels, time).

        The generator is on x's device. Raises DataError for an x of another layout, ValueError for a
        generator on another device.
        """
        check_batch(x, len(self.signal.channels))
        check_generator(x, generator)
        return self._sample(x, generator)

    def apply(self, x: Tensor, params: Params) -> Tensor:
        """Change x (batch, channels, time) as `params` say: a new tensor of the same shape, type and device.

        Raises DataError for an x of another layout, ValueError for parameters drawn for another shape of
        batch.
        """
        check_batch(x, len(self.signal.channels))
        drawn_for = {len(p) for p in params.values()}
        if drawn_for - {len(x)}:
            raise ValueError(
                f"{self.name}: the parameters were drawn for {drawn_for.pop()} windows, but x has {len(x)}; "
                "draw them for this batch"
            )
        out = self._apply(x, params)
        # Broadcasting would hide parameters for windows of another length.
        if out.shape != x.shape:
            raise ValueError(
                f"{self.name}: parameters drawn for windows of another shape turn {tuple(x.shape)} into "
                f"{tuple(out.shape)}; draw them for this batch"
            )
        return out

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Draw and apply at once: `apply(x, sample(x, generator))`."""
        return self.apply(x, self.sample(x, generator))

    @abstractmethod
    def _sample(self, x: Tensor, generator: torch.Generator) -> Params: ...

    @abstractmethod
    def _apply(self, x: Tensor, params: Params) -> Tensor: ...


@dataclass(frozen=True, eq=False)
class Draw:
    """What `Compose` drew for one of its augmentations.

    `mask` is (batch,) bool, true for the windows that change; None if all do. `params` None: none does.
    """

    mask: Tensor | None
    params: Params | None


class Compose:
    """Augmentations one after another, each on each window with a probability of its own (Section IV-B2).

    `items` are (augmentation, probability) in the order of application. Raises RecipeError for a
    probability outside [0, 1]. With no items a batch comes back unchanged.
    """

    def __init__(self, items: Iterable[tuple[Augmentation, float]]) -> None:
        self.items = tuple(items)
        for augmentation, probability in self.items:
            number(augmentation.name, "probability", probability, low=0.0, high=1.0)

    def sample(self, x: Tensor, generator: torch.Generator) -> tuple[Draw, ...]:
        """Draw masks and parameters for x (batch, channels, time), one `Draw` per item.

        Raises what `Augmentation.sample` raises.
        """
        check_batch(x)
        check_generator(x, generator)
        draws = []
        for augmentation, probability in self.items:
            mask = None
            if 0.0 < probability < 1.0:
                mask = torch.rand(len(x), generator=generator, device=x.device) < probability
            draws.append(Draw(mask, augmentation.sample(x, generator) if probability > 0.0 else None))
        return tuple(draws)

    def apply(self, x: Tensor, draws: Sequence[Draw]) -> Tensor:
        """Change the windows of x that the draws name: same shape, type and device, x stays as it was.

        Where no item changes anything (no items, or probabilities 0) the result is x itself. Raises what
        `Augmentation.apply` raises, and ValueError for draws of another composition.
        """
        if len(draws) != len(self.items):
            raise ValueError(
                f"{len(draws)} draws came for a composition of {len(self.items)} augmentations; "
                "take them from this composition's sample"
            )
        check_batch(x)
        out = x
        for (augmentation, _), draw in zip(self.items, draws, strict=True):
            if draw.params is None:
                continue
            changed = augmentation.apply(out, draw.params)
            # Unlike boolean indexing, torch.where has a size that no draw decides, so a GPU never waits.
            out = changed if draw.mask is None else torch.where(draw.mask[:, None, None], changed, out)
        return out

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Draw and apply at once: `apply(x, sample(x, generator))`."""
        return self.apply(x, self.sample(x, generator))


def draw_dtype(x: Tensor) -> torch.dtype:
    """Type in which random factors for x are drawn: x's own, but float32 for half precision."""
    return x.dtype if x.dtype in (torch.float32, torch.float64) else torch.float32


def normal(x: Tensor, shape: Sequence[int], mean: float, std: float, generator: torch.Generator) -> Tensor:
    """Independent N(mean, std²) draws on x's device."""
    out = torch.empty(tuple(shape), dtype=draw_dtype(x), device=x.device)
    return out.normal_(mean, std, generator=generator)
