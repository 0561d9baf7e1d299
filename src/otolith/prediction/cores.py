"""Work on all cores, each piece on one of them.

Threads of PyTorch share the work on every tensor and wait for each other a hundred times a batch, which takes ten times
as long as soon as another program has one of the cores. Pieces that know nothing of each other wait only at the end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import Generic, TypeVar

import torch

Given = TypeVar("Given")
Found = TypeVar("Found")


class Pieces(Generic[Given, Found]):
    """Results of `work` in the order in which its pieces were added; few pieces wait in memory."""

    def __init__(self, work: Callable[[Given], Found], pool: ThreadPoolExecutor | None, most: int) -> None:
        self._work, self._pool, self._most = work, pool, most
        self._running: deque[Future[Found]] = deque()
        self._done: list[Found] = []

    def add(self, piece: Given) -> None:
        """Begin with a piece, once there is room for it.

        Raises:
            Exception: an earlier piece failed with it.
        """
        if self._pool is None:
            self._done.append(self._work(piece))
            return
        while len(self._running) >= self._most:
            self._done.append(self._running.popleft().result())
        self._running.append(self._pool.submit(copy_context().run, self._work, piece))

    def results(self) -> list[Found]:
        """Wait for all pieces, and return their results.

        Raises:
            Exception: a piece failed with it.
        """
        while self._running:
            self._done.append(self._running.popleft().result())
        return self._done


@contextmanager
def on_cores(work: Callable[[Given], Found], device: torch.device) -> Iterator[Pieces[Given, Found]]:
    """Give `work` as many threads as PyTorch has here, of which each computes alone; on a GPU this thread does it.

    >>> with on_cores(lambda x: x.sum().item(), torch.device("cpu")) as pieces:
    ...     for size in (2, 3):
    ...         pieces.add(torch.ones(size))
    ...     pieces.results()
    [2.0, 3.0]
    """
    threads = torch.get_num_threads() if device.type == "cpu" else 1
    if threads == 1:
        yield Pieces(work, None, 0)
        return
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield Pieces(work, pool, threads + 1)
    finally:
        torch.set_num_threads(threads)
