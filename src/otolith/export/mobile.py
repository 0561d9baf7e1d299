"""`export_mobile`: a model for a phone's own runtime, ExecuTorch (.pte) or Core ML (.mlpackage), or no file."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from otolith import fast
from otolith.calibration.network import Assessed
from otolith.errors import CheckpointError, DataError, RecipeError
from otolith.export import mlpackage, pte
from otolith.export.check import agreement, why_refused
from otolith.export.graph import PROBABILITIES, SCORE, ExportNet, metadata, quiet
from otolith.export.trees import has_trees
from otolith.export.trial import NOISE_WINDOWS, Trial
from otolith.export.write import Exported, macro_f1_of
from otolith.model import Model, check_windows
from otolith.nets.handmade import HandmadeFeatures
from otolith.preprocessing.sensors import may_miss
from otolith.progress import SILENT, Progress
from otolith.recording import sensor_of
from otolith.system.files import make_place, whole_file, whole_folder

COMPARED = 512
"""Windows that are compared at most: they are run one by one."""
CHECKED_BY = {".pte": pte.CHECKED_BY, ".mlpackage": mlpackage.CHECKED_BY}
"""Endings of files, and what a file's answers come from when it is compared with PyTorch."""
Answer = Callable[[NDArray[np.float32]], list[NDArray[np.float32]]]
"""Windows (1, channels, time) -> probabilities (1, n_classes) and, of a calibrated model, score (1,)."""


def export_mobile(
    model: Model,
    path: str | Path,
    *,
    trial: Trial | None = None,
    terms: Sequence[str] = (),
    progress: Progress = SILENT,
) -> Exported:
    """Write a model for ExecuTorch or Core ML, with scaler, network and calibrated softmax, and check it.

    The file takes one window `windows` (1, channels, time) in m/s² and rad/s and gives `probabilities` (1, n_classes)
    and, for a calibrated model, `unknown_score` (1,), in float32. docs/deploy.md says what was run and what was not.

    Args:
        path: ends in .pte (ExecuTorch, with its XNNPACK backend) or in .mlpackage (Core ML of iOS 16, macOS 13 and
            later); an existing one is replaced once the new one was found right.
        trial: windows to check it on; None: noise.
        terms: terms of the data that the model has seen, for the file's properties.

    Raises:
        RecipeError: another ending; the extra `executorch` or `coreml` is not installed.
        DataError: a model with trees or hand-made features, or with an operation that the format lacks.
        CheckpointError: the file disagrees with PyTorch.
        StorageError: it cannot be written.

    >>> import otolith
    >>> export_mobile(otolith.load_model("phone"), "phone.pte").float32.same  # doctest: +SKIP
    1.0
    """
    path = Path(path)
    if path.suffix not in CHECKED_BY:
        raise RecipeError(f"{path}: give the file the ending .pte (ExecuTorch) or .mlpackage (Core ML)")
    made_by_hand = any(isinstance(each, HandmadeFeatures) for each in model.encoder.network.modules())
    if has_trees(model.head) or made_by_hand:
        raise DataError(
            f"{path}: neither ExecuTorch nor Core ML's programs have an operation for trees or for features made by "
            "hand, of which this model consists. Export it as ONNX (FILE.onnx), whose runtime there is for phones, too."
        )
    form: Any = pte if path.suffix == ".pte" else mlpackage
    form.need_all()
    trial = _fewer(trial or Trial.noise(model))
    x = check_windows(trial.x, model.meta, model.encoder.scaler.may_miss)
    names = [PROBABILITIES] if model.calibration is None else [PROBABILITIES, SCORE]
    with _place(path) as place:
        with progress.stage("export", 1) as bar:
            answer = form.write(_traced(model), place, metadata(model, list(terms)), names)
            bar.advance()
        ours, theirs = model.assess(x, progress), _assess(answer, model, x)
        found = agreement(ours, theirs)
        reason = why_refused(found) or _without_sensors(answer, model, x)
        if reason:
            raise CheckpointError(
                f"{path.name} disagrees with PyTorch on {trial.source}: {reason}. Nothing was written; please report "
                f"this with the versions of torch and {form.PACKAGE}."
            )
        form.finish(place)
        n_bytes = sum(each.stat().st_size for each in (place, *place.rglob("*")) if each.is_file())
    return Exported(path, n_bytes, trial, found, f1=macro_f1_of(model, theirs, trial.y))


def _fewer(trial: Trial) -> Trial:
    """Return a trial of `COMPARED` windows at most, spread evenly."""
    n = len(trial.x)
    if n <= COMPARED:
        return trial
    rows = np.linspace(0, n, COMPARED, endpoint=False).astype(np.int64)
    y = None if trial.y is None else trial.y[rows]
    return replace(trial, x=trial.x[rows], y=y, source=f"{COMPARED} of the {trial.source}")


@contextlib.contextmanager
def _place(path: Path) -> Iterator[Path]:
    """Give a file, or a folder for a package, that takes the name `path` when the block ends well."""
    if path.suffix == ".pte":
        with whole_file(make_place(path)) as file:
            yield file
        return
    if path.exists() and not (path / mlpackage.MANIFEST).is_file() and not (path.is_dir() and not any(path.iterdir())):
        raise DataError(f"{path} exists already and is no package of Core ML. Choose another name, or remove it first.")
    with whole_folder(make_place(path), replace=path.exists()) as folder:
        yield folder


def _traced(model: Model) -> Any:
    """Return the `torch.export.ExportedProgram` of one unscaled window."""
    device = model.encoder.device
    net = ExportNet(model.network(), model.encoder.scaler)
    example = torch.zeros(1, len(model.meta.channels), model.meta.n_steps)
    try:
        with fast.plain(), torch.no_grad(), quiet("torch.export"):
            return torch.export.export(net.cpu().eval(), (example,))
    finally:
        model.encoder.network.to(device)
        model.head.to(device)


def _assess(answer: Answer, model: Model, x: NDArray[np.float32]) -> Assessed:
    """Run the file on unscaled windows (n, channels, time), one by one."""
    said = [answer(np.ascontiguousarray(x[i : i + 1])) for i in range(len(x))]
    probabilities = np.concatenate([each[0] for each in said])
    if model.calibration is None:
        return Assessed(probabilities, None, np.zeros(len(x), np.bool_))
    score = np.concatenate([each[1] for each in said])
    return Assessed(probabilities, score, score > model.calibration.threshold)


def _without_sensors(answer: Answer, model: Model, x: NDArray[np.float32]) -> str:
    """Return the reason to refuse the file on windows without a sensor that may be missing; "" where there is none."""
    for sensor in may_miss(model.meta, model.encoder.scaler):
        gone = x[: NOISE_WINDOWS // 8].copy()
        gone[:, [i for i, channel in enumerate(model.meta.channels) if sensor_of(channel) == sensor]] = np.nan
        reason = why_refused(agreement(model.assess(gone), _assess(answer, model, gone)))
        if reason:
            return f"without {sensor} {reason}"
    return ""
