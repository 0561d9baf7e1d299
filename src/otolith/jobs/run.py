"""The whole job on one data set: everything between a name and a finished run folder."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from otolith import methods, report, rows, splits
from otolith.errors import CheckpointError, DataError
from otolith.jobs.cutting import at_rate_of, cutting
from otolith.jobs.estimate import Estimate, estimate
from otolith.jobs.folder import file_name, recipe_title, refuse_other, write_identity
from otolith.jobs.tensorboard import CurveWriter
from otolith.model import Model, PretrainedEncoder, bundle
from otolith.pipeline import OnEpoch, build_encoder, finetune, pretrain
from otolith.pipeline.choice import labels_each
from otolith.progress import SILENT, Progress
from otolith.protocols import sections
from otolith.protocols.cells.arrays import embed_test, judge_teacher, shown
from otolith.protocols.cells.study import key_of, scored_row
from otolith.protocols.cells.unit import BEFORE, Key
from otolith.recipes import Recipe, load_recipe
from otolith.rows import Row
from otolith.system import claims, memory
from otolith.system.files import make_place, sweep, write

if TYPE_CHECKING:
    from otolith.datasets.base import Dataset
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

    @property
    def key(self) -> Key:
        """Return what the figure depends on; two rows of one key are the same experiment."""
        unlabelled = [extra.meta.dataset for extra in self.unlabelled]
        more: dict[str, Any] = {"unlabelled": unlabelled}
        if self.unlabelled:
            more["unlabelled_data"] = [extra.content for extra in self.unlabelled]
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


@dataclass(frozen=True)
class Finished:
    """A run that ended: its folder, its row and its report."""

    folder: Path
    row: Row
    report: Path


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
    progress: Progress = SILENT,
) -> Prepared:
    """Find the data, resolve the recipe, cut the windows (or take them from the cache) and split them.

    Args:
        dataset: a registered name, or the folder of users' own recordings.
        root: where a registered data set lies; see `otolith.load`.
        unlabelled: a data set whose recordings join pre-training with their labels, if any, ignored.
        overrides: dotted recipe keys and their values.
        workers: processes that read and cut recordings; None: one for each core where that is worth it.

    Raises:
        DataError: data missing, damaged, or too few subjects for a built-in split.
        RecipeError: unknown recipe, method, key or value.
    """
    from otolith import datasets

    methods.spec(method)
    source = datasets.load(dataset, root)
    beside = None if unlabelled is None else datasets.load(str(unlabelled))
    infos = [source.info, *([] if beside is None else [beside.info])]
    overrides = at_rate_of(infos, recipe, overrides, progress)
    resolved = load_recipe(recipe, source.info.name, overrides)
    cut = cutting(source.info, resolved) | {"workers": workers, "progress": progress}
    w = source.windows(**cut)
    extra: tuple[Windows, ...] = ()
    if beside is not None:
        if beside.info.gravity != source.info.gravity:
            raise DataError(
                f"Gravity is {source.info.gravity} in {source.info.name}, {beside.info.gravity} in {unlabelled}: "
                "one encoder cannot learn from both. Choose another data set."
            )
        extra = (beside.windows(**cut | {"unlabelled": True}),)
    split = splits.default(w, source.info)
    name = recipe_title(recipe, resolved, overrides)
    return Prepared(source, w, split, resolved, method, seed, name, extra, device)


def run(
    prepared: Prepared, out: Path, *, resume: bool = False, tensorboard: bool = False, progress: Progress = SILENT
) -> Finished:
    """Pre-train, fine-tune, evaluate, and leave a run folder with rows, curves, pictures, model and report.

    Args:
        out: the run folder. One that holds an unfinished run goes on with `resume`, from its last whole epoch.
        tensorboard: also write the curves as TensorBoard's event files, into `out / "tensorboard"`.

    Raises:
        RecipeError: `tensorboard` without TensorBoard installed.
        InUseError: another process works in the folder.
        StorageError: a file cannot be written; what was written before is whole.
        CheckpointError: the folder holds another run, or one that `resume` was not asked to go on with.
        TrainingError, DataError: see `otolith.pretrain`, `otolith.finetune`, `otolith.evaluate`.
    """
    _refuse_one_activity(prepared.w, prepared.split)
    holds(prepared, out, resume=resume)  # before the folder is made and locked
    make_place(out)
    with claims.hold(out):
        return _run(prepared, out, resume, tensorboard, progress)


def _run(prepared: Prepared, out: Path, resume: bool, tensorboard: bool, progress: Progress) -> Finished:
    sweep(out / "arrays")
    done = _finished(out, prepared.key) if _holds(prepared, out, resume) else None
    if done is not None and "data" not in done.key:
        progress.say(f"{out / 'rows.jsonl'}: its row is {BEFORE.removeprefix('are ')}")
    if done is None:
        write_identity(out, "run.json", prepared.key, prepared.recipe)
        watchers = [_Curves(out / "curves.jsonl").add]
        if tensorboard:
            watchers.append(CurveWriter(out / "tensorboard").add)

        def on_epoch(record: dict[str, Any]) -> None:
            for watch in watchers:
                watch(record)

        done = _trained(prepared, out, on_epoch, progress)
        rows.append(out / "rows.jsonl", done)
    shutil.rmtree(out / "checkpoints", ignore_errors=True)  # also after one who was killed at this very place
    with progress.stage("report", 1):
        page = report.write([out], out / "report.html", sections)
    return Finished(out, done, page)


def _trained(prepared: Prepared, out: Path, on_epoch: OnEpoch, progress: Progress) -> Row:
    """Pre-train, fine-tune and score; leave the model and its arrays in `out`, and return the row."""
    w, split = prepared.w, prepared.split
    common: dict[str, Any] = {"checkpoints": out / "checkpoints", "progress": progress, "on_epoch": on_epoch}
    more = common | {"unlabelled": prepared.unlabelled, "device": prepared.device}
    encoder = pretrain(w, split, prepared.recipe, prepared.method, prepared.seed, **more)
    model = finetune(encoder, w, split, **common)
    row = scored_row(prepared.key, model, w, split, prepared.recipe_name, encoder.records + model.records)
    bundle.save(model, out / "model", prepared.dataset.info, parents=False)
    _keep_arrays(prepared, encoder, model, out / "arrays", progress)
    return row


def default_folder(prepared: Prepared) -> Path:
    """Return `runs/DATASET-METHOD-RECIPE-seedN` below the working folder."""
    dataset = file_name(prepared.w.meta.dataset)  # people may name theirs as they like
    return Path("runs") / f"{dataset}-{prepared.method}-{prepared.recipe_name}-seed{prepared.seed}"


def holds(prepared: Prepared, out: Path, *, resume: bool = False) -> bool:
    """Return whether `out` holds this run, finished. Nothing is written.

    Raises:
        InUseError: another process works there.
        CheckpointError: it holds another run or something else, or this one, finished or not, and `resume` is False.
    """
    claims.refuse_if_held(out)
    return _holds(prepared, out, resume)


def _holds(prepared: Prepared, out: Path, resume: bool) -> bool:
    key = prepared.key
    # One that failed before its first epoch has nothing that could be lost.
    kept = [out / "rows.jsonl", out / "curves.jsonl", *out.glob("checkpoints/*/epoch-*")]
    if not refuse_other(out, "run.json", key, "run", kept=any(path.exists() for path in kept)):
        return False
    finished = _finished(out, key) is not None
    if not resume:
        state = "this run, finished; show it again" if finished else "this run, unfinished; go on"
        raise CheckpointError(f"{out} already holds {state} with --resume, or choose another --out folder")
    return finished


def _refuse_one_activity(w: Windows, split: Split) -> None:
    """Refuse one activity before pre-training, which may take hours."""
    y = w.y[split.train]
    seen = [w.meta.activities[c] for c in np.unique(y[y >= 0])]
    if len(seen) < 2:
        raise DataError(
            f"the training part of {w.meta.dataset} has labels of {len(seen)} activities "
            f"({', '.join(seen) or 'none'}); a classifier needs at least 2. Label another activity, or choose other "
            "data; `otolith pretrain` does without labels."
        )


def _finished(out: Path, key: dict[str, Any]) -> Row | None:
    return rows.find(rows.read(out / "rows.jsonl"), key)


def _keep_arrays(
    prepared: Prepared, encoder: PretrainedEncoder, model: Model, folder: Path, progress: Progress
) -> None:
    """Write t-SNE before and after training on test windows, and how well the teacher tells activities apart."""
    w, split, seed = prepared.w, prepared.split, prepared.seed
    folder.mkdir(exist_ok=True)
    networks = {"after": shown(model)}
    if not methods.spec(prepared.method).own_head:  # nothing of it is trained
        networks = {"before": build_encoder(prepared.method, prepared.recipe, w.meta, seed)} | networks
    embed_test(networks, model.encoder, w, split, seed, folder, progress)
    figures = judge_teacher(encoder, w, split, seed)
    if figures is not None:
        write(folder / "teacher.json", json.dumps(figures, indent=2, allow_nan=False))
    elif encoder.teacher is not None:
        progress.say("The validation windows hold too few activities to judge the teacher by; this is left out.")


class _Curves:
    """`curves.jsonl`: one record for each epoch, rewritten whole, so that a resumed run repeats none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.records: list[dict[str, Any]] = []

    def add(self, record: dict[str, Any]) -> None:
        self.records.append(record)
        # a resumed run writes all of them again, from its checkpoint
        write(self.path, "".join(json.dumps(r, allow_nan=False) + "\n" for r in self.records), sync=False)
