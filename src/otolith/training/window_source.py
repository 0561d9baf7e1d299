"""Training windows as scaled tensors: from memory where they fit, from memory-mapped files where they do not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from otolith.augment import Compose
from otolith.preprocessing.scaler import Scaler
from otolith.system.memory import announce

RESIDENT_BYTES = 64 << 20
"""Windows up to this size are scaled once and kept in memory; larger ones are read from their files batch by batch."""

RESIDENT_BYTES_GPU = 2 << 30
"""The same for a GPU, where reading batch by batch would make it wait."""


@dataclass(frozen=True)
class Part:
    """Some windows of one array.

    Args:
        x: (n, channels, time) in m/s² and rad/s, in memory or memory-mapped.
        rows: numbers of those that take part; None: all.
    """

    x: NDArray[np.float32]
    rows: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.x if self.rows is None else self.rows)

    def at(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows in `x` of windows by their numbers among those that take part."""
        return numbers if self.rows is None else self.rows[numbers]


class Source:
    """Windows of one or several arrays, numbered 0 .. n-1 in the order of the parts.

    `source[ids]` gives (len(ids), channels, time) float32 in z-score units on `device`. Several parts let unlabelled
    recordings join those of a data set.

    >>> x = np.ones((5, 6, 30), np.float32)
    >>> source = Source([Part(x, np.array([0, 4]))], Scaler(np.ones(6), np.ones(6)), torch.device("cpu"))
    >>> len(source), source[torch.tensor([1])].shape
    (2, torch.Size([1, 6, 30]))
    """

    def __init__(self, parts: Sequence[Part], scaler: Scaler, device: torch.device) -> None:
        self.parts = list(parts)
        self.scaler = scaler
        self.device = device
        self._offsets = np.cumsum([0, *(len(part) for part in self.parts)])
        shape = self.parts[0].x.shape[1:]
        self.shape = (int(shape[0]), int(shape[1]))
        self._resident: Tensor | None = None
        most = RESIDENT_BYTES if device.type == "cpu" else RESIDENT_BYTES_GPU
        if len(self) * self.shape[0] * self.shape[1] * 4 <= most:
            self._resident = self._read(np.arange(len(self)))

    def __len__(self) -> int:
        return int(self._offsets[-1])

    def __getitem__(self, ids: Tensor) -> Tensor:
        if self._resident is not None:
            return self._resident[ids.to(self.device)]
        return self._read(ids.cpu().numpy())

    @property
    def on_disk(self) -> list[NDArray[np.float32]]:
        """Arrays of which windows are read each time; none where all are kept in memory."""
        return [] if self._resident is not None else [part.x for part in self.parts]

    def announce(self, ids: Tensor) -> None:
        """Have the system fetch windows from disk that are soon asked for."""
        if self._resident is None:
            for part, _, rows in self._by_part(ids.cpu().numpy()):
                announce(part.x, rows)

    def in_order(self, batch_size: int) -> Iterator[Tensor]:
        """Yield all windows once, `batch_size` at a time."""
        for first in range(0, len(self), batch_size):
            yield self[torch.arange(first, min(first + batch_size, len(self)))]

    def names(self, ids: Tensor) -> list[str]:
        """Return names by which people find windows: their index in the data set's windows, or in those of a further
        part."""
        found = []
        for number in ids.tolist():
            part = int(np.searchsorted(self._offsets, number, "right")) - 1
            row = int(self.parts[part].at(np.array(number - self._offsets[part])))
            found.append(str(row) if part == 0 else f"{row} of the unlabelled")
        return found

    def _read(self, ids: NDArray[np.int64]) -> Tensor:
        out = np.empty((len(ids), *self.shape), np.float32)
        for part, here, rows in self._by_part(ids):
            out[here] = part.x[rows]
        return torch.from_numpy(self.scaler.transform(out)).to(self.device)

    def _by_part(self, ids: NDArray[np.int64]) -> Iterator[tuple[Part, NDArray[np.bool_], NDArray[np.int64]]]:
        """Yield each part, which of the windows are of it, and their rows in it."""
        for number, part in enumerate(self.parts):
            here = (ids >= self._offsets[number]) & (ids < self._offsets[number + 1])
            yield part, here, part.at(ids[here] - self._offsets[number])


class Ordered(Protocol):
    """Scaled windows that are read in order: a `Source`, or one with changed copies."""

    device: torch.device

    def __len__(self) -> int: ...
    def in_order(self, batch_size: int) -> Iterator[Tensor]: ...


class Varied:
    """Windows of a source, and after them `copies` rounds of the same ones changed by `vary`, as `seed` draws."""

    def __init__(self, source: Source, vary: Compose, copies: int, seed: int) -> None:
        self.source, self.vary, self.copies, self.seed = source, vary, copies, seed
        self.device = source.device

    def __len__(self) -> int:
        return len(self.source) * (1 + self.copies)

    def in_order(self, batch_size: int) -> Iterator[Tensor]:
        """Yield all windows once, then each round of copies, `batch_size` at a time."""
        yield from self.source.in_order(batch_size)
        generator = torch.Generator(self.device).manual_seed(self.seed)
        for _ in range(self.copies):
            for x in self.source.in_order(batch_size):
                yield self.vary(x, generator)

    def parts(self, values: Tensor, n_first: int) -> tuple[Tensor, Tensor]:
        """Return the values of the first `n_first` windows and those of the others, each with its copies.

        Args:
            values: (len(self), ...), in the order of `in_order`.
        """
        rounds = values.unflatten(0, (1 + self.copies, len(self.source)))
        return rounds[:, :n_first].flatten(0, 1), rounds[:, n_first:].flatten(0, 1)
