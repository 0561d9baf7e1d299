"""Methods by name. A module of this package that defines `SPECS` is found by itself."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from otolith.errors import RecipeError, unknown
from otolith.methods.base import MethodSpec, SharedSettings
from otolith.training.pretext import Batch, Method

__all__ = ["Batch", "Method", "MethodSpec", "SharedSettings", "names", "spec"]


@cache
def _registry() -> dict[str, MethodSpec]:
    found: dict[str, MethodSpec] = {}
    for module in sorted(info.name for info in pkgutil.iter_modules(__path__)):
        for entry in getattr(importlib.import_module(f"{__name__}.{module}"), "SPECS", ()):
            found[entry.name] = entry
    return found


def names() -> tuple[str, ...]:
    """Names of all methods."""
    return tuple(_registry())


def spec(name: str) -> MethodSpec:
    """The method of that name.

    Raises:
        RecipeError: unknown name, with the nearest known one.
    """
    if name not in _registry():
        raise RecipeError(unknown("method", name, _registry()))
    return _registry()[name]
