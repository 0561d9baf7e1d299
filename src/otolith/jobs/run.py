"""The whole job on one data set: everything between a name and a finished run folder."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from otolith import methods, report, rows
from otolith.errors import CheckpointError, DataError
from otolith.jobs.folder import file_name, refuse_other, write_identity
from otolith.jobs.prepared import Prepared
from otolith.jobs.tensorboard import CurveWriter
from otolith.model import Model, PretrainedEncoder, bundle
from otolith.pipeline import OnEpoch, build_encoder, finetune, pretrain
from otolith.progress import SILENT, Progress
from otolith.protocols import sections
from otolith.protocols.cells.arrays import embed_test, judge_teacher, shown
from otolith.protocols.cells.study import scored_row
from otolith.protocols.cells.unit import BEFORE
from otolith.rows import Row
from otolith.system import claims
from otolith.system.files import make_place, sweep, write

if TYPE_CHECKING:
    from otolith.splits import Split
    from otolith.windows import Windows


@dataclass(frozen=True)
class Finished:
    """A run that ended: its folder, its row and its report."""

    folder: Path
    row: Row
    report: Path


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
    if prepared.encoder is not None:
        encoder = prepared.encoder
        # one that learnt labels end to end is not trained on new ones again as a whole
        frozen = True if methods.spec(encoder.method).end_to_end else None
        model = finetune(encoder, w, split, seed=prepared.seed, frozen=frozen, **common)
    else:
        encoder = pretrain(w, split, prepared.recipe, prepared.method, prepared.seed, **more)
        model = finetune(encoder, w, split, **common)
    records = encoder.records + model.records
    row = scored_row(prepared.key, model, w, split, prepared.recipe_name, records, out)
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
    if prepared.encoder is None and not methods.spec(prepared.method).own_head:  # nothing of it is trained
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
