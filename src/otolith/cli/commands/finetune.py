"""`otolith finetune`: the second part of the job, a head on a pre-trained encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from otolith.cli.shared import Data, Device, Flag, Folder, OwnDataset, Seed, SplitFile, SplitSeed

FinetuneOverrides = Annotated[
    list[str] | None,
    Parameter(
        name="--set",
        metavar="KEY=VALUE",
        consume_multiple=(1, None),
        help="Values of fine-tuning to replace in the encoder's recipe, such as finetune.encoder=trained "
        "finetune.solver=adam.",
    ),
]


def finetune(
    encoder: Annotated[Path, Parameter(metavar="ENCODER")],
    dataset: OwnDataset = None,
    /,
    *,
    out: Folder,
    data: Data = None,
    seed: Seed | None = None,
    recipe: Annotated[str | None, Parameter(metavar="NAME|FILE")] = None,
    overrides: FinetuneOverrides = None,
    resume: Flag = False,
    split: SplitFile = None,
    split_seed: SplitSeed = None,
    device: Device = "auto",
) -> None:
    """Train a classifier on a pre-trained encoder, which stays as it is or, by its recipe or --set, is trained too.

    Args:
        encoder: Folder that `otolith pretrain` wrote, the model folder of a run, a name that `otolith models` lists, or
            hf://USER/NAME.
        out: Folder for the model. Until it is done, checkpoints lie beside it in DIR-checkpoints.
        seed: Seed of the classifier; default: the encoder's.
        recipe: Recipe whose ways to use labels are taken; default: the encoder's. How it was pre-trained stays.
        resume: Go on from the checkpoints of an interrupted fine-tuning.
    """
    from otolith import showing
    from otolith.cli import results
    from otolith.cli.shared import Interrupted, data_of, parse_overrides
    from otolith.jobs import finetune as job
    from otolith.jobs.folder import checkpoints_beside
    from otolith.model import bundle
    from otolith.model.place import called
    from otolith.progress.display import LiveProgress
    from otolith.recipes import load_recipe
    from otolith.report.names import percent

    job.refuse_unready(out, resume=resume)
    progress = LiveProgress()
    loaded = bundle.load_encoder(encoder, device)
    if recipe is not None:
        loaded = job.with_labels_of(loaded, load_recipe(recipe, Path(dataset or loaded.meta.dataset).name))
    loaded = job.with_values(loaded, parse_overrides(overrides))
    found, w, parts = data_of(loaded, encoder, dataset, data, progress, split, split_seed, learns=True)
    warning = [("warning", parts.warning)] if parts.warning else []
    results.show(f"fine-tune {called(encoder)}", [("data", results.data_line(found, w)), *warning], progress.console)
    try:
        model = job.run(loaded, w, parts, found.info, out, seed=seed, resume=resume, device=device, progress=progress)
    except KeyboardInterrupt:
        if not any(checkpoints_beside(out).glob("*/epoch-*")):
            raise
        raise Interrupted(checkpoints_beside(out)) from None
    named = [] if dataset is None else [dataset]
    results.show(
        "Fine-tuned",
        [
            ("validation", f"{percent(model.validation)} %   macro F1 on the validation windows"),
            ("model", str(out)),
            ("next", showing.command("evaluate", out, *named, data=data, split=split, split_seed=split_seed)),
        ],
    )
