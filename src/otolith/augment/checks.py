"""Checks of options and batches: each error names the value, what was expected and the cure."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from otolith.errors import DataError, RecipeError, unknown


class NothingToChangeError(RecipeError):
    """An augmentation for channels that the signal does not have."""


def number(name: str, option: str, value: object, low: float, high: float = math.inf, above: bool = False) -> float:
    """Return `value` as a float in [low, high], or (low, high] if `above`; else a RecipeError naming the option."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        inside = low < value if above else low <= value
        if inside and value <= high and math.isfinite(value):
            return float(value)
    interval = f"{'(' if above else '['}{low:g}, {high:g}{']' if math.isfinite(high) else ')'}"
    raise RecipeError(f"{option} of augmentation {name!r} must be a number in {interval}, not {value!r}")


def integer(name: str, option: str, value: object, low: int) -> int:
    """Return `value` if it is an int of at least `low`; otherwise a RecipeError naming the option."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= low:
        return value
    raise RecipeError(f"{option} of augmentation {name!r} must be a whole number of at least {low}, not {value!r}")


def choice(name: str, option: str, value: object, known: Sequence[str]) -> str:
    """Return `value` if it is one of `known`; otherwise a RecipeError that suggests the nearest."""
    if isinstance(value, str) and value in known:
        return value
    raise RecipeError(unknown(f"{option} of augmentation {name!r}:", value, known))


def flag(name: str, option: str, value: object) -> bool:
    """Return `value` if it is a bool; otherwise a RecipeError naming the option."""
    if isinstance(value, bool):
        return value
    raise RecipeError(f"{option} of augmentation {name!r} must be true or false, not {value!r}")


def check_batch(x: Tensor, n_channels: int | None = None) -> None:
    """Raise DataError unless x is a floating-point (batch, channels, time) tensor with `n_channels` channels."""
    if x.ndim != 3 or not x.is_floating_point():
        raise DataError(
            f"augmentations take floating-point batches (batch, channels, time), not {x.dtype} of shape "
            f"{tuple(x.shape)}; a single window needs a batch axis: x[None]"
        )
    if n_channels is not None and x.shape[1] != n_channels:
        raise DataError(
            f"the batch of shape {tuple(x.shape)} has {x.shape[1]} channels on its second axis, but the "
            f"signal names {n_channels}; batches are (batch, channels, time)"
        )


def check_generator(x: Tensor, generator: torch.Generator) -> None:
    """Raise ValueError unless the generator draws on x's device."""
    here, there = generator.device, x.device
    # A device without an index is the current one of its type: only two different indices contradict.
    if here.type != there.type or (None not in (here.index, there.index) and here.index != there.index):
        raise ValueError(
            f"the generator draws on {here} but the batch is on {there}; make it with torch.Generator(device=x.device)"
        )
