"""Kinds of encoders by name, as `encoder.kind` of a recipe asks for them; plug-ins add theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from otolith.errors import RecipeError, unknown
from otolith.nets.encoder import Encoder
from otolith.system.registry import Registry


@dataclass(frozen=True)
class NoOptions:
    """A kind of encoder without options of its own."""


@dataclass(frozen=True, kw_only=True)
class EncoderSpec:
    """A kind of encoder that recipes can name.

    Args:
        name: its name in recipes: `encoder.kind`.
        title: its name for people.
        build: (encoder section, options, n_channels, n_steps) -> an untrained encoder for windows (batch, n_channels,
            n_steps) in z-score units. It is also how a saved one is rebuilt, so that sizes follow from these alone.
        options: frozen dataclass, with a default for each field, of the recipe's table `[encoder.options]`.

    >>> import torch
    >>> class Means(Encoder):
    ...     def forward(self, x):
    ...         return x.mean(dim=2)
    >>> build = lambda section, options, n_channels, n_steps: Means(n_channels, n_steps, n_channels)
    >>> EncoderSpec(name="means", title="Means over time", build=build).build(None, NoOptions(), 6, 30).n_features
    6
    """

    name: str
    title: str
    build: Callable[[Any, Any, int, int], Encoder]
    options: type[Any] = NoOptions

    def options_of(self, given: Mapping[str, Any]) -> Any:
        """Return the options from a table of a recipe.

        Raises:
            ValueError: an option that this kind does not have, or a value that it refuses.
        """
        known = [each.name for each in fields(self.options)]
        for name in given:
            if name not in known:
                raise ValueError(unknown(f"option of encoder {self.name!r}:", name, known))
        return self.options(**given)


ENCODERS: Registry[EncoderSpec] = Registry(
    "encoder", None, RecipeError, takes=lambda each: isinstance(each, EncoderSpec)
)
"""All kinds of encoders; otolith's own are in `otolith.methods.base`, beside the settings that build them."""
