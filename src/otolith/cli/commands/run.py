"""`otolith run`: the whole job."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from otolith.cli.shared import Flag, Folder, Overrides, Seed, Workers


def run(
    dataset: str = "watch",
    /,
    *,
    recipe: Annotated[str, Parameter(metavar="NAME|FILE")] = "compact",
    method: str = "dynamic",
    data: Folder | None = None,
    unlabelled: Annotated[str | None, Parameter(metavar="DIR")] = None,
    out: Folder | None = None,
    seed: Seed = 0,
    overrides: Overrides = None,
    dry_run: Flag = False,
    resume: Flag = False,
    tensorboard: Flag = False,
    device: str = "auto",
    workers: Workers = None,
    ignore_memory: Flag = False,
) -> None:
    """Do the whole job, from recordings to a model and a report.

    Pre-trains without labels, fine-tunes on them, and evaluates on subjects that the model has not seen.

    Args:
        dataset: Name of a data set (`otolith data` lists them), or the folder of your own.
        recipe: compact (two CPU cores, minutes), paper (the published configuration), or a TOML file.
        method: dynamic, multimodal, csshar, angular, scheduled, macl, dystress, debiased, hard-negatives,
            cluster-negatives, simsiam, byol, vicreg, cpc, masked, multi-task, autoencoder, supervised or random.
        data: Folder that holds the data set, or its parent; default: $OTOLITH_DATA, then the downloads.
        unlabelled: Data set folder whose recordings join pre-training; labels in it are ignored.
        out: Folder to write; default: runs/DATASET-METHOD-RECIPE-seedN.
        seed: Of weights, order and augmentation.
        overrides: Recipe values to replace, such as pretrain.epochs=5 augment.0.sigma=0.3.
        dry_run: Print the resolved recipe and an estimate of time and memory, and stop.
        resume: Go on with the run in the output folder; of a finished one, show the result again.
        tensorboard: Also write the curves for TensorBoard, into the output folder.
        device: auto (a GPU where there is one), cpu, cuda, cuda:1, ...
        workers: Processes that cut recordings into windows; default: one for each core where that is worth it.
        ignore_memory: Begin even if the memory of this machine does not seem to suffice.
    """
    from otolith.cli import Interrupted, results
    from otolith.cli.display import LiveProgress
    from otolith.cli.shared import parse_overrides
    from otolith.jobs import run
    from otolith.report.names import dataset_title, method_title

    progress = LiveProgress()
    prepared = run.prepare(
        dataset,
        recipe=recipe,
        method=method,
        seed=seed,
        root=data,
        unlabelled=unlabelled,
        overrides=parse_overrides(overrides),
        device=device,
        workers=workers,
        progress=progress,
    )
    folder = out or run.default_folder(prepared)
    finished = not dry_run and run.holds(prepared, folder, resume=resume)
    cost = None
    if not finished:
        cost = prepared.estimate(ignore_memory=dry_run or ignore_memory, progress=progress)
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
        f"{method_title(method)} on {dataset_title(prepared.w.meta.dataset)}: "
        f"{row.result['n_windows']:,} test windows of {results.people(row.result['n_subjects'])}",
        [
            *results.scores(row.result, row.meta.get("warning", "")),
            ("model", str(ended.folder / "model")),
            ("report", str(ended.report)),
        ],
    )
