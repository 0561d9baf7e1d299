"""Decisions before the first training step of a run: data, recipe, windows, split, and a given encoder."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otolith import methods, splits
from otolith.errors import DataError
from otolith.jobs.cutting import at_rate_of, cutting, require_labels, with_unlabelled
from otolith.jobs.estimate import Estimate, estimate
from otolith.jobs.finetune import with_labels_of
from otolith.jobs.folder import file_name, recipe_title
from otolith.jobs.seen import refuse_other_split, refuse_seen, with_warning
from otolith.model import PretrainedEncoder, bundle
from otolith.model.place import called
from otolith.model.windows import windows_for_encoder
from otolith.pipeline.choice import labels_each
from otolith.progress import SILENT, Progress
from otolith.protocols.cells.study import key_of
from otolith.protocols.cells.unit import Key
from otolith.recipes import Recipe, load_recipe
from otolith.recording import sensors_of
from otolith.system import memory
from otolith.windows.subjects import OwnParts

if TYPE_CHECKING:
    from otolith.datasets.base import Dataset, DatasetInfo
    from otolith.splits import Split
    from otolith.windows import Windows

PROTOCOL = "representation"
"""A run is one cell of this protocol."""


@dataclass(frozen=True)
class Prepared:
    """Everything decided before the first training step."""

    dataset: Dataset
    w: Windows
    split: Split
    recipe: Recipe
    method: str
    seed: int
    recipe_name: str
    unlabelled: tuple[Windows, ...] = ()
    device: str = "auto"
    encoder: PretrainedEncoder | None = None
    """Encoder that is there already, to start from; None: one is pre-trained."""
    encoder_name: str = ""
    """Name of that encoder's model and the beginning of its weights' checksum."""

    @property
    def key(self) -> Key:
        """Return what the figure depends on; two rows of one key are the same experiment."""
        more: dict[str, Any] = {"unlabelled": [extra.meta.dataset for extra in self.unlabelled]}
        if self.unlabelled:
            more["unlabelled_data"] = [extra.content for extra in self.unlabelled]
        if self.encoder is not None:
            more["encoder"] = self.encoder_name
        return key_of(PROTOCOL, self.w, self.split, self.recipe, self.method, self.seed, **more)

    def estimate(self, *, heads: bool = True, ignore_memory: bool = False, progress: Progress = SILENT) -> Estimate:
        """Return what the run will take; without `heads`, its pre-training alone.

        Raises:
            TrainingError: more memory is needed than is free, unless `ignore_memory`.
        """
        n_train, n_val = len(self.split.train) + sum(map(len, self.unlabelled)), len(self.split.val)
        free = None if ignore_memory else memory.available_bytes()
        with progress.stage("time of a step", 1) as bar:
            labels = labels_each(self.w, self.split.train)
            sizes = (self.w.meta, n_train, n_val)
            found = estimate(self.recipe, self.method, *sizes, self.device, free, labels, heads=heads)
            bar.advance()
        return found


def prepare(
    dataset: str = "watch",
    *,
    recipe: str | Path | Recipe = "best",
    method: str = "dynamic",
    seed: int = 0,
    root: str | Path | None = None,
    unlabelled: str | Path | None = None,
    overrides: dict[str, Any] | None = None,
    device: str = "auto",
    workers: int | None = None,
    encoder: str | Path | None = None,
    labels: bool = True,
    split: str | Path | None = None,
    split_seed: int | None = None,
    progress: Progress = SILENT,
) -> Prepared:
    """Find the data, resolve the recipe, cut the windows (or take them from the cache) and split them.

    Args:
        dataset: a registered name, or the folder of users' own recordings.
        root: where a registered data set lies; see `otolith.load`.
        unlabelled: a data set whose recordings join pre-training with their labels, if any, ignored.
        overrides: dotted recipe keys and their values.
        workers: processes that read and cut recordings; None: one for each core where that is worth it.
        encoder: a model whose encoder is taken as it is (`otolith.load_encoder`): its method and windows then hold,
            and the recipe says how labels are used.
        labels: whether labels are used afterwards. Without, one's own recordings need none: where too few have one to
            validate and test, all of them train.
        split: file that names the subjects of each part (`otolith.splits.read_parts`), in place of the data set's own.
        split_seed: seed of a random hold-out of subjects in its place.

    Raises:
        DataError: data missing, damaged, without what the encoder needs, or too few subjects for a built-in split.
        CheckpointError: `encoder` holds no model.
        RecipeError: unknown recipe, method, key or value.
    """
    from otolith import datasets

    methods.trainable(method)
    source = splits.with_split(datasets.load(dataset, root), split, split_seed)
    if encoder is not None:
        if unlabelled is not None:
            raise DataError("with --encoder nothing is pre-trained that --unlabelled could join; leave one out.")
        return _prepare_from(encoder, source, recipe, seed, overrides, device, progress)
    if labels:
        require_labels(source, progress)
    overrides = with_unlabelled(source, recipe, overrides, progress)
    beside = None if unlabelled is None else datasets.load(str(unlabelled))
    infos = [source.info, *([] if beside is None else [beside.info])]
    overrides = at_rate_of(infos, recipe, overrides, progress)
    resolved = load_recipe(recipe, source.info.name, overrides)
    cut = cutting(source.info, resolved) | {"workers": workers, "progress": progress}
    if beside is not None:
        _refuse_unlike(beside.info, source.info, cut["channels"])
    w = source.windows(**cut)
    extra = () if beside is None else (beside.windows(**cut | {"unlabelled": True}),)
    parts = _split(w, source.info, labels)
    name = recipe_title(recipe, resolved, overrides)
    return Prepared(source, w, parts, resolved, method, seed, name, extra, device)


def _split(w: Windows, info: DatasetInfo, labels: bool) -> Split:
    try:
        return splits.default(w, info)
    except DataError:
        if labels or not info.own or isinstance(info.default_split, OwnParts):
            raise
        return splits.unlabelled(w)


def _refuse_unlike(beside: DatasetInfo, info: DatasetInfo, channels: Sequence[str]) -> None:
    """Refuse unlabelled recordings whose windows cannot join those of a data set, before any are cut."""
    if beside.gravity != info.gravity:
        raise DataError(
            f"Gravity is {info.gravity} in {info.name}, {beside.gravity} in {beside.name}: one encoder cannot learn "
            "from both. Choose another data set."
        )
    missing = [sensor for sensor in sensors_of(channels) if sensor not in sensors_of(beside.channels)]
    if missing or not set(channels) <= set(beside.channels):
        both = [sensor for sensor in sensors_of(channels) if sensor in sensors_of(beside.channels)]
        sensors = shlex.quote(f"windows.sensors={both[0] if len(both) == 1 else json.dumps(both)}") if both else ""
        cure = f" Use what both have: --set {sensors}." if missing and both else ""
        raise DataError(
            f"{beside.name} has {', '.join(beside.channels)}, and windows of {info.name} are of {', '.join(channels)}: "
            f"they cannot join its pre-training.{cure}"
        )


def _prepare_from(
    encoder: str | Path,
    source: Dataset,
    recipe: str | Path | Recipe,
    seed: int,
    overrides: dict[str, Any] | None,
    device: str,
    progress: Progress,
) -> Prepared:
    """Prepare a run that starts from an encoder that is there: its windows, and a recipe's ways to use labels."""
    loaded = with_labels_of(bundle.load_encoder(encoder, device), load_recipe(recipe, source.info.name, overrides))
    refuse_seen(loaded, encoder, source.info.name)
    if loaded.scaler.turned:
        progress.say(
            f"The encoder of {called(encoder)} does not see which way up the device sits. Where activities differ by "
            "that alone, as sitting and lying, a run without --encoder tells them better."
        )
    require_labels(source, progress)
    chosen = with_unlabelled(source, recipe, overrides, progress) or {}
    w = windows_for_encoder(source, loaded, unlabelled=bool(chosen.get("windows.unlabelled")))
    name = f"{recipe_title(recipe, loaded.recipe, overrides)}-from-{file_name(Path(encoder).name)}"
    known = f"{Path(encoder).name} {str(bundle.read_card(encoder).get('weights_sha256'))[:12]}"
    split = splits.default(w, source.info)
    refuse_other_split(loaded, encoder, w, split)
    split = with_warning(loaded, encoder, w, split)
    return Prepared(
        source, w, split, loaded.recipe, loaded.method, seed, name, device=device, encoder=loaded, encoder_name=known
    )
