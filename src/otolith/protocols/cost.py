"""Cost (Section V): seconds of an epoch of each stage."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from otolith import methods as registry
from otolith import splits
from otolith.pipeline import finetune, pretrain
from otolith.progress import Progress
from otolith.protocols.study import Study
from otolith.protocols.unit import Key, Unit
from otolith.recipes import Recipe, load_recipe
from otolith.rows import Row

EPOCHS = 2
"""Epochs of each stage that are timed; `meta.seconds_per_epoch` is their mean."""


def units(study: Study, methods: Sequence[str], seeds: int) -> Iterator[Unit]:
    """Each method for a few epochs of each of its stages. What differs from run to run is the row's `meta`."""
    split = splits.default(study.w, study.info)
    short = _shortened(study.recipe, study.w.meta.dataset)
    for seed in range(seeds):
        for method in methods:
            key = study.key("cost", split, method, seed)

            def run(missing: Sequence[Key], progress: Progress, key: Key = key) -> Iterator[Row]:
                name, number = str(key["method"]), int(key["seed"])
                encoder = pretrain(study.w, split, short, name, number, device=study.device, progress=progress)
                model = finetune(encoder, study.w, split, progress=progress)
                parameters = sum(p.numel() for p in encoder.network.parameters())
                result = {"parameters": parameters, "epochs": EPOCHS}
                yield Row(key, result, study.meta(split, {}, encoder.records + model.records))

            yield Unit(f"{method}, seed {seed}", (key,), run)


def _shortened(recipe: Recipe, dataset: str) -> Recipe:
    """The same recipe with a few epochs of everything."""
    tree = recipe.as_dict()
    for name in registry.names():
        tree["method"].setdefault(name, dataclasses.asdict(recipe.settings_of(name)))
    changes: dict[str, int] = {}

    def look(node: object, path: str) -> None:
        if isinstance(node, dict):
            for name, value in node.items():
                if name == "epochs":
                    changes[f"{path}epochs"] = EPOCHS
                look(value, f"{path}{name}.")

    look(tree, "")
    return load_recipe(Recipe.model_validate(tree), dataset, changes)
