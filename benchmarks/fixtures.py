"""Recipes, networks and made-up windows of UCI-HAR's size, on which the measurements work."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from otolith import methods
from otolith.augment import SignalSpec
from otolith.methods.autoencoder import SPEC as AUTOENCODER
from otolith.methods.contrastive import Contrastive
from otolith.nets import ConvAutoencoder, ProjectionHead, TransformerEncoder
from otolith.preprocessing.scaler import Scaler
from otolith.recipes import Recipe, load_recipe
from otolith.recording import CHANNELS
from otolith.training.pretext import Method
from otolith.training.window_source import Part, Source
from otolith.windows import WindowMeta

STEPS = 30
N_TRAIN, N_VAL = 18_015, 4_929
"""Windows of UCI-HAR's training and validation subjects."""

Overrides = dict[str, Any] | None
META = WindowMeta("uci-har", (), CHANNELS, rate_hz=float(STEPS))
SIGNAL = SignalSpec(CHANNELS, (0.0,) * len(CHANNELS), (1.0,) * len(CHANNELS), float(STEPS))


def recipe_of(name: str, overrides: Overrides) -> Recipe:
    """Return UCI-HAR's recipe; `overrides` make it small for tests."""
    return load_recipe(name, "uci-har", overrides)


def encoder(recipe: Recipe) -> TransformerEncoder:
    torch.manual_seed(0)
    built = methods.spec("csshar").encoder(recipe, META)
    assert isinstance(built, TransformerEncoder)
    return built


def teacher(recipe: Recipe) -> ConvAutoencoder:
    torch.manual_seed(1)
    built = AUTOENCODER.encoder(recipe, META)
    assert isinstance(built, ConvAutoencoder)
    return built.eval().requires_grad_(False)


def projection(of: TransformerEncoder, recipe: Recipe) -> ProjectionHead:
    return ProjectionHead(of.n_features, recipe.projection.hidden, recipe.projection.out)


def method(recipe: Recipe, name: str) -> Contrastive:
    built = _pretext(recipe, name, encoder(recipe))
    assert isinstance(built, Contrastive)
    return built


def autoencoding(recipe: Recipe) -> Method:
    return _pretext(recipe, AUTOENCODER.name, teacher(recipe).requires_grad_(True))


def _pretext(recipe: Recipe, name: str, around: torch.nn.Module) -> Method:
    spec = methods.spec(name)
    assert spec.build is not None
    return spec.build(recipe, recipe.settings_of(name), around, SIGNAL)


def windows(n: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal((n, len(CHANNELS), STEPS), np.float32)


def source(x: NDArray[np.float32], device: str = "cpu") -> Source:
    unit = Scaler(np.zeros(len(CHANNELS)), np.ones(len(CHANNELS)))
    return Source([Part(x)], unit, torch.device(device))
