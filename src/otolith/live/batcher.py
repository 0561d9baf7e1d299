"""One network for all connections: what waits while it computes goes through it together.

Nothing is delayed to fill a batch. A window that comes while the network is idle goes alone and at once; under load,
those that gathered during one pass make the next.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from otolith.model import Model
from otolith.streaming import Network
from otolith.windows import resample

Windows = NDArray[np.float32]
MOST = 64
"""Windows of one pass: what it lets others wait is bounded."""


@dataclass(frozen=True, eq=False)
class Computed:
    """Outputs (n, outputs), how long they waited for their pass, and how long that took."""

    out: NDArray[np.float32]
    queued_s: float
    compute_s: float


Waiting = tuple[Windows, float, "asyncio.Future[Computed]"]
"""Windows, when they came, and who wants their outputs."""


class Together:
    """Belongs to one event loop. The network runs in a thread, one pass at a time."""

    def __init__(self, model: Model) -> None:
        self._network = Network(model)
        self._waiting: deque[Waiting] = deque()
        self._work: asyncio.Task[None] | None = None
        self.passes = 0
        meta = model.meta
        # the first of all loads and plans what the others find: no client shall wait for that
        whole = resample(np.zeros((len(meta.channels), meta.n_steps + 1)), meta.n_steps)
        self._network(whole[None].astype(np.float32))

    async def compute(self, x: Windows) -> Computed:
        """Outputs of windows (n, channels, time); several passes where there are more than `MOST`."""
        parts = [await self._one(x[at : at + MOST]) for at in range(0, len(x), MOST)]
        if len(parts) == 1:
            return parts[0]
        spent = sum(part.queued_s for part in parts), sum(part.compute_s for part in parts)
        return Computed(np.concatenate([part.out for part in parts]), *spent)

    async def _one(self, x: Windows) -> Computed:
        future: asyncio.Future[Computed] = asyncio.get_running_loop().create_future()
        self._waiting.append((x, time.perf_counter(), future))
        if self._work is None:
            self._work = asyncio.create_task(self._compute_all())
        return await future

    async def _compute_all(self) -> None:
        try:
            while self._waiting:
                await self._pass(self._take())
        finally:
            self._work = None

    def _take(self) -> list[Waiting]:
        """The first that wait, up to `MOST` windows; those whose connection has ended are left out."""
        taken: list[Waiting] = []
        n = 0
        while self._waiting and (not taken or n + len(self._waiting[0][0]) <= MOST):
            one = self._waiting.popleft()
            if not one[2].done():
                taken.append(one)
                n += len(one[0])
        return taken

    async def _pass(self, taken: list[Waiting]) -> None:
        if not taken:
            return
        began = time.perf_counter()
        try:
            out = await asyncio.to_thread(self._network, np.concatenate([x for x, _, _ in taken]))
        except Exception as error:  # whatever it is belongs to those who wait, not to this task
            for _, _, future in taken:
                if not future.done():
                    future.set_exception(error)
            return
        self.passes += 1
        took, at = time.perf_counter() - began, 0
        for x, came, future in taken:
            if not future.done():
                future.set_result(Computed(out[at : at + len(x)], began - came, took))
            at += len(x)
