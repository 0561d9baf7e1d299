"""Cut data sets into windows as a recipe says, at no higher rate than they were recorded at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otolith.preprocessing.sensors import check_sensors
from otolith.progress import SILENT, Progress
from otolith.recipes import Recipe, load_recipe
from otolith.recording import channels_of

if TYPE_CHECKING:
    from otolith.datasets import DatasetInfo


def at_rate_of(
    infos: Sequence[DatasetInfo],
    recipe: str | Path | Recipe,
    overrides: dict[str, Any] | None,
    progress: Progress = SILENT,
) -> dict[str, Any] | None:
    """Return replaced values with a rate of windows no higher than that of the data, and say so; a given rate stays.

    Args:
        infos: the data sets that windows are cut from, the one that the recipe is for first.

    Raises:
        RecipeError: as `load_recipe`.
    """
    wanted = load_recipe(recipe, infos[0].name, overrides).windows.rate_hz
    slowest = min(infos, key=lambda info: info.rate_hz)
    if "windows.rate_hz" in (overrides or {}) or slowest.rate_hz >= wanted:
        return overrides
    progress.say(
        f"{slowest.name} was recorded at {slowest.rate_hz:g} Hz: so are its windows, not at the recipe's {wanted:g} Hz"
    )
    return (overrides or {}) | {"windows.rate_hz": float(slowest.rate_hz)}


def cutting(info: DatasetInfo, recipe: Recipe) -> dict[str, Any]:
    """Return the arguments of `Dataset.windows` by which a recipe cuts a data set.

    Raises:
        RecipeError: the data set lacks a sensor that the recipe asks for.
    """
    section = recipe.windows
    channels = channels_of(info.channels, section.sensors, info.name)
    check_sensors(channels, recipe.sensor_settings)
    cut = {name: getattr(section, name) for name in ("rate_hz", "seconds", "overlap", "unlabelled")}
    return cut | {"channels": channels}
