"""One temperature for all pairs that swings between two values as training goes on: NT-Xent (Eq 1) at each step's.

Kukleva et al., "Temperature Schedules for Self-Supervised Contrastive Methods on Long-Tail Data", ICLR 2023.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from otolith.losses import nt_xent
from otolith.methods.contrastive import Policy, contrast
from otolith.methods.spec import MethodSpec, Paper


@dataclass(frozen=True)
class ScheduledTemperature(Policy):
    """tau = tau_min + (tau_max - tau_min) (1 + cos(2 pi t / T)) / 2, which starts at tau_max.

    Large temperatures favour groups, small ones single instances; the schedule goes back and forth between the two.
    0.1 and 1.0 are the authors'. Their period T is 400 epochs whatever the length of training: 5 periods in their 2000
    epochs on CIFAR, 2 in their 800 on ImageNet-100. A policy knows the share of training that is done and not the
    epochs, so here the number of periods is the setting, 5 by default. The temperature moves with each step; theirs
    with each epoch.
    """

    temperature_min: float = 0.1
    temperature_max: float = 1.0
    periods: float = 5.0
    """Periods in the whole training; a half at the end stops it at the smallest temperature."""

    def __post_init__(self) -> None:
        self.require(
            "0 < temperature_min <= temperature_max", 0 < self.temperature_min <= self.temperature_max < math.inf
        )
        self.require("periods > 0", 0 < self.periods < math.inf)

    def temperature(self, progress: float) -> float:
        """Return the temperature when that share of training is done."""
        wave = math.cos(2 * math.pi * self.periods * progress)
        return self.temperature_min + (self.temperature_max - self.temperature_min) * (1 + wave) / 2

    def loss(self, z: Tensor, h: Tensor | None = None, progress: float = 0.0) -> Tensor:
        return nt_xent(z, self.temperature(progress))


SPEC = MethodSpec(
    name="scheduled",
    title="Scheduled temperature (NT-Xent, cosine schedule)",
    label="Scheduled temperature",
    short="Scheduled",
    summary="CSSHAR with a temperature that swings along a cosine",
    paper=Paper(
        "Kukleva et al.",
        2023,
        "Temperature Schedules for Self-Supervised Contrastive Methods on Long-Tail Data",
        "ICLR",
    ),
    order=50,
    settings=ScheduledTemperature,
    build=contrast,
)
