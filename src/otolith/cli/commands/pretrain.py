"""`otolith pretrain`: the first part of the job, an encoder without a head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from otolith.cli.shared import Flag, Folder, Overrides, Seed, Workers

if TYPE_CHECKING:
    from otolith.jobs.run import Prepared


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
    split_batches: Flag = False,
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
        split_batches: If a batch does not fit into the device's memory, do each step in pieces of it, with the same
            gradients; for autoencoder (dynamic's teacher too) and multi-task, whose losses are means over windows.
    """
    import shutil

    from otolith import pipeline
    from otolith.cli import Interrupted, results
    from otolith.cli.display import LiveProgress
    from otolith.cli.shared import parse_overrides, refuse_taken
    from otolith.errors import CheckpointError
    from otolith.jobs import run
    from otolith.jobs.estimate import estimate
    from otolith.model import bundle
    from otolith.progress import SILENT, Progress
    from otolith.system import claims
    from otolith.system.files import sweep
    from otolith.system.memory import available_bytes
    from otolith.training.pieces import refuse_ranks
    from otolith.training.ranks import joined

    with joined() as ranks:
        if split_batches:
            refuse_ranks(ranks)
        checkpoints = out.with_name(f"{out.name}-checkpoints")
        live = LiveProgress()
        progress: Progress = live if ranks.first else SILENT
        if ranks.first:
            if not (resume and (out / bundle.CARD).is_file()):
                refuse_taken(out)
            claims.refuse_if_held(checkpoints)
            sweep(out.parent, out.name)
            if checkpoints.exists() and not resume:
                raise CheckpointError(
                    f"{checkpoints} holds an unfinished pre-training; go on with --resume, or remove it"
                )
        else:
            ranks.wait()  # until the first has cut the windows
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
        finished = False
        if ranks.first:
            ranks.wait()
            finished = (out / bundle.CARD).is_file()  # killed between its last file and its end
            if finished and not _is_of(bundle.read_card(out), prepared, method, seed):
                refuse_taken(out)
        if ranks.tell(b"finished" if finished else b"to do") == b"to do":
            if ranks.first:
                with progress.stage("time of a step", 1) as bar:
                    n_train = len(prepared.split.train) + sum(len(extra) for extra in prepared.unlabelled)
                    n_val = len(prepared.split.val)
                    most = None if ignore_memory else available_bytes()
                    meta = prepared.w.meta
                    cost = estimate(prepared.recipe, method, meta, n_train, n_val, device, most, split_batches)
                    bar.advance()
                results.show(*results.plan(prepared, cost.only("autoencoder", "pretrain"), out), live.console)
            try:
                encoder = pipeline.pretrain(
                    prepared.w,
                    prepared.split,
                    prepared.recipe,
                    method,
                    seed,
                    unlabelled=prepared.unlabelled,
                    device=device,
                    checkpoints=checkpoints,
                    ranks=ranks,
                    split_batches=split_batches,
                    progress=progress,
                )
            except KeyboardInterrupt:
                raise Interrupted(checkpoints) from None
            if ranks.first:
                bundle.save(encoder, out, prepared.dataset.info)
        if ranks.first:
            shutil.rmtree(checkpoints, ignore_errors=True)
            results.show("Pre-trained", [("encoder", str(out)), ("next", f"otolith finetune {out} --out MODEL_DIR")])


def _is_of(card: dict[str, Any], prepared: Prepared, method: str, seed: int) -> bool:
    """Whether an encoder is what this pre-training would leave."""
    cut = prepared.w.meta
    recipe_hash = prepared.recipe.cut_as(cut.rate_hz, cut.seconds, cut.overlap).hash
    asked = {"method": method, "seed": seed, "recipe_hash": recipe_hash}
    same: bool = card["data"]["dataset"] == cut.dataset
    return same and all(card.get(name) == value for name, value in asked.items())
