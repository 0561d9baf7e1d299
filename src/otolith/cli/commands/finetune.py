"""`otolith finetune`: the second part of the job, a head on a frozen encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from otolith.cli.shared import Flag, Folder, Seed


def finetune(
    encoder: Annotated[Path, Parameter(metavar="ENCODER")],
    dataset: str | None = None,
    /,
    *,
    out: Folder,
    data: Folder | None = None,
    seed: Seed | None = None,
    resume: Flag = False,
    device: str = "auto",
) -> None:
    """Train a classifier on a pre-trained, frozen encoder.

    Args:
        encoder: Folder that `otolith pretrain` wrote, or the model folder of a run.
        dataset: Name of a data set, or the folder of your own; default: the one that the encoder was trained on.
        out: Folder for the model. Until it is done, checkpoints lie beside it in DIR-checkpoints.
        data: Folder that holds the data set, or its parent; default: $OTOLITH_DATA, then the downloads.
        seed: Of the classifier; default: the encoder's.
        resume: Go on from the checkpoints of an interrupted fine-tuning.
        device: auto (a GPU where there is one), cpu, cuda, cuda:1, ...
    """
    from otolith.cli import Interrupted, results
    from otolith.cli.display import LiveProgress
    from otolith.cli.shared import data_of
    from otolith.jobs import finetune as job
    from otolith.jobs.folder import checkpoints_beside
    from otolith.model import bundle
    from otolith.report.names import percent

    job.refuse_unready(out, resume=resume)
    progress = LiveProgress()
    loaded = bundle.load_encoder(encoder, device)
    found, w, split = data_of(loaded, encoder, dataset, data, progress)
    results.show(f"fine-tune {encoder}", [("data", results.data_line(found, w))], progress.console)
    try:
        model = job.run(loaded, w, split, found.info, out, seed=seed, resume=resume, device=device, progress=progress)
    except KeyboardInterrupt:
        if not any(checkpoints_beside(out).glob("*/epoch-*")):
            raise
        raise Interrupted(checkpoints_beside(out)) from None
    results.show(
        "Fine-tuned",
        [
            ("validation", f"{percent(model.validation)} %   macro F1 of the chosen epoch"),
            ("model", str(out)),
            ("next", f"otolith evaluate {out}"),
        ],
    )
