"""Predictions of test windows, kept beside rows so that a new metric needs no training (docs/rows.md).

`predictions/HASH.npz` beside `rows.jsonl` holds those behind the row whose key has that hash: plain arrays, no pickle.
"""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from otolith.errors import CheckpointError
from otolith.metrics import Predictions
from otolith.rows.value import key_hash, without_content
from otolith.system import files
from otolith.system.reading import read_bytes

FOLDER = "predictions"
MOST = 2**30
"""Bytes that the arrays of one file may take."""


def place_of(folder: Path, key: Mapping[str, Any]) -> Path:
    """Return the file of the predictions behind a row of this key, in the folder of its rows."""
    return folder / FOLDER / f"{key_hash(key)}.npz"


def keep(folder: Path, key: Mapping[str, Any], predictions: Predictions) -> Path:
    """Write the predictions behind a row, and return their file.

    Args:
        folder: of `rows.jsonl`; it is there.

    Raises:
        StorageError: it cannot be written.

    >>> import tempfile
    >>> p = Predictions.of([0, 1], [0, 0], ["still", "walk"], proba=np.array([[0.75, 0.25], [0.5, 0.5]]))
    >>> with tempfile.TemporaryDirectory() as name:
    ...     path = keep(Path(name), {"seed": 0}, p)
    ...     kept(Path(name), {"seed": 0}).proba.tolist()
    [[0.75, 0.25], [0.5, 0.5]]
    """
    facts = {
        "activities": list(predictions.activities),
        "training_classes": list(predictions.training_classes),
        "seconds": predictions.seconds,
    }
    arrays = {
        "y_true": predictions.y_true.astype(np.int16),
        "y_pred": predictions.y_pred.astype(np.int16),
        "subject": predictions.subject,
        "recording": predictions.recording.astype(np.str_),
        "start": predictions.start,
        "facts": np.array(json.dumps(facts)),
    }
    if predictions.proba is not None:
        arrays["proba"] = predictions.proba.astype(np.float16)
    blob = io.BytesIO()
    np.savez_compressed(blob, allow_pickle=False, **arrays)
    path = place_of(folder, key)
    with contextlib.suppress(FileNotFoundError):  # where the folder has vanished the writer says so
        path.parent.mkdir(exist_ok=True)
    return files.write(path, blob.getvalue(), sync=False)


def kept(folder: Path, key: Mapping[str, Any]) -> Predictions | None:
    """Return the predictions behind a row; None where none are kept, as of rows from before.

    Raises:
        CheckpointError: their file is damaged.

    >>> kept(Path("nowhere"), {"seed": 0}) is None
    True
    """
    for path in (place_of(folder, key), place_of(folder, without_content(key))):
        if path.is_file():
            break
    else:
        return None
    try:
        content = read_bytes(path)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(member.file_size for member in archive.infolist()) > MOST:
                raise ValueError(f"its arrays take more than {MOST:,} bytes")
        with np.load(io.BytesIO(content), allow_pickle=False) as found:
            facts = json.loads(str(found["facts"]))
            read = Predictions(
                found["y_true"].astype(np.int64),
                found["y_pred"].astype(np.int64),
                found["proba"].astype(np.float64) if "proba" in found else None,
                found["subject"],
                found["recording"],
                found["start"].astype(np.float64),
                float(facts["seconds"]),
                tuple(str(name) for name in facts["activities"]),
                tuple(int(c) for c in facts["training_classes"]),
            )
        n = len(read.activities)
        if not all(len(y) and y.min() >= 0 and y.max() < n for y in (read.y_true, read.y_pred)):
            raise ValueError("its classes are none of its activities")
        if read.proba is not None and read.proba.shape != (len(read.y_true), n):
            raise ValueError("its probabilities are not of its activities")
    except Exception as error:  # whatever a damaged archive makes its reader raise
        raise CheckpointError(f"{path} cannot be read: {error}. Copy it again, or train again.") from None
    return read
