"""The recogniser for the page itself: runtime, model and constants with which a browser computes as the server does.

The page cuts, scales and smooths by the same rules (`page/clock.js`, `windows.js`, `smoothing.js`). It gets their
constants from here, and resampling as a matrix, so that no rule is written down twice.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from otolith import __version__
from otolith.errors import DataError, OtolithError, StorageError
from otolith.live import exported, runtime
from otolith.live.recordings import Playable
from otolith.model import Model
from otolith.prediction import matching
from otolith.prediction.run import hidden_markov
from otolith.prediction.smoothing import FOUND, LEAST
from otolith.prediction.timeline import state_names
from otolith.progress import SILENT, Progress
from otolith.recording import STANDARD_GRAVITY, Recording
from otolith.streaming.beginning import CHECKED_S
from otolith.system import extras
from otolith.windows import cut, resample
from otolith.windows.clock import MAX_GAP_S
from otolith.windows.resampling import LOWEST_RATE

if TYPE_CHECKING:
    from otolith.export import Trial

GRAPH = "model.onnx"
MAX_STEPS = 1024
"""Samples of a window for which a page may ask a resampling matrix; larger ones would exceed the model's size."""
MAX_TRIAL_WINDOWS = 512


@dataclass(frozen=True)
class InPage:
    """Files, {name: (content, type)}, or the reason why there are none, with its cure."""

    files: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    why_not: str = ""


def prepare(
    model: Model,
    terms: Sequence[str] = (),
    recordings: Iterable[Playable] = (),
    progress: Progress = SILENT,
    *,
    checksum: str = "",
) -> InPage:
    """Return the runtime and the model as an ONNX file; where something is missing, the reason instead of an error.

    The file is checked on windows of the first recording that is long enough for one, else on noise.

    Args:
        checksum: checksum of the model's bundle, under which the file is kept for the next start; "": it is not kept.
    """
    try:
        files = runtime.load()
        key = exported.key(checksum, terms) if checksum else ""
        graph = exported.find(key) if key else None
        if graph is None:
            graph = _export(model, terms, recordings, progress)
            if key:
                try:
                    exported.keep(key, graph)
                except StorageError as error:  # the page can have the model all the same
                    progress.say(str(error))
        files[GRAPH] = (graph, "application/octet-stream")
    except OtolithError as error:
        return InPage(why_not=str(error))
    return InPage(files)


def _export(model: Model, terms: Sequence[str], recordings: Iterable[Playable], progress: Progress) -> bytes:
    for package in ("onnxruntime", "onnxscript", "onnx"):
        extras.need(package, "computing in the page", "onnx")
    from otolith.export import export_onnx

    with tempfile.TemporaryDirectory(prefix="otolith-") as folder:
        path = Path(folder) / GRAPH
        export_onnx(model, path, trial=trial(model, recordings), terms=terms, progress=progress)
        return path.read_bytes()


def trial(model: Model, recordings: Iterable[Playable]) -> Trial | None:
    """Return windows of the first recording that is long enough for one; None where none is."""
    from otolith.export import Trial

    for one in recordings:
        whole = [Recording(f"{one.name} {i}", 0, (stream,)) for i, stream in enumerate(one.streams)]
        try:
            x = cut(whole, model.meta, unlabelled=True).x[:MAX_TRIAL_WINDOWS]
        except DataError:  # too short for a window
            continue
        return Trial(x, None, x[:0], None, f"{len(x)} windows of {one.name}")
    return None


def about(model: Model, title: str, terms: Sequence[str], offered: InPage) -> dict[str, Any]:
    """Return what a program in JavaScript has to know of a model: its names, signals and constants."""
    meta = model.meta
    return {
        "version": __version__,
        "title": title,
        "terms": list(terms),
        "activities": list(model.activities),
        "states": list(state_names(model.activities, model.calibration is not None)),
        "channels": list(meta.channels),
        "gravity": matching.expects_gravity(meta, model.encoder.scaler),
        "rate_hz": meta.rate_hz,
        "window_s": meta.seconds,
        "hop_s": meta.seconds * (1 - meta.overlap),
        "in_page": describe(model, offered),
    }


def describe(model: Model, offered: InPage) -> dict[str, Any]:
    """Return the constants that the page needs to compute as the server does."""
    meta, calibration = model.meta, model.calibration
    gravity = matching.expects_gravity(meta, model.encoder.scaler)
    machine = hidden_markov(model)
    return {
        "why_not": offered.why_not,
        "files": list(offered.files),
        "n_bytes": sum(len(content) for content, _ in offered.files.values()),
        "steps": meta.n_steps,
        "overlap": meta.overlap,
        "unknown_above": None if calibration is None else calibration.threshold,
        "max_gap_s": MAX_GAP_S,
        "smoothing": asdict(machine) | {"found": FOUND, "least": LEAST},
        "fits": {
            "least_rate_hz": LOWEST_RATE * meta.rate_hz,
            "most_rad_s": matching.MOST_RAD_S,
            "least_m_s2": matching.LEAST_WITH_GRAVITY * STANDARD_GRAVITY if gravity else None,
            "most_m_s2": matching.MOST_WITHOUT_GRAVITY * STANDARD_GRAVITY if gravity is False else None,
            "checked_s": CHECKED_S,
            "block_s": matching.LOOKED_AT_S,
        },
    }


def resampling(n_in: int, n_out: int) -> bytes:
    """Return `otolith.windows.resample` from `n_in` samples as a matrix (n_in, n_out): float64, little-endian."""
    return resample(np.eye(n_in), n_out).astype("<f8").tobytes()
