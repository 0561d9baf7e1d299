"""A worker process for decoders that on some damage end the process they run in, which nobody catches.

The worker is joblib's loky. It starts at the first file and serves all that follow. A file that ends it, or keeps it
busy for `LONGEST_S`, is refused, and the next file starts another. What it returns are bytes, texts and numbers.
"""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import BrokenExecutor
from multiprocessing.util import Finalize
from typing import Any

LONGEST_S = 600.0

_TURN = threading.Lock()
_WORKERS: dict[int, Any] = {}
"""The executor of each process: a forked child cannot use its parent's."""


class Undecodable(Exception):
    """Bytes that a decoder cannot read; the text says why."""


def in_worker(work: Any, *arguments: Any) -> Any:
    """Return what a function returns, called in the worker.

    Raises:
        Undecodable: the function raised it, ended the worker or did not return.
    """
    from joblib.externals.loky import ProcessPoolExecutor

    with _TURN:  # one at a time, so that a file that ends the worker takes no other with it
        if os.getpid() not in _WORKERS:
            _WORKERS[os.getpid()] = ProcessPoolExecutor(1, initializer=_begin, initargs=(os.getpid(),))
            # before a process of `multiprocessing` waits for its children, without end: no `atexit` runs in those
            Finalize(None, _end_worker, exitpriority=100)
        try:
            return _WORKERS[os.getpid()].submit(work, *arguments).result(LONGEST_S)
        except (BrokenExecutor, TimeoutError) as error:
            _end_worker()
            what = "keeps the reader busy without end" if isinstance(error, TimeoutError) else "ends the reader"
            raise Undecodable(f"decoding it {what}") from None


def _end_worker() -> None:
    executor = _WORKERS.pop(os.getpid(), None)
    if executor is not None:
        executor.shutdown(kill_workers=True)


def _begin(parent: int) -> None:
    """Drop what decoders print about damage, since the refusal says it, and end with the parent, however that ends."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)
