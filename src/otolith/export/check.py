"""Compare an ONNX file with PyTorch, window by window."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from otolith.calibration.network import Assessed
from otolith.export.graph import INPUT, SCORE, need
from otolith.model import Model

MAX_DIFFERENCE = 1e-4
"""Largest difference of a probability between PyTorch and onnxruntime in float32. Measured: some 1e-6."""
TURNED = 0.01
"""Share of windows with a larger difference that a model with trees may have. A tree asks whether a feature exceeds a
threshold: where the two differ by less than rounding, one more or less tree may answer otherwise. Measured: 0.0002."""
MAX_TURNED = 0.1
"""Largest difference of a probability in such windows. Measured: 0.0004 with 300 trees."""
BATCH = 256


@dataclass(frozen=True)
class Agreement:
    """The differences between two forms of a model on the same windows.

    Attributes:
        n_windows: number of windows that were compared.
        largest: largest difference of a probability.
        same: share of windows whose most probable activity is the same.
        same_unknown: share of windows whose flag "unknown" is the same; 1 where there is no calibration.
        beyond: share of windows that have a probability which differs by more than `MAX_DIFFERENCE`.

    >>> Agreement(n_windows=100, largest=3e-7, same=1.0, same_unknown=1.0).largest < MAX_DIFFERENCE
    True
    """

    n_windows: int
    largest: float
    same: float
    same_unknown: float
    beyond: float = 0.0


def session(path: Path, threads: int = 1) -> Any:
    """Open an ONNX file with onnxruntime on the CPU.

    Raises:
        RecipeError: onnxruntime is not installed.
    """
    runtime = need("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = threads
    options.log_severity_level = 3
    return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run(path: Path, model: Model, x: NDArray[np.float32]) -> Assessed:
    """Run the file on unscaled windows (n, channels, time), in batches of several sizes, each a sequence of its own."""
    opened = session(path)
    hop = model.meta.seconds * (1 - model.meta.overlap)
    # one by itself and the rest in batches: a graph with a fixed batch fails here rather than at a user's
    edges = sorted({0, min(1, len(x)), *range(1, len(x), BATCH), len(x)})
    pieces = [
        opened.run(None, {INPUT: np.ascontiguousarray(x[a:b])} | smoothing_inputs(opened, b - a, hop))
        for a, b in pairwise(edges)
    ]
    names = [output.name for output in opened.get_outputs()]
    probabilities = np.concatenate([piece[0] for piece in pieces])
    if model.calibration is None:
        return Assessed(probabilities, None, np.zeros(len(x), np.bool_))
    score = np.concatenate([piece[names.index(SCORE)] for piece in pieces])
    return Assessed(probabilities, score, score > model.calibration.threshold)


def smoothing_inputs(opened: Any, n: int, hop_s: float) -> dict[str, NDArray[np.float32]]:
    """Return what a file that smooths is given besides `n` windows, one each `hop_s`, before which there is nothing."""
    given = {}
    for each in opened.get_inputs()[1:]:
        is_belief = isinstance(each.shape[0], int)
        given[each.name] = (
            np.full(each.shape[0], 1 / each.shape[0], np.float32) if is_belief else np.full(n, hop_s, np.float32)
        )
    return given


def agreement(ours: Assessed, theirs: Assessed) -> Agreement:
    """Return the differences between two answers on the same windows."""
    apart = np.abs(ours.probabilities.astype(np.float64) - theirs.probabilities).max(1)
    return Agreement(
        n_windows=len(ours.probabilities),
        largest=float(apart.max()),
        same=float((ours.probabilities.argmax(1) == theirs.probabilities.argmax(1)).mean()),
        same_unknown=float((ours.unknown == theirs.unknown).mean()),
        beyond=float((~(apart <= MAX_DIFFERENCE)).mean()),
    )


def why_refused(found: Agreement, trees: bool = False) -> str:
    """Return the reason to refuse a float32 file, "" where there is none.

    Args:
        trees: whether the model has trees, of which one in a window may turn at a threshold.
    """
    if trees and found.beyond <= max(TURNED, 1.5 / found.n_windows) and found.largest <= MAX_TURNED:
        return ""
    if not found.largest <= MAX_DIFFERENCE:
        return f"a probability differs by {found.largest:.2g}, more than {MAX_DIFFERENCE:g}"
    return ""
