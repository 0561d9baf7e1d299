"""Methods without a pretext task: the supervised transformer and the random one (Section V-B)."""

from __future__ import annotations

from otolith.finetuning.settings import FinetuneSettings
from otolith.methods.autoencoder import NoSettings
from otolith.methods.base import MethodSpec

SUPERVISED = MethodSpec("supervised", "Supervised transformer (end to end)", FinetuneSettings, end_to_end=True)
RANDOM = MethodSpec("random", "Random transformer (frozen at initialisation)", NoSettings)
SPECS = (SUPERVISED, RANDOM)
