"""`otolith export`: a model as a file for another runtime, checked against PyTorch, or as one header of C."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from otolith.cli.shared import Data, Flag, ModelFolder, OwnDataset

if TYPE_CHECKING:
    from otolith.cli.results import Lines
    from otolith.export import Agreement, Exported, Header

ENDINGS = (".onnx", ".tgz", ".pte", ".mlpackage", ".h")


def export(
    model: ModelFolder,
    out: Annotated[Path | None, Parameter(metavar="FILE.onnx|FILE.tgz|FILE.pte|FILE.mlpackage|FILE.h")] = None,
    dataset: OwnDataset = None,
    /,
    *,
    int8: Flag = False,
    c: Annotated[Path | None, Parameter(metavar="FILE.h")] = None,
    from_rate: Annotated[list[float] | None, Parameter(metavar="HZ")] = None,
    smooth: Literal["offline", "causal"] | None = None,
    dwell: Annotated[float | None, Parameter(metavar="SECONDS")] = None,
    test_vectors: Annotated[Path | None, Parameter(metavar="FILE.json|FILE.npz")] = None,
    data: Data = None,
) -> None:
    """Write a model as one ONNX file that onnxruntime alone can run, for JavaScript, ExecuTorch or Core ML, or in C.

    Each takes unscaled windows in m/s² and rad/s and gives calibrated probabilities; it names channels, units, rate,
    activities and the terms of the data. ONNX, which is checked against PyTorch, needs the extra `onnx`; a package that
    npm installs (FILE.tgz) takes samples as they come, cuts windows, smooths, and calls what is foreign unknown.
    ExecuTorch (FILE.pte, extra `executorch`) and Core ML (FILE.mlpackage, extra `coreml`) take a window at a time. C,
    in eight bits for microcontrollers, is written of students (`otolith distill`) and of models like them.

    Args:
        out: The file to write; its ending says which.
        dataset: Data whose windows the file is checked on; default: those that the model was trained on, else noise.
        int8: Eight-bit weights, with what they cost in macro F1 where the windows have labels.
        c: The header of C to write; what follows the model is then the data set.
        from_rate: Rate at which samples come, if it is not the model's: the ONNX file resamples them by itself. Give it
            several times for a file that takes them all. A package for JavaScript takes the usual rates unless some are
            named.
        smooth: Smooth over the windows of a call in the ONNX file, as predict does; a package always does.
        dwell: Seconds that an activity is expected to last, with --smooth; larger smooths more; default: 3.
        test_vectors: Write raw samples, windows, features and probabilities of up to 32 windows, too, by which a port
            to another language is checked.
    """
    from otolith.cli import results
    from otolith.errors import RecipeError
    from otolith.export import export_c, export_mobile, export_onnx, write_vectors
    from otolith.export.integers import refuse_other
    from otolith.export.mobile import CHECKED_BY
    from otolith.export.trial import find
    from otolith.model import bundle
    from otolith.model.place import called
    from otolith.prediction.smoothing import DWELL_S
    from otolith.progress.display import LiveProgress
    from otolith.system.files import make_place

    if c is not None:
        if out is not None and dataset is not None:
            raise RecipeError(f"both {out} and --c {c} name a file to write; leave one out")
        out, dataset = c, dataset if out is None else str(out)
    if out is None or out.suffix not in ENDINGS or (c is not None and c.suffix != ".h"):
        raise RecipeError(
            f"{out or model}: give the file to write the ending .onnx, .tgz (JavaScript), .pte (ExecuTorch), "
            ".mlpackage (Core ML) or, for C, .h"
        )
    if from_rate is not None and out.suffix not in (".onnx", ".tgz"):
        raise RecipeError(f"FILE{out.suffix} takes windows at the model's rate; --from-rate is for ONNX and JavaScript")
    if smooth is not None and out.suffix != ".onnx":
        raise RecipeError("--smooth is for ONNX: packages for JavaScript smooth by themselves, others leave it to you")
    if dwell is not None and smooth is None:
        raise RecipeError("--dwell says how much --smooth smooths; give both, or leave it out")
    if int8 and out.suffix not in (".onnx", ".h"):
        raise RecipeError(f"FILE{out.suffix} holds a model in float32; leave --int8 out, or write ONNX or C")
    make_place(out)
    progress = LiveProgress()
    loaded = bundle.load_model(model, "cpu")
    if out.suffix == ".h":
        refuse_other(loaded)  # before windows are cut
    trial, why_noise = find(loaded, dataset, data, progress)
    terms = results.terms_of(bundle.read_card(model))
    if out.suffix == ".h":
        header = export_c(loaded, out, trial=trial, terms=terms)
        lines = _of_c(header, why_noise)
    elif out.suffix == ".tgz":
        from otolith.live.packaging import RATES_HZ, write_package

        rates = RATES_HZ if from_rate is None else tuple(from_rate)
        title = called(model)
        done = write_package(loaded, out, title=title, terms=terms, rates_hz=rates, trial=trial, progress=progress)
        lines = [*_lines(done, why_noise)[:-1], ("package", f"{out}   {out.stat().st_size / 1e6:.2f} MB")]
        lines.append(("next", f"npm install ./{out.name}, and onnxruntime-web"))
    elif out.suffix in CHECKED_BY:
        done = export_mobile(loaded, out, trial=trial, terms=terms, progress=progress)
        lines = [("checked by", CHECKED_BY[out.suffix]), *_lines(done, why_noise)]
    else:
        lasts = DWELL_S if dwell is None else dwell
        options: dict[str, Any] = {"from_rate": from_rate, "smoothing": smooth, "dwell_s": lasts}
        done = export_onnx(loaded, out, trial=trial, int8=int8, terms=terms, progress=progress, **options)
        lines = _lines(done, why_noise)
        if from_rate is not None:
            each = ", ".join(
                f"{rate:g} Hz ({round(loaded.meta.seconds * rate)} samples a window)" for rate in from_rate
            )
            lines.append(("rate", f"takes {each}, and resamples to the model's {loaded.meta.rate_hz:g} Hz"))
        if smooth is not None:
            lines.append(("smoothing", f"{smooth}, an activity lasts {lasts:g} s on average"))
    if test_vectors is not None:
        first = loaded.meta.rate_hz if from_rate is None else from_rate[0]
        n = write_vectors(loaded, test_vectors, trial, first)
        lines.append(("test vectors", f"{test_vectors}   {n} windows at {first:g} Hz"))
    results.show(f"{called(model)} as {out}", lines)


def _of_c(done: Header, why_noise: str) -> Lines:
    """Return how the whole numbers of a header compare with the model."""
    lines = [("checked on", done.trial.source), ("int8", _agreement(done.agreement))]
    if why_noise:
        lines.insert(1, ("why noise", why_noise))
    if done.f1 is not None and done.f1_int8 is not None:
        lines.append(("macro F1", _costs(done.f1, done.f1_int8)))
    size = f"{done.n_bytes / 1000:.1f} kB of constants, {done.buffers / 1000:.1f} kB of memory to work in"
    return [*lines, ("file", f"{done.path}   {size}")]


def _costs(f1: float, f1_int8: float) -> str:
    from otolith.report.names import percent

    return f"{percent(f1)} % in float32, {percent(f1_int8)} % in int8: {100 * (f1_int8 - f1):+.2f} points"


def _lines(done: Exported, why_noise: str) -> Lines:
    """Return how a file compares with PyTorch."""
    from otolith.report.names import percent

    lines = [("checked on", done.trial.source), ("float32", _agreement(done.float32))]
    if why_noise:
        lines.insert(1, ("why noise", why_noise))
    if done.int8 is not None:
        lines.append(("int8", f"{done.way}: {_agreement(done.int8)}"))
    if done.f1 is not None:
        text = f"{percent(done.f1)} %" if done.f1_int8 is None else _costs(done.f1, done.f1_int8)
        lines.append(("macro F1", text))
    return [*lines, ("file", f"{done.path}   {done.n_bytes / 1e6:.2f} MB")]


def _agreement(found: Agreement) -> str:
    from otolith.export import MAX_DIFFERENCE

    beyond = f" ({100 * found.beyond:.2g} % of windows beyond {MAX_DIFFERENCE:g})" if found.beyond else ""
    return (
        f"largest difference of a probability {found.largest:.2g}{beyond}; {100 * found.same:.2f} % of windows get the "
        f"same activity, {100 * found.same_unknown:.2f} % the same flag of unknown"
    )
