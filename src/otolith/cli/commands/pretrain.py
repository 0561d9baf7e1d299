"""`otolith pretrain`: the first part of the job, an encoder without a head."""

from __future__ import annotations

from otolith.cli.shared import (
    AnyDataset,
    Data,
    Device,
    Flag,
    Folder,
    IgnoreMemory,
    MethodName,
    Overrides,
    RecipeName,
    Seed,
    Unlabelled,
    Workers,
)


def pretrain(
    dataset: AnyDataset = "watch",
    /,
    *,
    out: Folder,
    recipe: RecipeName = "compact",
    method: MethodName = "dynamic",
    data: Data = None,
    unlabelled: Unlabelled = None,
    seed: Seed = 0,
    overrides: Overrides = None,
    resume: Flag = False,
    device: Device = "auto",
    workers: Workers = None,
    ignore_memory: IgnoreMemory = False,
) -> None:
    """Pre-train an encoder without labels.

    Several processes, on one machine or more, train it together where `torchrun --nproc-per-node N -m otolith pretrain
    ...` starts them; the batch is shared between them.

    Args:
        out: Folder for the encoder. Until it is done, checkpoints lie beside it in DIR-checkpoints.
        resume: Go on from the checkpoints of an interrupted pre-training; of a finished one, say where it is.
    """
    from otolith.cli import results
    from otolith.cli.display import LiveProgress
    from otolith.cli.shared import Interrupted, parse_overrides
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
