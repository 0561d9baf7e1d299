"""`otolith run`: the whole job."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from otolith.cli.shared import TRAINING, AnyDataset, Flag, Flat, Folder


def run(
    dataset: AnyDataset = "watch",
    /,
    *,
    encoder: Annotated[Path | None, Parameter(metavar="MODEL")] = None,
    out: Folder | None = None,
    dry_run: Flag = False,
    resume: Flag = False,
    tensorboard: Flag = False,
    options: Flat = TRAINING,
) -> None:
    """Do the whole job, from recordings to a model and a report.

    Pre-trains without labels, fine-tunes on them, and evaluates on subjects that the model has not seen.

    Args:
        encoder: Start from the encoder of this model, a folder or a name that `otolith models` lists, in place of
            pre-training one; its method and windows hold, whatever --method says.
        out: Folder to write; default: runs/DATASET-METHOD-RECIPE-seedN.
        dry_run: Print the resolved recipe and an estimate of time and memory, then stop.
        resume: Go on with the run in the output folder; of a finished one, show the result again.
        tensorboard: Also write the curves for TensorBoard, into the output folder.
    """
    from otolith.cli import results
    from otolith.cli.shared import Interrupted
    from otolith.jobs import run
    from otolith.progress.display import LiveProgress
    from otolith.report.names import dataset_title, method_title

    progress = LiveProgress()
    prepared = options.prepare(dataset, progress, encoder)
    folder = out or run.default_folder(prepared)
    finished = not dry_run and run.holds(prepared, folder, resume=resume)
    cost = None
    if not finished and encoder is None:
        cost = prepared.estimate(ignore_memory=dry_run or options.ignore_memory, progress=progress)
    heading, lines = results.plan(prepared, cost, folder)
    if dry_run:
        results.write(results.comment(heading, lines) + "\n" + prepared.recipe.to_toml())
        return
    if resume and not finished and folder.exists():
        lines.append(("resumed", "from its last whole epoch; the time above is that of the whole run"))
    results.show(heading, lines, progress.console)
    try:
        ended = run.run(prepared, folder, resume=resume, tensorboard=tensorboard, progress=progress)
    except KeyboardInterrupt:
        raise Interrupted(folder) from None
    row = ended.row
    results.show(
        f"{method_title(prepared.method)} on {dataset_title(prepared.w.meta.dataset)}: "
        f"{row.result['n_windows']:,} test windows of {results.people(row.result['n_subjects'])}",
        [
            *results.scores(row.result, row.meta.get("warning", "")),
            ("model", str(ended.folder / "model")),
            ("report", str(ended.report)),
        ],
    )
