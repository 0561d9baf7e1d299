"""Pretext tasks of tiny sizes, and windows and a generator to give them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from otolith import methods
from otolith.augment import SignalSpec
from otolith.recording import CHANNELS
from tests.helpers import tiny

NAMES = [name for name in methods.names() if methods.spec(name).build is not None]
"""Methods that pre-train."""


def made(name: str, kind: str = "compact", channels: tuple[str, ...] = CHANNELS, **overrides: Any) -> Any:
    """The pretext task of a method on windows of one second at 12 Hz; `overrides` as of `tiny.recipe`."""
    recipe, spec = tiny.recipe(kind, **overrides), methods.spec(name)
    signal = SignalSpec(channels, (0.0,) * len(channels), (1.0,) * len(channels), 12.0)
    assert spec.build is not None
    torch.manual_seed(0)
    return spec.build(recipe, recipe.settings_of(name), spec.encoder(recipe, tiny.meta(channels)), signal)


def windows(n: int = 10, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(n, 6, 12, generator=torch.Generator().manual_seed(1), dtype=dtype)


def drawn() -> torch.Generator:
    return torch.Generator().manual_seed(2)
