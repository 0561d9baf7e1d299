"""Samples and what a model says of them, by which a port to another language is checked."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from otolith.errors import RecipeError
from otolith.export.rate import SourceRate
from otolith.export.trial import Trial
from otolith.model import Model
from otolith.system.files import make_place, whole_file

MOST = 32
"""Windows that are written."""


def write_vectors(model: Model, path: Path, trial: Trial, from_rate: float | None = None) -> int:
    """Write windows of a trial and what becomes of them, step by step; return their number.

    The file holds `raw` (windows, channels, samples at the rate of the source), `windows` (windows, channels, steps at
    the model's rate), `features` (windows, features) of the encoder, `probabilities` (windows, activities) and, for a
    calibrated model, `unknown_score` (windows,); and the names of channels and activities, and both rates.

    Args:
        path: ends in .json, or in .npz for numpy's arrays.
        from_rate: of the source in Hz; None: the model's.

    Raises:
        RecipeError: another ending.
        DataError: a rate at which the movements that the model tells apart are lost.
        StorageError: it cannot be written.

    >>> import otolith
    >>> model = otolith.load_model("phone")
    >>> write_vectors(model, Path("vectors.npz"), Trial.noise(model), 50.0)
    32
    """
    if path.suffix not in (".json", ".npz"):
        raise RecipeError(f"{path}: give the file of test vectors the ending .json or .npz")
    meta = model.meta
    source = SourceRate.of(meta, from_rate or meta.rate_hz)
    raw = source.to_source(_spread(trial))
    windows = source.to_model(raw)
    said = model.assess(windows)
    arrays = {
        "raw": raw,
        "windows": windows,
        "features": model.encoder.features(windows),
        "probabilities": said.probabilities,
    }
    if said.score is not None:
        arrays["unknown_score"] = said.score
    facts = {
        "channels": list(meta.channels),
        "activities": list(model.activities),
        "rate_hz": source.rate_hz,
        "model_rate_hz": meta.rate_hz,
        "source": trial.source,
    }
    with whole_file(make_place(path)) as part:
        if path.suffix == ".json":
            numbers = {name: values.tolist() for name, values in arrays.items()}
            part.write_text(json.dumps(facts | numbers) + "\n", encoding="utf-8")
        else:
            with open(part, "wb") as file:
                np.savez(file, allow_pickle=False, **arrays, facts=np.array(json.dumps(facts)))
    return len(raw)


def _spread(trial: Trial) -> NDArray[np.float32]:
    """Return some windows from all parts of a trial."""
    rows = np.unique(np.linspace(0, len(trial.x) - 1, min(MOST, len(trial.x))).round().astype(int))
    return trial.x[rows]
