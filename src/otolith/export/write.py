"""`export_onnx`: write a file, check it, and refuse one that disagrees; it appears when it is right, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from otolith import metrics
from otolith.calibration.network import Assessed
from otolith.errors import CheckpointError, DataError
from otolith.export.check import Agreement, agreement, run, why_refused
from otolith.export.graph import metadata, write_graph
from otolith.export.integers import as_integers
from otolith.export.quantise import WAYS, quantise
from otolith.export.rate import SourceRate
from otolith.export.trees import has_trees
from otolith.export.trial import NOISE_WINDOWS, Trial
from otolith.model import Model, check_windows
from otolith.preprocessing.sensors import may_miss
from otolith.progress import SILENT, Progress
from otolith.recording import sensor_of
from otolith.system.files import make_place, whole_file

MIN_AGREEMENT = 0.9
"""Share of real windows to which an int8 file has to give the same activity; fewer point to another fault."""
SAME_F1 = 0.002
"""Macro F1 within which two ways of int8 count as equally good: less than what another validation subject changes."""


@dataclass(frozen=True)
class Exported:
    """The file that was written, and its agreement with PyTorch on the trial windows.

    Attributes:
        path, n_bytes: the file and its size.
        trial: the windows that it was checked on.
        float32, int8: agreement of the float32 form, and of the int8 form where it was asked for.
        way: "static" or "dynamic", how the int8 form was quantised, or "whole numbers", of a student; "" without one.
        f1, f1_int8: macro F1 of both forms on the trial windows, as fractions; None without labels.

    >>> x = np.zeros((4, 6, 50), np.float32)
    >>> done = Exported(Path("m.onnx"), 5_200_000, Trial(x, None, x, None, "silence"), Agreement(4, 6e-7, 1.0, 1.0))
    >>> done.int8 is None
    True
    """

    path: Path
    n_bytes: int
    trial: Trial
    float32: Agreement
    int8: Agreement | None = None
    way: str = ""
    f1: float | None = None
    f1_int8: float | None = None


def export_onnx(
    model: Model,
    path: str | Path,
    *,
    trial: Trial | None = None,
    int8: bool = False,
    from_rate: float | None = None,
    terms: Sequence[str] = (),
    progress: Progress = SILENT,
) -> Exported:
    """Write a model as one ONNX file with scaler, network and calibrated softmax, and check it against PyTorch.

    The file takes windows (batch, channels, time) in m/s² and rad/s and gives `probabilities` (batch, n_classes) and,
    for a calibrated model, `unknown_score` (batch,). docs/deploy.md describes it.

    Args:
        path: the file; an existing one is replaced once the new one was found right.
        trial: windows to check it on; None: noise.
        int8: write eight-bit weights: of a student in the whole numbers that its C header has, too; else quantised in
            the way that does better on `trial.fit`.
        from_rate: rate in Hz at which samples come, where it is not the model's: the file takes windows of as many
            seconds at that rate and resamples them as `otolith predict` does.
        terms: terms of the data that the model has seen, for the file's properties.

    Raises:
        RecipeError: the extra `onnx` is not installed.
        CheckpointError: the file disagrees with PyTorch.
        StorageError: it cannot be written.
        DataError: trial windows that do not fit the model, or too few of them; int8 for hand-made features; a rate at
            which the movements that the model tells apart are lost.

    >>> import otolith
    >>> model = otolith.load_model("runs/watch-dynamic-best-seed0/model")  # doctest: +SKIP
    >>> export_onnx(model, "watch.onnx").float32.largest < MAX_DIFFERENCE  # doctest: +SKIP
    True
    """
    path = Path(path)
    trial = trial or Trial.noise(model)
    x = check_windows(trial.x, model.meta, model.encoder.scaler.may_miss)
    source = None if from_rate is None or from_rate == model.meta.rate_hz else SourceRate.of(model.meta, from_rate)
    given = x
    if source is not None:  # the same answers are expected of what these become again
        given = source.to_source(x)
        x = source.to_model(given)
        trial = replace(trial, x=x, fit=source.to_source(trial.fit))
    if int8 and next(model.encoder.network.parameters(), None) is None:
        raise DataError(
            "int8 makes the layers of a network smaller, and this model's features come without any: trees stay as "
            "they are. Export without --int8."
        )
    with ExitStack() as whole_or_not:
        small = whole_or_not.enter_context(whole_file(make_place(path)))
        part = small
        if int8:
            part = small.with_name(f"{small.name}.float32.part")
            whole_or_not.callback(part.unlink, missing_ok=True)
        with progress.stage("export", 1) as bar:
            write_graph(model, part, metadata(model, list(terms), source), source)
            bar.advance()
        ours = model.assess(x, progress)
        whole = run(part, model, given)
        exact, f1 = agreement(ours, whole), macro_f1_of(model, whole, trial.y)
        reason = why_refused(exact, has_trees(model.head)) or _without_sensors(part, model, x, given)
        if reason:
            raise CheckpointError(
                f"the ONNX file disagrees with PyTorch on {trial.source}: {reason}. Nothing was written; please report "
                "this with the versions of torch, onnx and onnxruntime."
            )
        if not int8:
            return Exported(path, part.stat().st_size, trial, exact, f1=f1)
        with progress.stage("int8", len(WAYS)) as bar:
            if model.distilled is not None:
                way = "whole numbers"
                write_graph(as_integers(model), small, metadata(model, list(terms), source), source)
                bar.advance(len(WAYS))
            else:
                way = _better_way(model, part, small, trial, source, bar.advance)
                quantise(part, small, way, trial.fit)
        rough = run(small, model, given)
        found = agreement(ours, rough)
        if trial.real and found.same < MIN_AGREEMENT:
            raise CheckpointError(
                f"in int8 only {100 * found.same:.1f} % of {found.n_windows} windows ({trial.source}) keep their "
                f"activity; at least {100 * MIN_AGREEMENT:g} % have to. Nothing was written; export without --int8."
            )
        return Exported(path, small.stat().st_size, trial, exact, found, way, f1, macro_f1_of(model, rough, trial.y))


def _without_sensors(part: Path, model: Model, x: NDArray[np.float32], given: NDArray[np.float32]) -> str:
    """Return the reason to refuse the file on windows without a sensor that may be missing; "" where there is none."""
    for sensor in may_miss(model.meta, model.encoder.scaler):
        gone, unseen = x[:NOISE_WINDOWS].copy(), given[:NOISE_WINDOWS].copy()
        rows = [i for i, channel in enumerate(model.meta.channels) if sensor_of(channel) == sensor]
        gone[:, rows], unseen[:, rows] = np.nan, np.nan
        reason = why_refused(agreement(model.assess(gone), run(part, model, unseen)), has_trees(model.head))
        if reason:
            return f"without {sensor} {reason}"
    return ""


def _better_way(
    model: Model, part: Path, small: Path, trial: Trial, source: SourceRate | None, tick: Callable[[], None]
) -> str:
    """Return, of the ways whose macro F1 on the fitting windows is about the best, the one nearer to PyTorch."""
    if not len(trial.fit):
        raise DataError("int8 takes the ranges of signals from windows, and none were given; name a data set")
    ours = model.assess(trial.fit if source is None else source.to_model(trial.fit))
    found: list[tuple[float, Agreement, str]] = []
    for way in WAYS:
        quantise(part, small, way, trial.fit)
        rough = run(small, model, trial.fit)
        found.append((macro_f1_of(model, rough, trial.fit_y) or 0.0, agreement(ours, rough), way))
        tick()
    best = max(f1 for f1, _, _ in found)
    as_good = [(near.same, -near.largest, way) for f1, near, way in found if f1 >= best - SAME_F1]
    return max(as_good)[2]


def macro_f1_of(model: Model, said: Assessed, y: NDArray[np.int64] | None) -> float | None:
    """Return the macro F1 of answers on windows of classes `y`, as a fraction; None without labels."""
    if y is None:
        return None
    return metrics.macro_f1(y, said.probabilities.argmax(1), model.training_classes, len(model.activities))
