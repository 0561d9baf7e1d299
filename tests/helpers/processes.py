"""What another process says, waited for no longer than it may take."""

from __future__ import annotations

import os
import queue
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


class Told:
    """The lines of a stream, read as they come, so that the process never waits for a reader."""

    def __init__(self, stream: IO[str]) -> None:
        self.lines: list[str] = []
        self._coming: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._stream = stream
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._stream:
            self._coming.put(line)
        self._coming.put(None)

    def find(self, pattern: str, seconds: float = 120.0) -> re.Match[str]:
        """Return the first match in a line to come; an end or silence is a failure that says what came before."""
        while True:
            try:
                line = self._coming.get(timeout=seconds)
            except queue.Empty:
                raise AssertionError(f"nothing came for {seconds:g} s after:\n{''.join(self.lines)}") from None
            if line is None:
                raise AssertionError(f"it ended after:\n{''.join(self.lines)}")
            self.lines.append(line)
            if found := re.search(pattern, line):
                return found

    def rest(self, seconds: float = 30.0) -> str:
        """Return all lines, once the process has ended."""
        self._reader.join(seconds)
        assert not self._reader.is_alive(), "the stream did not end with its process"
        while not self._coming.empty():
            if (line := self._coming.get()) is not None:
                self.lines.append(line)
        return "".join(self.lines)

    def close(self) -> None:
        """Close the stream, once the process that writes it has ended."""
        self._reader.join(30)
        self._stream.close()


@contextmanager
def killed_worker(begins: str) -> Iterator[list[int]]:
    """Kill the first process whose command begins so while this goes on; the list then holds its number."""
    killed: list[int] = []
    over = threading.Event()
    killer = threading.Thread(target=lambda: killed.extend(_kill_first(begins, over)), daemon=True)
    killer.start()
    try:
        yield killed
    finally:
        over.set()
        killer.join(30)


def _kill_first(begins: str, over: threading.Event) -> list[int]:
    while not over.wait(0.02):
        for entry in Path("/proc").iterdir():
            try:
                name = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
            except OSError:  # gone meanwhile
                continue
            if name.startswith(begins.encode()):
                os.kill(int(entry.name), signal.SIGKILL)
                return [int(entry.name)]
    return []
