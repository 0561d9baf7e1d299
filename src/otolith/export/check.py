"""An ONNX file held against PyTorch, window by window."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from otolith.calibration.network import Assessed
from otolith.export.extra import need
from otolith.export.graph import INPUT, SCORE
from otolith.model import Model

MAX_DIFFERENCE = 1e-4
"""Of a probability, between PyTorch and onnxruntime in float32. Measured differences are some 1e-6."""
BATCH = 256


@dataclass(frozen=True)
class Agreement:
    """How two forms of a model differ on the same windows.

    Attributes:
        n_windows: how many were compared.
        largest: largest difference of a probability.
        same: share of windows whose most probable activity is the same.
        same_unknown: share whose flag "unknown" is the same; 1 where there is no calibration.
    """

    n_windows: int
    largest: float
    same: float
    same_unknown: float


def session(path: Path, threads: int = 1) -> Any:
    """An onnxruntime session on the CPU.

    Raises:
        RecipeError: onnxruntime is not installed.
    """
    runtime = need("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = threads
    options.log_severity_level = 3
    return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run(path: Path, model: Model, x: NDArray[np.float32]) -> Assessed:
    """What the file says of unscaled windows (n, channels, time), in batches of several sizes."""
    opened = session(path)
    # one by itself and the rest in batches: a graph with a fixed batch fails here rather than at a user's
    edges = sorted({0, min(1, len(x)), *range(1, len(x), BATCH), len(x)})
    pieces = [opened.run(None, {INPUT: np.ascontiguousarray(x[a:b])}) for a, b in pairwise(edges)]
    names = [output.name for output in opened.get_outputs()]
    probabilities = np.concatenate([piece[0] for piece in pieces])
    if model.calibration is None:
        return Assessed(probabilities, None, np.zeros(len(x), np.bool_))
    score = np.concatenate([piece[names.index(SCORE)] for piece in pieces])
    return Assessed(probabilities, score, score > model.calibration.threshold)


def agreement(ours: Assessed, theirs: Assessed) -> Agreement:
    """The differences between two answers on the same windows."""
    return Agreement(
        n_windows=len(ours.probabilities),
        largest=float(np.abs(ours.probabilities.astype(np.float64) - theirs.probabilities).max()),
        same=float((ours.probabilities.argmax(1) == theirs.probabilities.argmax(1)).mean()),
        same_unknown=float((ours.unknown == theirs.unknown).mean()),
    )


def why_refused(found: Agreement) -> str:
    """The reason why a float32 file must not be used, "" where there is none.

    Within the allowed difference a window changes its activity only where the two best are as near to each other.
    """
    if not found.largest <= MAX_DIFFERENCE:
        return f"a probability differs by {found.largest:.2g}, more than {MAX_DIFFERENCE:g}"
    return ""
