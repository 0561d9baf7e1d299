"""One network for all connections: windows that come while it computes go through it in the next batch.

No window is delayed to fill a batch. One that comes while the network is idle goes through it at once, by itself.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from otolith.model import Model
from otolith.streaming.network import Network
from otolith.windows import resample

MOST = 64
"""Windows of one batch, so that no other window waits long for its turn."""


@dataclass(frozen=True, eq=False)
class Computed:
    """Outputs (n, outputs) of windows, seconds that they waited for their batch, and seconds that the batch took."""

    out: NDArray[np.float32]
    queued_s: float
    compute_s: float


@dataclass(frozen=True, eq=False)
class _Request:
    """Windows (n, channels, time), the time at which they came, and the answer that their connection awaits."""

    x: NDArray[np.float32]
    came: float
    answer: asyncio.Future[Computed]


class Batcher:
    """Puts windows through a model's network in a thread, one batch at a time. It belongs to one event loop."""

    def __init__(self, model: Model) -> None:
        self._network = Network(model)
        self._waiting: deque[_Request] = deque()
        self._work: asyncio.Task[None] | None = None
        meta = model.meta
        # the first pass loads and plans, for which no client shall wait
        first = resample(np.zeros((len(meta.channels), meta.n_steps + 1)), meta.n_steps)
        self._network(first[None].astype(np.float32))

    async def compute(self, x: NDArray[np.float32]) -> Computed:
        """Return the outputs of windows (n, channels, time), from several batches where there are more than `MOST`."""
        parts = [await self._one(x[at : at + MOST]) for at in range(0, len(x), MOST)]
        spent = sum(part.queued_s for part in parts), sum(part.compute_s for part in parts)
        return Computed(np.concatenate([part.out for part in parts]), *spent)

    async def _one(self, x: NDArray[np.float32]) -> Computed:
        answer: asyncio.Future[Computed] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Request(x, time.perf_counter(), answer))
        if self._work is None:
            self._work = asyncio.create_task(self._work_off())
        return await answer

    async def _work_off(self) -> None:
        try:
            while batch := self._next_batch():
                await self._compute(batch)
        finally:
            self._work = None

    def _next_batch(self) -> list[_Request]:
        """Take the first requests, up to `MOST` windows, without those whose connection has ended."""
        batch: list[_Request] = []
        n = 0
        while self._waiting and (not batch or n + len(self._waiting[0].x) <= MOST):
            request = self._waiting.popleft()
            if not request.answer.done():
                batch.append(request)
                n += len(request.x)
        return batch

    async def _compute(self, batch: list[_Request]) -> None:
        began = time.perf_counter()
        try:
            out = await asyncio.to_thread(self._network, np.concatenate([request.x for request in batch]))
        except Exception as error:  # it belongs to the connections that wait, not to this task
            for request in batch:
                if not request.answer.done():
                    request.answer.set_exception(error)
            return
        took, at = time.perf_counter() - began, 0
        for request in batch:
            if not request.answer.done():
                request.answer.set_result(Computed(out[at : at + len(request.x)], began - request.came, took))
            at += len(request.x)
