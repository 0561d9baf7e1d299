"""Memory of processes, in bytes. PyTorch is not imported here, so that it does not count where it is not used."""

from __future__ import annotations

import os
import resource
import sys
import threading
from pathlib import Path

import psutil

EVERY_S = 0.02


def peak_bytes() -> int:
    """Return the most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def anonymous_bytes(pid: int | None = None) -> int:
    """Return the resident memory of a process (default: this one) that no file backs.

    Where the system does not tell, all that is resident.
    """
    pid = os.getpid() if pid is None else pid
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return int(psutil.Process(pid).memory_info().rss)


class MemoryWatch:
    """The most anonymous memory of this process (`own`), and of any of its children (`child`), in bytes."""

    def __init__(self) -> None:
        self.me = psutil.Process()
        self.own = self.child = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(EVERY_S):
            self.own = max(self.own, anonymous_bytes())
            for child in self.me.children(recursive=True):
                try:
                    self.child = max(self.child, anonymous_bytes(child.pid))
                except (psutil.Error, OSError):
                    continue
