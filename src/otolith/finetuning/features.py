"""Features of a frozen network, computed once."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from otolith.errors import DataError, not_finite
from otolith.progress import SILENT, Progress
from otolith.training.failures import is_out_of_memory, release
from otolith.training.window_source import Ordered

BATCH, ON_GPU = 256, 1024
"""Windows at a time: on a CPU so few that what lies between the layers stays in its cache."""
RESIDENT_BYTES = 256 << 20
"""Features up to this size are kept in memory where a folder for larger ones is given."""


@torch.no_grad()
def encode(
    network: nn.Module,
    source: Ordered,
    *,
    batch_size: int | None = None,
    title: str = "features",
    progress: Progress = SILENT,
    folder: Path | None = None,
) -> Tensor:
    """Return features (len(source), n_features), float32 on the source's device, in the source's order.

    The network runs in eval mode, as one that is frozen must: no dropout, and batch statistics neither used nor
    updated. It is left in the mode it was in. Where memory does not suffice for a batch, smaller ones are taken.

    Args:
        network: (batch, channels, time) -> (batch, n_features).
        batch_size: windows at a time; None: as many as are fast on the source's device.
        folder: on a CPU, features beyond `RESIDENT_BYTES` live in a memory-mapped file there; whoever gives the folder
            removes it when the features are no longer needed.

    Raises:
        DataError: the features do not fit into `folder`, or are not finite.
        ValueError: there are no windows.

    >>> from otolith.preprocessing.scaler import Scaler
    >>> from otolith.training.window_source import Part, Source
    >>> x = np.ones((5, 6, 30), np.float32)
    >>> source = Source([Part(x, np.arange(5))], Scaler(np.ones(6), np.ones(6)), torch.device("cpu"))
    >>> encode(nn.Flatten(), source).shape
    torch.Size([5, 180])
    """
    was_training = network.training
    network.eval()
    out: Tensor | None = None
    done = 0
    finite = torch.ones((), dtype=torch.bool, device=source.device)  # read once: each look waits for a GPU
    with progress.stage(title, len(source), "windows") as bar:
        size = batch_size or (BATCH if source.device.type == "cpu" else ON_GPU)
        for x in source.in_order(size):
            while len(x):
                features = _some(network, x[:size])
                if features is None:
                    size = min(size, len(x)) // 2
                    release(source.device)
                    continue
                if out is None:
                    out = _room(len(source), features.shape[1], source.device, folder)
                out[done : done + len(features)] = features
                done += len(features)
                finite &= features.isfinite().all()
                bar.advance(len(features))
                x = x[len(features) :]
    network.train(was_training)
    if out is None:
        raise ValueError("there are no windows to encode; expected at least one")
    if not bool(finite):
        raise DataError(not_finite(title))
    return out


def _some(network: nn.Module, x: Tensor) -> Tensor | None:
    """Return the features of a batch; None where memory does not suffice and a smaller one may fit."""
    try:
        return network(x).float()
    except (RuntimeError, MemoryError) as error:
        if len(x) == 1 or not is_out_of_memory(error):
            raise
        return None


def _room(rows: int, columns: int, device: torch.device, folder: Path | None) -> Tensor:
    if folder is None or device.type != "cpu" or rows * columns * 4 <= RESIDENT_BYTES:
        return torch.empty(rows, columns, device=device)
    path = folder / "features.npy"
    try:
        mapped = np.lib.format.open_memmap(path, "w+", np.float32, (rows, columns))
        if hasattr(os, "posix_fallocate"):  # writing to a map on a full disk would end the process without a word
            with open(path, "r+b") as stream:
                os.posix_fallocate(stream.fileno(), 0, path.stat().st_size)
        return torch.from_numpy(mapped)
    except OSError as error:
        raise DataError(
            f"{rows * columns * 4 / 2**30:.1f} GB of features do not fit into {folder} ({error.strerror or error}). "
            "Free some space there."
        ) from None
