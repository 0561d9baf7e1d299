"""A search over values of a recipe, judged on folds of the people who train and validate, and on nobody who tests."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from otolith import datasets, methods, metrics, rows, splits
from otolith.datasets.base import Dataset
from otolith.errors import DataError, RecipeError, TrainingError
from otolith.jobs.cutting import at_rate_of, cutting, require_labels, with_unlabelled
from otolith.jobs.folder import recipe_title, refuse_other, write_identity
from otolith.jobs.space import Range, propose
from otolith.progress import SILENT, Progress
from otolith.protocols.cells.study import Study, scored
from otolith.protocols.cells.unit import Key, Unit, execute
from otolith.recipes import Recipe, load_recipe
from otolith.report.search import write_history
from otolith.rows import Row
from otolith.splits import Split
from otolith.system import claims
from otolith.system.files import make_place, write
from otolith.windows import Windows

PROTOCOL = "tune"
IDENTITY = "tune.json"
"""File that says what a folder is the search of."""


@dataclass(frozen=True)
class Trial:
    """Values that were tried: their recipe, and their mean score over the folds; None where training failed."""

    number: int
    values: dict[str, Any]
    recipe: Recipe | None
    score: float | None


@dataclass(frozen=True)
class Search:
    """A search before its first training; `otolith.jobs.tune.plan` makes one."""

    dataset: Dataset
    method: str
    recipe: Recipe
    recipe_name: str
    space: tuple[Range, ...]
    trials: int
    folds: int
    seed: int
    metric: str
    device: str
    folder: Path

    @property
    def higher(self) -> bool:
        """Return True where a higher score is better."""
        return self.metric not in metrics.METRICS or metrics.METRICS.get(self.metric).higher_is_better


def plan(
    dataset: str,
    vary: Sequence[str],
    out: str | Path,
    *,
    recipe: str | Path | Recipe = "best",
    method: str = "dynamic",
    trials: int = 20,
    folds: int = 3,
    seed: int = 0,
    metric: str = "macro_f1",
    root: str | Path | None = None,
    overrides: dict[str, Any] | None = None,
    split: str | Path | None = None,
    split_seed: int | None = None,
    device: str = "auto",
    progress: Progress = SILENT,
) -> Search:
    """Return a search whose ranges the recipe allows; nothing is trained or written.

    Args:
        vary: ranges, see `Range.parse`.
        folds: parts of the people who train and validate, each of which judges once.
        metric: `macro_f1`, `accuracy` or one of `otolith.metrics.METRICS`.

    Raises:
        DataError: data missing, an unknown metric, or too few people.
        RecipeError: an unknown recipe, method or key, or a range that the recipe does not allow.
    """
    methods.spec(method)
    if metric not in ("macro_f1", "accuracy"):
        metrics.METRICS.get(metric)
    space = tuple(Range.parse(text) for text in vary)
    if not space:
        raise RecipeError("name what may vary, such as --vary pretrain.lr=1e-4..1e-2:log")
    source = splits.with_split(datasets.load(dataset, root), split, split_seed)
    require_labels(source, progress)
    overrides = with_unlabelled(source, recipe, overrides, progress)
    overrides = at_rate_of([source.info], recipe, overrides, progress)
    base = load_recipe(recipe, source.info.name, overrides)
    for each in space:
        for value in each.ends:
            load_recipe(base, source.info.name, {each.key: value})
    name = recipe_title(recipe, base, overrides)
    return Search(source, method, base, name, space, trials, folds, seed, metric, device, Path(out))


def run(search: Search, progress: Progress = SILENT) -> list[Trial]:
    """Do the trials that are missing; leave rows, `best.toml`, `trials.csv` and `history.svg`; return all trials.

    Raises:
        CheckpointError: the folder holds another search, or something else.
        InUseError: another process works there.
        DataError: too few people who train or validate, or data that cannot be read.
        StorageError: a file cannot be written.
    """
    w = development(search.dataset, search.recipe, progress)
    splits.folds(w, search.folds, search.seed)  # refuses too few people before anything is written
    identity = {
        "protocol": PROTOCOL,
        "dataset": search.dataset.info.name,
        "data": w.content,
        "split": splits.default(_windows(search.dataset, search.recipe, progress), search.dataset.info).identity,
        "method": search.method,
        "recipe": search.recipe.hash,
        "folds": search.folds,
        "seed": search.seed,
        "metric": search.metric,
        "space": [dataclasses.asdict(each) | {"choices": list(each.choices)} for each in search.space],
    }
    claims.refuse_if_held(search.folder)
    refuse_other(search.folder, IDENTITY, identity, "search")
    make_place(search.folder)
    with claims.hold(search.folder):
        write_identity(search.folder, IDENTITY, identity, search.recipe)
        done: list[Trial] = []
        with progress.stage("trials", search.trials, "trials") as bar:
            for number in range(search.trials):
                done.append(_trial(search, number, done, progress))
                _leave(search, done)
                bar.advance()
    return done


def best(search: Search, done: Sequence[Trial]) -> Trial | None:
    """Return the trial of the best score; None where none could be trained."""
    found = [trial for trial in done if trial.score is not None]
    return max(found, key=lambda trial: (1 if search.higher else -1) * (trial.score or 0.0), default=None)


def development(dataset: Dataset, recipe: Recipe, progress: Progress = SILENT) -> Windows:
    """Return the windows of the people who train and validate by the data set's split; nobody who tests is among them.

    Raises:
        DataError: the split is not one of people.
    """
    w = _windows(dataset, recipe, progress)
    split = splits.default(w, dataset.info)
    kept = np.union1d(split.train, split.val)
    if len(np.intersect1d(w.subject[kept], w.subject[split.test])):
        raise DataError(
            f"{w.meta.dataset} is split within people ({split.name}), so that a search would look at those who test. "
            "Record more people, or name them in a --split FILE."
        )
    part = w.take(kept)
    return dataclasses.replace(part, meta=dataclasses.replace(part.meta, fixed=None))


def _windows(dataset: Dataset, recipe: Recipe, progress: Progress) -> Windows:
    return dataset.windows(**cutting(dataset.info, recipe), progress=progress)


def _trial(search: Search, number: int, done: Sequence[Trial], progress: Progress) -> Trial:
    file = search.folder / "rows.jsonl"
    begun = [row.meta for row in rows.read(file) if row.meta.get("trial") == number]
    history = [(trial.values, trial.score) for trial in done]
    values = dict(begun[0]["values"]) if begun else propose(search.space, history, search.seed, search.higher)
    try:
        recipe = load_recipe(search.recipe, search.dataset.info.name, values)
        w = development(search.dataset, recipe, progress)
        units = [_unit(search, w, recipe, split, number, values) for split in _folds(search, w)]
        for _ in execute(units, file, progress):
            pass
    except (RecipeError, TrainingError) as error:
        progress.say(f"trial {number}: {error}")
        return Trial(number, values, None, None)
    shutil.rmtree(search.folder / "encoders", ignore_errors=True)
    known = rows.read(file)
    found = [rows.find(known, key) for unit in units for key in unit.keys]
    figures = [_figure(row, search.metric) for row in found if row is not None]
    told = [figure for figure in figures if figure is not None]
    return Trial(number, values, recipe, float(np.mean(told)) if len(told) == len(units) else None)


def _folds(search: Search, w: Windows) -> list[Split]:
    return splits.folds(w, search.folds, search.seed)


def _figure(row: Row, metric: str) -> float | None:
    found = row.result.get(metric, row.result.get("metrics", {}).get(metric))
    return None if found is None else float(found)


def _unit(search: Search, w: Windows, recipe: Recipe, split: Split, number: int, values: Mapping[str, Any]) -> Unit:
    """Return one fold of a trial, whose row says which trial and values it is of."""
    place = search.folder / "encoders"
    make_place(place)
    study = Study(w, search.dataset.info, recipe, search.recipe_name, place, search.device, kept=search.folder)
    unit = scored(study, PROTOCOL, split, search.method, search.seed)

    def told(missing: Sequence[Key], progress: Progress) -> Iterator[Row]:
        for row in unit.run(missing, progress):
            yield dataclasses.replace(row, meta=row.meta | {"trial": number, "values": dict(values)})

    return Unit(f"trial {number}, {unit.title}", unit.keys, partial(told))


def _leave(search: Search, done: Sequence[Trial]) -> None:
    """Write the best recipe and the history so far."""
    found = best(search, done)
    if found is not None and found.recipe is not None:
        write(search.folder / "best.toml", found.recipe.to_toml())
    keys = [each.key for each in search.space]
    history = [(trial.values, trial.score) for trial in done]
    write_history(search.folder, keys, history, search.metric, higher=search.higher)
