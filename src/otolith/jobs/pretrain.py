"""Pre-training alone: an encoder without a head, by one process or by several together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from otolith import pipeline
from otolith.errors import CheckpointError
from otolith.jobs.estimate import Estimate
from otolith.jobs.folder import checkpoints_beside, refuse_taken
from otolith.jobs.prepared import Prepared
from otolith.model import bundle
from otolith.progress import SILENT, Progress
from otolith.system import claims
from otolith.system.files import discard, restore
from otolith.training.ranks import ALONE, Ranks


def run(
    prepare: Callable[[], Prepared],
    out: Path,
    *,
    resume: bool = False,
    ignore_memory: bool = False,
    ranks: Ranks = ALONE,
    on_plan: Callable[[Prepared, Estimate], None] = lambda prepared, cost: None,
    progress: Progress = SILENT,
) -> Prepared:
    """Pre-train an encoder and leave it as a bundle in `out`; return what it was trained on.

    Args:
        prepare: cuts the windows; called once it is sure that `out` is free, by the first of several processes before
            the others, which then find them in the cache.
        resume: go on from the checkpoints beside `out`; of a finished pre-training, do nothing.
        ignore_memory: begin even if the memory of this machine does not seem to suffice.
        on_plan: is told, in the first process, what will be done and what it will take, before it begins.

    Raises:
        CheckpointError: `out` holds something else, or an unfinished pre-training that `resume` was not asked for.
        InUseError: another process works there.
        TrainingError: more memory is needed than is free, or see `otolith.pretrain`.
    """
    checkpoints = checkpoints_beside(out)
    if ranks.first:
        if not (resume and (out / bundle.CARD).is_file()):
            refuse_taken(out)
        claims.refuse_if_held(checkpoints)
        restore(out)
        restore(checkpoints)
        if checkpoints.exists() and not resume:
            raise CheckpointError(f"{checkpoints} holds an unfinished pre-training; go on with --resume, or remove it")
    else:
        ranks.wait()  # until the first has cut the windows
    prepared = prepare()
    finished = False
    if ranks.first:
        ranks.wait()
        finished = (out / bundle.CARD).is_file()  # killed between its last file and its end
        if finished and not _is_of(bundle.read_card(out), prepared):
            refuse_taken(out)
    if ranks.broadcast(b"finished" if finished else b"to do") == b"to do":
        if ranks.first:
            cost = prepared.estimate(heads=False, ignore_memory=ignore_memory, progress=progress)
            on_plan(prepared, cost)
        encoder = pipeline.pretrain(
            prepared.w,
            prepared.split,
            prepared.recipe,
            prepared.method,
            prepared.seed,
            unlabelled=prepared.unlabelled,
            device=prepared.device,
            checkpoints=checkpoints,
            ranks=ranks,
            progress=progress,
        )
        if ranks.first:
            bundle.save(encoder, out, prepared.dataset.info)
    if ranks.first:
        discard(checkpoints)
    return prepared


def _is_of(card: dict[str, Any], prepared: Prepared) -> bool:
    """Return whether an encoder is the one that this pre-training would leave."""
    cut = prepared.w.meta
    recipe_hash = prepared.recipe.cut_as(cut.rate_hz, cut.seconds, cut.overlap).hash
    asked = {"method": prepared.method, "seed": prepared.seed, "recipe_hash": recipe_hash}
    same: bool = card["data"]["dataset"] == cut.dataset and card["data"].get("content") in (None, prepared.w.content)
    return same and all(card.get(name) == value for name, value in asked.items())
