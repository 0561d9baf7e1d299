"""A six-channel signal whose channels differ in mean and deviation, as a real scaler's do."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch

from otolith.augment import SignalSpec
from otolith.augment.registry import REGISTRY
from otolith.recording import CHANNELS


@pytest.fixture(scope="session")
def signal() -> SignalSpec:
    return SignalSpec(CHANNELS, (0.4, -9.1, 1.2, 0.02, -0.05, 0.0), (2.5, 4.0, 3.1, 0.8, 1.3, 0.5), 30.0)


@pytest.fixture(scope="session")
def generator() -> Callable[[int], torch.Generator]:
    """Makes a CPU generator from a seed."""
    return lambda seed: torch.Generator().manual_seed(seed)


@pytest.fixture(scope="session")
def steps() -> Callable[[int, int, int], torch.Tensor]:
    """Makes a batch (batch, channels, time) in which every value says its place: 1000 channel + step."""

    def make(batch: int, channels: int, time: int) -> torch.Tensor:
        values = 1000.0 * torch.arange(channels)[:, None] + torch.arange(time)
        return values.expand(batch, channels, time).clone()

    return make


@pytest.fixture
def registry_as_before() -> Iterator[None]:
    """Forgets the augmentations that a test registers."""
    with REGISTRY.preserved():
        yield
