"""`otolith export`: one ONNX file, checked against PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from otolith.cli.shared import Data, Flag, ModelFolder, OwnDataset

if TYPE_CHECKING:
    from otolith.cli.results import Lines
    from otolith.export import Agreement, Exported


def export(
    model: ModelFolder,
    out: Annotated[Path, Parameter(metavar="FILE.onnx")],
    dataset: OwnDataset = None,
    /,
    *,
    int8: Flag = False,
    data: Data = None,
) -> None:
    """Write a model as one ONNX file that onnxruntime alone can run, and check it against PyTorch.

    The file takes unscaled windows in m/s² and rad/s and gives calibrated probabilities; its properties name channels,
    units, rate, activities, the threshold of "unknown" and the terms of the data. Needs the extra `onnx`.

    Args:
        out: The file to write.
        dataset: Data whose windows the file is checked on; default: those that the model was trained on, else noise.
        int8: Eight-bit weights, with what they cost in macro F1 where the windows have labels.
    """
    from otolith.cli import results
    from otolith.cli.display import LiveProgress
    from otolith.errors import RecipeError
    from otolith.export import export_onnx
    from otolith.export.trial import find
    from otolith.model import bundle
    from otolith.system.files import make_place

    if out.suffix != ".onnx":
        raise RecipeError(f"{out}: give the file the ending .onnx")
    make_place(out)
    progress = LiveProgress()
    loaded = bundle.load_model(model, "cpu")
    trial, why_noise = find(loaded, dataset, data, progress)
    terms = results.terms_of(bundle.read_card(model))
    done = export_onnx(loaded, out, trial=trial, int8=int8, terms=terms, progress=progress)
    results.show(f"{model} as {out}", _lines(done, why_noise))


def _lines(done: Exported, why_noise: str) -> Lines:
    """Return how an ONNX file compares with PyTorch."""
    from otolith.report.names import percent

    lines = [("checked on", done.trial.source), ("float32", _agreement(done.float32))]
    if why_noise:
        lines.insert(1, ("why noise", why_noise))
    if done.int8 is not None:
        lines.append(("int8", f"{done.way}: {_agreement(done.int8)}"))
    if done.f1 is not None:
        text = f"{percent(done.f1)} %"
        if done.f1_int8 is not None:
            text += f" in float32, {percent(done.f1_int8)} % in int8: {100 * (done.f1_int8 - done.f1):+.2f} points"
        lines.append(("macro F1", text))
    return [*lines, ("file", f"{done.path}   {done.n_bytes / 1e6:.2f} MB")]


def _agreement(found: Agreement) -> str:
    from otolith.export import MAX_DIFFERENCE

    beyond = f" ({100 * found.beyond:.2g} % of windows beyond {MAX_DIFFERENCE:g})" if found.beyond else ""
    return (
        f"largest difference of a probability {found.largest:.2g}{beyond}; {100 * found.same:.2f} % of windows get the "
        f"same activity, {100 * found.same_unknown:.2f} % the same flag of unknown"
    )
