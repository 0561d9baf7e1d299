"""Cut data sets into windows as a recipe says, at no higher rate than they were recorded at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otolith import showing
from otolith.errors import DataError
from otolith.preprocessing.sensors import check_sensors
from otolith.progress import SILENT, Progress
from otolith.recipes import SHIPPED, Recipe, load_recipe
from otolith.recording import channels_of

if TYPE_CHECKING:
    from otolith.datasets import Dataset, DatasetInfo


MOST_IN_ALL_EPOCHS = 4_000_000
"""Windows that pre-training sees by itself, each as often as there are epochs, where labels are few."""


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


def mostly_unlabelled(source: Dataset) -> bool:
    """Return whether one's own recordings have longer stretches without a label than with one."""
    labelled, whole = source.labelled_s(), source.length_s()
    return source.info.own and labelled is not None and whole is not None and whole - labelled > labelled


def require_labels(source: Dataset, progress: Progress = SILENT) -> None:
    """Refuse one's own recordings of which none has a label, and say where labels lie beside them that are not in use.

    Raises:
        DataError: says what can be done with them.
    """
    beside = labels_beside(source)
    if source.labelled_s() == 0:
        place, command = source.root, showing.command
        cures = (
            f"A model that comes with otolith tells what is in them: {command('predict', place)}. To make labels: "
            f"{command('label', place)}. To learn from them without: {command('pretrain', place, out='ENCODER_DIR')}"
        )
        raise DataError(f"No recording of {source.info.name} has a label. {beside or cures}")
    if beside:
        progress.say(beside)


def labels_beside(source: Dataset) -> str:
    """Return how labels that `otolith label` keeps beside one's own recordings come into them; "" if there are none."""
    place = source.root if source.info.own else None
    kept = [] if place is None else sorted((place / "labels").glob("*.jsonl"))
    if place is None or not kept:
        return ""
    place = place.resolve()  # "." has no name
    made = showing.command("label", place, by=kept[0].stem, export=place.with_name(f"{place.name}-labelled"))
    return (
        f"Labels of `otolith label` lie beside them and are not in use; a copy of the recordings has them after: {made}"
    )


def with_unlabelled(
    source: Dataset,
    recipe: str | Path | Recipe,
    overrides: dict[str, Any] | None,
    progress: Progress = SILENT,
) -> dict[str, Any] | None:
    """Return replaced values by which stretches without a label join training, and say so, where one's own recordings
    have more of them than of others; a given value stays. Of a shipped recipe, epochs are fewer, down to one,
    where windows times epochs are more than `MOST_IN_ALL_EPOCHS`.

    Raises:
        RecipeError: as `load_recipe`.
    """
    key, given = "windows.unlabelled", overrides or {}
    if key in given or not mostly_unlabelled(source):
        return overrides
    resolved = load_recipe(recipe, source.info.name, overrides)
    if "unlabelled" in resolved.windows.model_fields_set:
        return overrides
    shipped = isinstance(recipe, str) and recipe in SHIPPED
    fewer = _fewer_epochs(source, resolved, given) if shipped else {}
    epochs = fewer.get("pretrain.epochs")
    said = "" if epochs is None else f", pre-training for {showing.count(epochs, 'epoch')} since they are many"
    progress.say(f"{without_labels(source)}{said}; --set {key}=false leaves them out")
    return given | {key: True} | fewer


def _fewer_epochs(source: Dataset, recipe: Recipe, given: dict[str, Any]) -> dict[str, int]:
    """Return the epochs of each stage of pre-training where those of the recipe would be too many."""
    section = recipe.windows
    n_windows = (source.length_s() or 0.0) / (section.seconds * (1 - section.overlap))
    stages = {"pretrain.epochs": recipe.pretrain.epochs, "autoencoder.train.epochs": recipe.autoencoder.train.epochs}
    wanted = {name: max(1, round(MOST_IN_ALL_EPOCHS / n_windows)) for name in stages if name not in given}
    return {name: epochs for name, epochs in wanted.items() if epochs < stages[name]}


def without_labels(source: Dataset) -> str:
    """Return how much of one's own recordings has no label, and what becomes of it."""
    seconds = (source.length_s() or 0.0) - (source.labelled_s() or 0.0)
    return f"{showing.duration(seconds)} of {source.info.name} have no label and join training"


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
