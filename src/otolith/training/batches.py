"""Windows and teacher's features of one step after another; where they lie on disk, it hears of them some steps before.

A thread that reads ahead was tried, and cost a quarter of the speed on two cores that compute; see docs/scale.md.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from otolith.system.memory import announce, read_at_random
from otolith.training.window_source import RESIDENT_BYTES, Source

AHEAD = 4
"""Steps that are announced before they are read."""

Read = tuple[Tensor, Tensor | None]
"""Windows (n, channels, time) and features (n, m) of the teacher, where there is one."""


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
