"""Rivals of dynamic temperature that are CSSHAR but for what happens to negatives and temperature: one policy each."""

from __future__ import annotations

from typing import Any

from otolith.methods.base import MethodSpec
from otolith.methods.contrastive import around
from otolith.policies import (
    ClusterNegatives,
    DebiasedNegatives,
    HardNegatives,
    ModelAwareTemperature,
    ScheduledTemperature,
    SimilarityTemperature,
)


def _with(policy: type[Any], name: str, title: str) -> MethodSpec:
    """The contrastive method with that policy, whose fields are the method's settings."""
    return MethodSpec(
        name, title, policy, build=lambda shared, settings, encoder, signal: around(shared, encoder, signal, settings)
    )


SPECS = (
    _with(ScheduledTemperature, "scheduled", "Scheduled temperature (NT-Xent, cosine schedule)"),
    _with(ModelAwareTemperature, "macl", "MACL (temperature from the alignment of positives)"),
    _with(SimilarityTemperature, "dystress", "DySTreSS (temperature from the similarity of each pair)"),
    _with(DebiasedNegatives, "debiased", "Debiased contrastive loss"),
    _with(HardNegatives, "hard-negatives", "Hard negatives (weighted and debiased)"),
    _with(ClusterNegatives, "cluster-negatives", "ClusterCLHAR (negatives from other clusters)"),
)
