"""`export_onnx`: write a file, check it, and refuse one that disagrees; it appears when it is right, or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from otolith import metrics
from otolith.calibration.network import Assessed
from otolith.errors import CheckpointError, DataError, RecipeError, unknown
from otolith.export.around import BELIEFS, surround
from otolith.export.around import WAYS as SMOOTHING
from otolith.export.check import MAX_DIFFERENCE, Agreement, agreement, run, session, smoothing_inputs, why_refused
from otolith.export.graph import INPUT, PROBABILITIES, SCORE, metadata, write_graph
from otolith.export.integers import as_integers
from otolith.export.quantise import WAYS, quantise
from otolith.export.rate import SourceRate
from otolith.export.trees import has_trees
from otolith.export.trial import NOISE_WINDOWS, Trial
from otolith.model import Model, check_windows
from otolith.prediction.run import hidden_markov
from otolith.prediction.smoothing import DWELL_S, SMOOTHERS
from otolith.prediction.timeline import state_names
from otolith.preprocessing.sensors import may_miss
from otolith.progress import SILENT, Progress
from otolith.recording import sensor_of
from otolith.system.files import make_place, whole_file
from otolith.windows import WindowMeta

MIN_AGREEMENT = 0.9
"""Share of real windows to which an int8 file has to give the same activity; fewer point to another fault."""
SAME_F1 = 0.002
"""Macro F1 within which two ways of int8 count as equally good: less than what another validation subject changes."""

AT_OTHER_RATES = 512
"""Windows that are compared at each rate but the first."""


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
    from_rate: float | Sequence[float] | None = None,
    smoothing: str | None = None,
    dwell_s: float = DWELL_S,
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
        from_rate: rate in Hz at which samples come, where it is not the model's, or several: the file takes windows of
            as many seconds at that rate and resamples them as `otolith predict` does. Of several rates it takes the one
            whose windows have so many samples.
        smoothing: "offline" or "causal": the windows of a call are a sequence, and `beliefs` (batch, n_states) smooths
            over it as `otolith predict` does; the file takes `seconds_since` (batch,) and, if causal, `belief_before`.
        dwell_s: seconds that an activity is expected to last, for smoothing.
        terms: terms of the data that the model has seen, for the file's properties.

    Raises:
        RecipeError: the extra `onnx` is not installed; a rate that is none, or another smoothing.
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
    sources = sources_of(model.meta, from_rate)
    around = _Around(model, {each.steps: each for each in sources}, smoothing, dwell_s)
    seen = check_windows(trial.x, model.meta, model.encoder.scaler.may_miss)
    # the same answers are expected of what windows become when they come at another rate
    given = [each.to_source(seen[: None if i == 0 else AT_OTHER_RATES]) for i, each in enumerate(sources)] or [seen]
    models = [each.to_model(raw) for each, raw in zip(sources, given, strict=False)] or [seen]
    x = models[0]
    trial = replace(trial, x=x)
    if int8 and next(model.encoder.network.parameters(), None) is None:
        raise DataError(
            "int8 makes the layers of a network smaller, and this model's features come without any: trees stay as "
            "they are. Export without --int8."
        )
    properties = metadata(model, list(terms), sources, around.properties())
    with ExitStack() as whole_or_not:
        small = whole_or_not.enter_context(whole_file(make_place(path)))
        core = part = small
        if int8:
            core, part = (small.with_name(f"{small.name}.{name}.part") for name in ("core", "float32"))
            for each in (core, part):
                whole_or_not.callback(each.unlink, missing_ok=True)
        with progress.stage("export", 1) as bar:
            write_graph(model, core, properties)
            around.put(core, part)
            bar.advance()
        ours = model.assess(x, progress)
        whole = run(part, model, given[0])
        exact, f1 = agreement(ours, whole), macro_f1_of(model, whole, trial.y)
        reason = why_refused(exact, has_trees(model.head)) or _without_sensors(part, model, x, given[0])
        for other, raw in zip(models[1:], given[1:], strict=True):
            found = agreement(model.assess(other), run(part, model, raw))
            reason = reason or why_refused(found, has_trees(model.head))
        reason = reason or around.why_refused(part, given[0])
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
                write_graph(as_integers(model), small, properties)
                bar.advance(len(WAYS))
            else:
                way = _better_way(model, core, small, trial, bar.advance)
                quantise(core, small, way, trial.fit)
            around.put(small, small)
        rough = run(small, model, given[0])
        found = agreement(ours, rough)
        if trial.real and found.same < MIN_AGREEMENT:
            raise CheckpointError(
                f"in int8 only {100 * found.same:.1f} % of {found.n_windows} windows ({trial.source}) keep their "
                f"activity; at least {100 * MIN_AGREEMENT:g} % have to. Nothing was written; export without --int8."
            )
        return Exported(path, small.stat().st_size, trial, exact, found, way, f1, macro_f1_of(model, rough, trial.y))


def sources_of(meta: WindowMeta, from_rate: float | Sequence[float] | None) -> list[SourceRate]:
    """Return the rates at which samples may come; none where that is the model's alone.

    Raises:
        RecipeError: a rate that is no positive number.
        DataError: a rate at which the model's movements are lost.
    """
    rates = [] if from_rate is None else np.atleast_1d(np.asarray(from_rate, np.float64)).tolist()
    return [] if set(rates) <= {meta.rate_hz} else [SourceRate.of(meta, rate) for rate in dict.fromkeys(rates)]


class _Around:
    """All that a file has around the network."""

    def __init__(self, model: Model, sources: dict[int, SourceRate], way: str | None, dwell_s: float) -> None:
        if way not in (None, *SMOOTHING):
            raise RecipeError(unknown("smoothing", way, SMOOTHING))
        self.model, self.sources, self.way = model, list(sources.values()), way or ""
        self.machine = None if way is None else hidden_markov(model, dwell_s)
        self.above = None if model.calibration is None else model.calibration.threshold

    def properties(self) -> dict[str, Any]:
        if self.machine is None:
            return {}
        states = list(state_names(self.model.activities, self.model.calibration is not None))
        return {"smoothing": self.way, "dwell_s": self.machine.dwell_s, "states": states}

    def put(self, core: Path, path: Path) -> None:
        """Write the file `core` with all of it to `path`."""
        if core != path:
            shutil.copyfile(core, path)
        surround(path, self.sources, self.machine, self.way, self.above)

    def why_refused(self, path: Path, given: NDArray[np.float32]) -> str:
        """Return the reason to refuse the smoothing of a file; "" where there is none."""
        smoother = SMOOTHERS[self.way or "none"]
        if smoother is None or self.machine is None:
            return ""
        opened, hop = session(path), self.model.meta.seconds * (1 - self.model.meta.overlap)
        few = given[:NOISE_WINDOWS]
        names = [output.name for output in opened.get_outputs()]
        said = dict(zip(names, opened.run(None, {INPUT: few} | smoothing_inputs(opened, len(few), hop)), strict=True))
        flagged = np.zeros(len(few), bool) if self.above is None else said[SCORE] > self.above
        expected = smoother(self.machine, said[PROBABILITIES], flagged, hop * np.arange(len(few)))
        apart = float(np.abs(expected - said[BELIEFS]).max())
        return "" if apart <= MAX_DIFFERENCE else f"a smoothed probability differs by {apart:.2g}"


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


def _better_way(model: Model, core: Path, small: Path, trial: Trial, tick: Callable[[], None]) -> str:
    """Return, of the ways whose macro F1 on the fitting windows is about the best, the one nearer to PyTorch."""
    if not len(trial.fit):
        raise DataError("int8 takes the ranges of signals from windows, and none were given; name a data set")
    ours = model.assess(trial.fit)
    found: list[tuple[float, Agreement, str]] = []
    for way in WAYS:
        quantise(core, small, way, trial.fit)
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
