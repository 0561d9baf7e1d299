"""CSSHAR: NT-Xent with cosine similarity and one temperature (Khaertdinov, Ghaleb and Asteriadis 2021)."""

from __future__ import annotations

from otolith.methods.contrastive import ConstantTemperature, TemperatureSettings, contrast
from otolith.methods.spec import MethodSpec, Paper

SPEC = MethodSpec(
    name="csshar",
    title="CSSHAR (NT-Xent, cosine similarity)",
    label="CSSHAR",
    short="CSSHAR",
    summary="two views, NT-Xent with cosine similarity",
    paper=Paper(
        "Khaertdinov et al.",
        2021,
        "Contrastive Self-supervised Learning for Sensor-based Human Activity Recognition",
        "IJCB",
    ),
    order=40,
    settings=TemperatureSettings,
    build=lambda shared, settings, encoder, signal: contrast(
        shared, ConstantTemperature(settings.temperature, "cosine"), encoder, signal
    ),
)
