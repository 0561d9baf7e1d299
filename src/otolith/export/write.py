"""`export_onnx`: write, check, and refuse what disagrees; the file appears when it is right, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from otolith import metrics
from otolith.calibration.network import Assessed
from otolith.errors import CheckpointError, DataError
from otolith.export.check import Agreement, agreement, run, why_refused
from otolith.export.graph import metadata, write_graph
from otolith.export.quantise import WAYS, quantise
from otolith.model import Model, check_windows
from otolith.preprocessing.sensors import may_miss
from otolith.progress import SILENT, Progress
from otolith.recording import sensor_of
from otolith.system.files import whole_file

MIN_AGREEMENT = 0.9
"""Share of real windows to which an int8 file has to give the same activity; below, something else is wrong."""
SAME_F1 = 0.002
"""Macro F1 within which two ways of int8 count as equally good: less than what another validation subject changes."""
NOISE_WINDOWS = 256


@dataclass(frozen=True)
class Trial:
    """Windows to hold a file against, with labels where there are some.

    Attributes:
        x: (n, channels, time), unscaled.
        y: (n,) class indices, or None.
        fit: (m, channels, time), other windows: int8 takes the ranges of signals from them, and picks its way by them.
        fit_y: (m,) class indices, or None.
        source: what they are, for people.
        real: whether they come from recordings.
    """

    x: NDArray[np.float32]
    y: NDArray[np.int64] | None
    fit: NDArray[np.float32]
    fit_y: NDArray[np.int64] | None
    source: str
    real: bool = True

    @classmethod
    def noise(cls, model: Model, seed: int = 0) -> Trial:
        """Gaussian noise of the training windows' means and deviations, for want of recordings."""
        scaler = model.encoder.scaler
        rng = np.random.default_rng(seed)
        shape = (2 * NOISE_WINDOWS, len(model.meta.channels), model.meta.n_steps)
        x = (scaler.mean[:, None] + scaler.std[:, None] * rng.standard_normal(shape)).astype(np.float32)
        return cls(x[:NOISE_WINDOWS], None, x[NOISE_WINDOWS:], None, "noise of the training windows' statistics", False)


@dataclass(frozen=True)
class Exported:
    """The file, and how it compares with PyTorch on the trial windows.

    `float32` is the agreement of the float32 form, `int8` that of the int8 form where it was asked for, `way` how that
    was quantised. `f1` and `f1_int8` are macro F1 on the trial windows, as fractions, where they have labels.
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
    terms: Sequence[str] = (),
    progress: Progress = SILENT,
) -> Exported:
    """Write a model as one ONNX file that holds scaler, network, calibrated softmax and all that a user must know.

    Args:
        path: the file; one that is there is replaced once the new one was found right.
        trial: windows to check it on; None: noise.
        int8: eight-bit weights; of the ways of quantising, the one that does better on `trial.fit`.
        terms: of the data that the model has seen, for the file's properties.

    Raises:
        RecipeError: the extra `onnx` is not installed.
        CheckpointError: the file disagrees with PyTorch.
        StorageError: it cannot be written.
        DataError: trial windows that do not fit the model, or none.
    """
    path = Path(path)
    trial = trial or Trial.noise(model)
    x = check_windows(trial.x, model.meta, model.encoder.scaler.may_miss)
    with ExitStack() as whole_or_not:
        small = whole_or_not.enter_context(whole_file(path))
        part = small
        if int8:
            part = small.with_name(f"{small.name}.float32.part")
            whole_or_not.callback(part.unlink, missing_ok=True)
        with progress.stage("export", 1) as bar:
            write_graph(model, part, metadata(model, list(terms)))
            bar.advance()
        ours = model.assess(x, progress)
        whole = run(part, model, x)
        exact, f1 = agreement(ours, whole), _f1(model, whole, trial.y)
        reason = why_refused(exact) or _without_sensors(part, model, x)
        if reason:
            raise CheckpointError(
                f"the ONNX file disagrees with PyTorch on {trial.source}: {reason}. Nothing was written; please report "
                "this with the versions of torch, onnx and onnxruntime."
            )
        if not int8:
            return Exported(path, part.stat().st_size, trial, exact, f1=f1)
        with progress.stage("int8", len(WAYS)) as bar:
            way = _better_way(model, part, small, trial, bar.advance)
            quantise(part, small, way, trial.fit)
        rough = run(small, model, x)
        found = agreement(ours, rough)
        if trial.real and found.same < MIN_AGREEMENT:
            raise CheckpointError(
                f"in int8 only {100 * found.same:.1f} % of {found.n_windows} windows ({trial.source}) keep their "
                f"activity; at least {100 * MIN_AGREEMENT:g} % have to. Nothing was written; export without --int8."
            )
        return Exported(path, small.stat().st_size, trial, exact, found, way, f1, _f1(model, rough, trial.y))


def _without_sensors(part: Path, model: Model, x: NDArray[np.float32]) -> str:
    """The reason to refuse the file where sensors are missing that may be; "" where there is none."""
    for sensor in may_miss(model.meta, model.encoder.scaler):
        gone = x[:NOISE_WINDOWS].copy()
        gone[:, [i for i, channel in enumerate(model.meta.channels) if sensor_of(channel) == sensor]] = np.nan
        reason = why_refused(agreement(model.assess(gone), run(part, model, gone)))
        if reason:
            return f"without {sensor} {reason}"
    return ""


def _better_way(model: Model, part: Path, small: Path, trial: Trial, tick: Callable[[], None]) -> str:
    """Of the ways whose macro F1 on the fitting windows is best or as good, the one that stays nearer to PyTorch."""
    if not len(trial.fit):
        raise DataError("int8 needs windows to take the ranges of signals from; give a data set")
    ours = model.assess(trial.fit)
    found: list[tuple[float, Agreement, str]] = []
    for way in WAYS:
        quantise(part, small, way, trial.fit)
        rough = run(small, model, trial.fit)
        found.append((_f1(model, rough, trial.fit_y) or 0.0, agreement(ours, rough), way))
        tick()
    best = max(f1 for f1, _, _ in found)
    as_good = [(near.same, -near.largest, way) for f1, near, way in found if f1 >= best - SAME_F1]
    return max(as_good)[2]


def _f1(model: Model, said: Assessed, y: NDArray[np.int64] | None) -> float | None:
    if y is None:
        return None
    return metrics.macro_f1(y, said.probabilities.argmax(1), model.training_classes, len(model.activities))
