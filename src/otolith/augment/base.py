"""The base class of augmentations: `sample` draws parameters, `apply` uses them, so that a view can be replayed.

Batches are (batch, channels, time), z-scored with the training windows' mean and deviation, on any device. Call
augmentations outside autocast, which would rotate and warp in half precision.
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
"""The draws of one augmentation for a batch: tensors by name, first axis the batch; empty for nothing."""


@dataclass(frozen=True)
class SignalSpec:
    """The channels of a z-scored batch: a value v of channel c is v * std[c] + mean[c] in the channel's unit.

    Args:
        channels: names such as "acc_x".
        mean, std: the scaler's, one per channel, in the channel's unit (m/s², rad/s).
        rate_hz: the sampling rate of the windows.
        vectors: False where x, y and z of a sensor are no axes: lengths and a vertical part (`windows.frame`).

    Raises:
        DataError: the lengths differ, or a value cannot belong to a scaler.

    >>> SignalSpec(("acc_x", "acc_y", "acc_z"), (0.0,) * 3, (1.0,) * 3, 30.0).triads
    ((0, 1, 2),)
    """

    channels: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    rate_hz: float
    vectors: bool = True

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
        mean, std = tuple(map(float, scaler.shift)), tuple(map(float, scaler.factor))
        return cls(meta.channels, mean, std, meta.rate_hz, vectors=not scaler.parts)

    @property
    def triads(self) -> tuple[tuple[int, int, int], ...]:
        """Indices of the x, y and z channel of each sensor with three axes, in the order of the x channels."""
        return triads(self.channels) if self.vectors else ()


class Augmentation(ABC):
    """A random change of windows that keeps what they mean.

    A subclass has a `name` and takes `signal` and keyword-only options, which recipes may set; `@register` makes it
    known to them. `_sample` draws and looks only at the shape, type and device of x, never at its values; `_apply` uses
    what was drawn. Neither may loop over windows or wait for the device.

    >>> from otolith.augment import build
    >>> flip = build("flip", SignalSpec(("acc_x",), (0.0,), (1.0,), 30.0), axis="time")
    >>> flip(torch.tensor([[[1.0, 2.0, 3.0]]]), torch.Generator())
    tensor([[[3., 2., 1.]]])
    """

    name: ClassVar[str]

    def __init__(self, signal: SignalSpec) -> None:
        self.signal = signal

    def sample(self, x: Tensor, generator: torch.Generator) -> Params:
        """Draw the parameters for every window of x (batch, channels, time).

        Raises:
            DataError: an x of another layout.
            ValueError: the generator is on another device than x.
        """
        check_batch(x, len(self.signal.channels))
        check_generator(x, generator)
        return self._sample(x, generator)

    def apply(self, x: Tensor, params: Params) -> Tensor:
        """Return x (batch, channels, time) changed as `params` say: a new tensor of the same shape, type and device.

        Raises:
            DataError: an x of another layout.
            ValueError: the parameters were drawn for a batch of another shape.
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
    """The draws of `Compose` for one of its augmentations.

    `mask` is (batch,) bool, true for the windows that change; None if all do. `params` None: none does.

    >>> Draw(mask=None, params=None)
    Draw(mask=None, params=None)
    """

    mask: Tensor | None
    params: Params | None


class Compose:
    """Augmentations one after another, each on each window with a probability of its own (Section IV-B2).

    A window's changes are independent of each other and of other windows. With no items a batch comes back unchanged.

    Args:
        items: (augmentation, probability) in the order of application.
        left_out: a line for each augmentation that was asked for and has nothing to change in the signal.

    Raises:
        RecipeError: a probability outside [0, 1].

    >>> Compose([])(torch.zeros(1, 6, 30), torch.Generator()).shape
    torch.Size([1, 6, 30])
    """

    def __init__(self, items: Iterable[tuple[Augmentation, float]], left_out: Iterable[str] = ()) -> None:
        self.items, self.left_out = tuple(items), tuple(left_out)
        for augmentation, probability in self.items:
            number(augmentation.name, "probability", probability, low=0.0, high=1.0)

    def sample(self, x: Tensor, generator: torch.Generator) -> tuple[Draw, ...]:
        """Draw masks and parameters for x (batch, channels, time), one `Draw` per item; see `Augmentation.sample`."""
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
        """Return x with the windows changed that the draws name; x itself where no item changes anything.

        Raises:
            DataError, ValueError: as of `Augmentation.apply`; draws of another composition.
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
    """Return the type in which random factors for x are drawn: x's own, but float32 for half precision."""
    return x.dtype if x.dtype in (torch.float32, torch.float64) else torch.float32


def normal(x: Tensor, shape: Sequence[int], mean: float, std: float, generator: torch.Generator) -> Tensor:
    """Return independent N(mean, std²) draws on x's device."""
    out = torch.empty(tuple(shape), dtype=draw_dtype(x), device=x.device)
    return out.normal_(mean, std, generator=generator)
