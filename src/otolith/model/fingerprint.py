"""Fingerprints of all that a training depends on, by which checkpoints of one job are told from those of another."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import save
from torch import nn

from otolith.finetuning.settings import HeadSettings
from otolith.model import PretrainedEncoder
from otolith.preprocessing.scaler import Scaler
from otolith.splits import Split
from otolith.windows import Windows

if TYPE_CHECKING:
    from otolith.recipes import Recipe

_CHUNK = 4096


def of_pretraining(
    recipe: Recipe, w: Windows, split: Split, seed: int, n: int, scaler: Scaler, unlabelled: Sequence[Windows]
) -> dict[str, Any]:
    """Return the fingerprint of a pre-training on `n` windows, whose mean and deviation stand for them."""
    return {
        "recipe": recipe.hash,
        "dataset": w.meta.dataset,
        "split": split.name,
        "seed": int(seed),
        "windows": n,
        "data": _of_scaler(scaler),
        "unlabelled": [_of_scaler(Scaler.fit(extra.x)) for extra in unlabelled],
    }


def of_finetuning(
    encoder: PretrainedEncoder,
    w: Windows,
    split: Split,
    train: NDArray[np.int64],
    val: NDArray[np.int64],
    settings: HeadSettings,
    seed: int,
    end_to_end: bool,
) -> dict[str, Any]:
    """Return the fingerprint of a classifier's training on the windows `train`, judged on `val`, without weights."""
    return {
        "recipe": encoder.recipe.hash,
        "method": encoder.method,
        "dataset": w.meta.dataset,
        "split": split.name,
        "seed": int(seed),
        "stage": "finetune",
        "end_to_end": end_to_end,
        "settings": _written(settings),
        "windows": [len(train), len(val)],
        "data": _of_windows(w, np.concatenate([train, val])),
        "scaler": _of_scaler(encoder.scaler),
    }


def short_digest(settings: HeadSettings) -> str:
    """Return the digest of settings that tells the checkpoints of one candidate from those of another.

    >>> from otolith.finetuning.settings import FinetuneSettings
    >>> short_digest(FinetuneSettings(epochs=2)) == short_digest(FinetuneSettings(epochs=3))
    False
    """
    return _short(_written(settings).encode())


def _written(settings: HeadSettings) -> str:
    """Return what `repr` gives, without later settings at their defaults: earlier checkpoints stay usable."""
    from otolith.recipes.later import usual

    left_out = usual(settings)
    given = (
        f"{field.name}={getattr(settings, field.name)!r}" for field in fields(settings) if field.name not in left_out
    )
    return f"{type(settings).__name__}({', '.join(given)})"


def digest_of(network: nn.Module) -> str:
    """Return the digest of every weight and buffer, to the bit."""
    return _short(save({name: value.detach().contiguous().cpu() for name, value in network.state_dict().items()}))


def _of_scaler(scaler: Scaler) -> str:
    return _short(np.concatenate([scaler.mean, scaler.std]).astype(np.float64).tobytes())


def _of_windows(w: Windows, rows: NDArray[np.int64]) -> str:
    """The digest of their samples and labels in this order; a few thousand are read at a time."""
    total = hashlib.sha256(w.y[rows].tobytes())
    for first in range(0, len(rows), _CHUNK):
        total.update(w.x[rows[first : first + _CHUNK]].tobytes())
    return total.hexdigest()[:16]


def _short(blob: bytes) -> str:
    return hashlib.sha256(blob).hexdigest()[:16]
