"""Windows and teacher's features of one step after another; where they lie on disk, it hears of them some steps before.

A thread that reads ahead was tried, and cost a quarter of the speed on two cores that compute; see docs/scale.md.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from otolith.system.memory import announce, on_disk, read_at_random
from otolith.training.window_source import RESIDENT_BYTES, Source

AHEAD = 4
"""Steps that are announced before they are read."""

Read = tuple[Tensor, Tensor | None]
"""Windows (n, channels, time) and features (n, m) of the teacher, where there is one."""


def drawn_order(n: int, generator: torch.Generator) -> Tensor:
    """Draw the order (n,) of an epoch's windows; a long one lies on disk, so that memory does not grow with windows.

    >>> drawn_order(3, torch.Generator().manual_seed(0)).tolist()
    [2, 0, 1]
    """
    out = torch.from_numpy(on_disk(n, np.int64)) if 8 * n > RESIDENT_BYTES else None
    return torch.randperm(n, generator=generator, out=out)


class Batches:
    """Reads `source` and `instances`, of which row i belongs to window i.

    >>> import torch
    >>> from otolith.preprocessing.scaler import Scaler
    >>> from otolith.training.window_source import Part
    >>> source = Source([Part(np.ones((5, 6, 30), np.float32), np.arange(5))], Scaler(np.ones(6), np.ones(6)),
    ...                 torch.device("cpu"))
    >>> with Batches(source, torch.arange(5.0)[:, None]).reading() as batches:
    ...     [h.tolist() for _, (x, h) in batches.in_turn([torch.tensor([4, 0])])]
    [[[4.0], [0.0]]]
    """

    def __init__(self, source: Source, instances: Tensor | None) -> None:
        self._source, self._instances = source, instances
        self._features: NDArray[np.float32] | None = None
        if instances is not None and instances.nbytes > RESIDENT_BYTES and instances.device.type == "cpu":
            self._features = instances.numpy()

    @contextmanager
    def reading(self) -> Iterator[Batches]:
        """Read at random from what lies on disk, for as long as it lasts."""
        with read_at_random([*self._source.on_disk, *([] if self._features is None else [self._features])]):
            yield self

    def of(self, ids: Tensor) -> Read:
        """Return windows and features by their numbers, on the source's device."""
        device = self._source.device
        found = self._instances
        return self._source[ids], None if found is None else found[ids.to(found.device)].to(device)

    def in_turn(self, steps: Iterable[Tensor]) -> Iterator[tuple[Tensor, Read]]:
        """Yield the numbers of each step's windows, and what was read of them."""
        coming, told = iter(steps), deque[Tensor]()
        while True:
            for ids in islice(coming, AHEAD + 1 - len(told)):
                self._source.announce(ids)
                if self._features is not None:
                    announce(self._features, ids.numpy())
                told.append(ids)
            if not told:
                return
            yield told[0], self.of(told.popleft())
