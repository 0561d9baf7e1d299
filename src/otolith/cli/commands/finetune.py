"""`otolith finetune`: the second part of the job, a head on a frozen encoder."""

from __future__ import annotations

import shutil
from contextlib import suppress
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
    from otolith import pipeline
    from otolith.cli import Interrupted, results
    from otolith.cli.display import LiveProgress
    from otolith.cli.shared import data_of, refuse_taken
    from otolith.errors import CheckpointError
    from otolith.model import bundle
    from otolith.model.fingerprint import digest_of
    from otolith.report.names import percent
    from otolith.system import claims
    from otolith.system.files import sweep

    checkpoints = out.with_name(f"{out.name}-checkpoints")
    begun = any(checkpoints.glob("*/epoch-*"))
    written = resume and begun and (out / bundle.CARD).is_file()  # killed between its last file and its end
    if not written:
        refuse_taken(out)
    claims.refuse_if_held(checkpoints)
    sweep(out.parent, out.name)
    if begun and not resume:
        raise CheckpointError(f"{checkpoints} holds an unfinished fine-tuning; go on with --resume, or remove it")
    progress = LiveProgress()
    loaded = bundle.load_encoder(encoder, device)
    found, w, split = data_of(loaded, encoder, dataset, data, progress)
    results.show(f"fine-tune {encoder}", [("data", results.data_line(found, w))], progress.console)
    try:
        model = pipeline.finetune(loaded, w, split, seed=seed, checkpoints=checkpoints, progress=progress)
    except KeyboardInterrupt:
        if not any(checkpoints.glob("*/epoch-*")):
            raise
        raise Interrupted(checkpoints) from None
    finally:
        with suppress(OSError):
            checkpoints.rmdir()  # where nothing was saved
    if written and digest_of(bundle.load_model(out, device).network()) != digest_of(model.network()):
        refuse_taken(out)
    bundle.save(model, out, found.info)
    shutil.rmtree(checkpoints, ignore_errors=True)
    results.show(
        "Fine-tuned",
        [
            ("validation", f"{percent(model.validation)} %   macro F1 of the chosen epoch"),
            ("model", str(out)),
            ("next", f"otolith evaluate {out}"),
        ],
    )
