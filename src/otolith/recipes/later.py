"""Settings that came later are left out at their defaults, so that hashes of recipes stay."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

LATER: Mapping[str, tuple[str, ...]] = {
    "Recipe": ("choice",),
    "WindowSection": ("sensors", "frame"),
    "EncoderSettings": ("kind", "width", "kernels", "layer_norm", "options"),
    "RobustSection": ("orientation", "may_miss", "copies"),
    "DynamicTemperature": ("teacher",),
    "FinetuneSettings": (
        "encoder",
        "encoder_rate",
        "features",
        "pool",
        "standardise",
        "solver",
        "penalty",
        "unlabelled",
        "optimizer",
        "schedule",
        "label_smoothing",
        "augment",
        "keep",
    ),
}
"""Settings that came after the first rows had been written, by the name of their class: wherever one stands in a
recipe, it is left out at its default, so that hashes stay. Subclasses count as their bases, with their own defaults."""


def usual(value: Any) -> set[str]:
    """Return the names of the settings of a section or a dataclass that are in `LATER` and at their defaults.

    >>> from otolith.recipes.sections import WindowSection
    >>> sorted(usual(WindowSection(sensors=["acc"])))
    ['frame']
    """
    names = {name for kind in type(value).__mro__ for name in LATER.get(kind.__name__, ())}
    if isinstance(value, BaseModel):
        known = type(value).model_fields
        defaults = {name: known[name].get_default(call_default_factory=True) for name in names}
    else:
        defaults = {field.name: _default(field) for field in dataclasses.fields(value) if field.name in names}
    return {name for name in names if getattr(value, name) == defaults[name]}


def _default(field: dataclasses.Field[Any]) -> Any:
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def without_later(value: Any, tree: Any) -> Any:
    """Return `tree`, the plain values of `value`, without settings of `LATER` that are at their defaults, at any depth,
    and without the tables that this leaves empty."""
    if isinstance(value, Mapping):
        return {key: without_later(value[key], part) for key, part in tree.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [without_later(one, part) for one, part in zip(value, tree, strict=True)]
    if not (isinstance(value, BaseModel) or dataclasses.is_dataclass(value)):
        return tree
    left_out = usual(value)
    kept = {name: without_later(getattr(value, name), part) for name, part in tree.items() if name not in left_out}
    return {name: part for name, part in kept.items() if part != {} or tree[name] == {}}
