"""NT-Xent with angular instead of cosine similarity, the ablation AS of Table I."""

from __future__ import annotations

from otolith.methods.contrastive import ConstantTemperature, TemperatureSettings, contrast
from otolith.methods.spec import DYNAMIC_TEMPERATURE, MethodSpec

SPEC = MethodSpec(
    name="angular",
    title="Angular similarity (NT-Xent, angular similarity)",
    label="Angular similarity",
    short="AS",
    summary="two views, NT-Xent with angular similarity (AS of Table I)",
    paper=DYNAMIC_TEMPERATURE,
    order=20,
    settings=TemperatureSettings,
    build=lambda shared, settings, encoder, signal: contrast(
        shared, ConstantTemperature(settings.temperature, "angular"), encoder, signal
    ),
)
