"""`otolith export`: one ONNX file, checked against PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from otolith.cli.shared import Flag, Folder


def export(
    model: Annotated[Path, Parameter(metavar="MODEL")],
    out: Annotated[Path, Parameter(metavar="FILE.onnx")],
    dataset: str | None = None,
    /,
    *,
    int8: Flag = False,
    data: Folder | None = None,
) -> None:
    """Write a model as one ONNX file that onnxruntime alone can run, and check it against PyTorch.

    The file takes unscaled windows in m/s² and rad/s and gives calibrated probabilities; its properties name channels,
    units, rate, activities, the threshold of "unknown" and the terms of the data. Needs the extra `onnx`.

    Args:
        model: The model folder of a run, or one that `otolith finetune` wrote.
        out: The file to write.
        dataset: Data whose windows the file is checked on; default: those that the model was trained on, else noise.
        int8: Eight-bit weights, with what they cost in macro F1 where the windows have labels.
        data: Folder that holds the data set, or its parent; default: $OTOLITH_DATA, then the downloads.
    """
    from otolith.cli import results
    from otolith.cli.display import LiveProgress
    from otolith.errors import RecipeError
    from otolith.export import export_onnx
    from otolith.export.trial import find
    from otolith.model import bundle

    if out.suffix != ".onnx":
        raise RecipeError(f"{out}: give the file the ending .onnx")
    progress = LiveProgress()
    loaded = bundle.load_model(model, "cpu")
    trial, why_noise = find(loaded, dataset, data, progress)
    terms = results.terms_of(bundle.read_card(model))
    done = export_onnx(loaded, out, trial=trial, int8=int8, terms=terms, progress=progress)
    results.show(f"{model} as {out}", results.exported(done, why_noise))
