"""`otolith pretrain`: the first part of the job, an encoder without a head."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from otolith.cli.shared import Flag, Folder, Overrides, Seed, Workers


def pretrain(
    dataset: str = "watch",
    /,
    *,
    out: Folder,
    recipe: Annotated[str, Parameter(metavar="NAME|FILE")] = "compact",
    method: str = "dynamic",
    data: Folder | None = None,
    unlabelled: Annotated[str | None, Parameter(metavar="DIR")] = None,
    seed: Seed = 0,
    overrides: Overrides = None,
    resume: Flag = False,
    device: str = "auto",
    workers: Workers = None,
    ignore_memory: Flag = False,
) -> None:
    """Pre-train an encoder without labels.

    Several processes, on one machine or more, train it together where `torchrun --nproc-per-node N -m otolith pretrain
    ...` starts them; the batch is shared between them.

    Args:
        dataset: Name of a data set (`otolith data` lists them), or the folder of your own.
        out: Folder for the encoder. Until it is done, checkpoints lie beside it in DIR-checkpoints.
        recipe: compact (two CPU cores, minutes), paper (the published configuration), or a TOML file.
        method: dynamic, multimodal, csshar, angular, scheduled, macl, dystress, debiased, hard-negatives,
            cluster-negatives, simsiam, byol, vicreg, cpc, masked, multi-task, autoencoder, supervised or random.
        data: Folder that holds the data set, or its parent; default: $OTOLITH_DATA, then the downloads.
        unlabelled: Data set folder whose recordings join pre-training; labels in it are ignored.
        seed: Of weights, order and augmentation.
        overrides: Recipe values to replace, such as pretrain.epochs=5 augment.0.sigma=0.3.
        resume: Go on from the checkpoints of an interrupted pre-training; of a finished one, say where it is.
        device: auto (a GPU where there is one), cpu, cuda, cuda:1, ...
        workers: Processes that cut recordings into windows; default: one for each core where that is worth it.
        ignore_memory: Begin even if the memory of this machine does not seem to suffice.
    """
    from otolith.cli import Interrupted, results
    from otolith.cli.display import LiveProgress
    from otolith.cli.shared import parse_overrides
    from otolith.jobs import pretrain as job
    from otolith.jobs.estimate import Estimate
    from otolith.jobs.folder import checkpoints_beside
    from otolith.jobs.run import Prepared, prepare
    from otolith.progress import SILENT, Progress
    from otolith.training.ranks import joined

    with joined() as ranks:
        live = LiveProgress()
        progress: Progress = live if ranks.first else SILENT

        def prepared() -> Prepared:
            return prepare(
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

        def on_plan(planned: Prepared, cost: Estimate) -> None:
            results.show(*results.plan(planned, cost, out), live.console)

        try:
            job.run(
                prepared,
                out,
                resume=resume,
                ignore_memory=ignore_memory,
                ranks=ranks,
                on_plan=on_plan,
                progress=progress,
            )
        except KeyboardInterrupt:
            if not checkpoints_beside(out).exists():
                raise
            raise Interrupted(checkpoints_beside(out)) from None
        if ranks.first:
            results.show("Pre-trained", [("encoder", str(out)), ("next", f"otolith finetune {out} --out MODEL_DIR")])
