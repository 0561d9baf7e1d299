"""`otolith pretrain`: the first part of the job, an encoder without a head."""

from __future__ import annotations

from otolith.cli.shared import TRAINING, AnyDataset, Flag, Flat, Folder


def pretrain(
    dataset: AnyDataset = "watch",
    /,
    *,
    out: Folder,
    resume: Flag = False,
    options: Flat = TRAINING,
) -> None:
    """Pre-train an encoder without labels.

    Several processes, on one machine or more, train it together where `torchrun --nproc-per-node N -m otolith pretrain
    ...` starts them; the batch is shared between them.

    Args:
        out: Folder for the encoder. Until it is done, checkpoints lie beside it in DIR-checkpoints.
        resume: Go on from the checkpoints of an interrupted pre-training; of a finished one, say where it is.
    """
    from otolith import showing
    from otolith.cli import results
    from otolith.cli.shared import Interrupted
    from otolith.jobs import pretrain as job
    from otolith.jobs.estimate import Estimate
    from otolith.jobs.folder import checkpoints_beside
    from otolith.jobs.prepared import Prepared
    from otolith.progress import SILENT, Progress
    from otolith.progress.display import LiveProgress
    from otolith.training.ranks import joined

    with joined() as ranks:
        live = LiveProgress()
        progress: Progress = live if ranks.first else SILENT

        def on_plan(planned: Prepared, cost: Estimate) -> None:
            results.show(*results.plan(planned, cost, out), live.console)

        try:
            done = job.run(
                lambda: options.prepare(dataset, progress, labels=False),
                out,
                resume=resume,
                ignore_memory=options.ignore_memory,
                ranks=ranks,
                on_plan=on_plan,
                progress=progress,
            )
        except KeyboardInterrupt:
            if not checkpoints_beside(out).exists():
                raise
            raise Interrupted(checkpoints_beside(out)) from None
        if ranks.first:
            same = {"data": options.data, "split": options.split, "split_seed": options.split_seed}
            to_use = "LABELLED_DATASET" if done.split.name == "unlabelled" else dataset
            following = showing.command("finetune", out, to_use, out="MODEL_DIR", **same)
            results.show("Pre-trained", [("encoder", str(out)), ("next", following)])
