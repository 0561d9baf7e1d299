"""Plug-ins that a training stands on, by its recipe and method."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otolith.system.plugins import behind

if TYPE_CHECKING:
    from otolith.recipes.sections import Recipe


def plugins_of(recipe: Recipe, method: str, *others: tuple[str, str]) -> dict[str, str]:
    """Return the plug-ins that a training of `method` by a recipe stands on: the digest of each by its name.

    Args:
        others: kind and name of what it needs besides, such as ("data set", "walks").

    >>> from otolith.recipes import load_recipe
    >>> plugins_of(load_recipe("best", "watch"), "dynamic", ("data set", "watch"))
    {}
    """
    tables = [entry.name for entry in recipe.augment]
    for settings in (recipe.finetune, *recipe.method.values()):
        entries = getattr(settings, "augment", None)
        tables += [str(entry["name"]) for entry in entries] if isinstance(entries, tuple) else []
    augmentations = [("augmentation", name) for name in tables]
    return behind([("method", method), ("encoder", recipe.encoder.kind), *augmentations, *others])
