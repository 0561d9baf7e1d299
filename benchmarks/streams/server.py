"""The real server in a process of its own, as a user starts it for phones, and the resources of that process."""

from __future__ import annotations

import os
import re
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from otolith.errors import DataError

SAMPLED_S = 0.25


@dataclass(eq=False)
class Server:
    """Addresses of a running server. `trusting` accepts its certificate."""

    url: str
    origin: str
    trusting: ssl.SSLContext
    process: psutil.Process

    @property
    def socket(self) -> str:
        return self.url.replace("https", "wss", 1) + "stream"

    @property
    def address(self) -> tuple[str, int]:
        host, _, port = self.origin.removeprefix("https://").partition(":")
        return host, int(port)


@contextmanager
def started(model: Path, options: Sequence[str]) -> Iterator[Server]:
    """`otolith live MODEL --lan` under the name localhost: encrypted, with its token, on a free port.

    Raises:
        DataError: the server does not start; the message holds its output.
    """
    with tempfile.TemporaryDirectory(prefix="otolith-") as home, (Path(home) / "server.txt").open("w+") as said:
        command = [sys.executable, "-m", "otolith", "live", str(model), "--lan", "--address", "localhost"]
        environment = os.environ | {"OTOLITH_HOME": home, "COLUMNS": "500"}
        process = subprocess.Popen([*command, "--port", "0", *options], stdout=said, stderr=said, env=environment)
        try:
            found = None
            while found is None:
                text = (Path(home) / "server.txt").read_text("utf-8")
                found = re.search(r"(https://localhost:\d+)/[\w-]{22}/(?=[^c])", text)
                if found is None and process.poll() is not None:
                    raise DataError(f"the server did not start:\n{text}")
                time.sleep(0.05)
            trusting = ssl.create_default_context(cafile=str(Path(home) / "live" / "certificate.pem"))
            yield Server(found[0], found[1], trusting, psutil.Process(process.pid))
            if process.poll() is not None:
                raise DataError(f"the server ended by itself:\n{(Path(home) / 'server.txt').read_text('utf-8')}")
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@dataclass(eq=False)
class Use:
    """Processor time and memory of the server while the block runs."""

    process: psutil.Process
    cpu_share: float = 0.0
    """Of one core."""
    rss_bytes: list[int] = field(default_factory=list)
    """Resident memory, each `SAMPLED_S`."""

    def __enter__(self) -> Use:
        self._began, self._cpu, self._over = time.perf_counter(), self._seconds(), threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.cpu_share = (self._seconds() - self._cpu) / (time.perf_counter() - self._began)

    def _seconds(self) -> float:
        used = self.process.cpu_times()
        return float(used.user + used.system)

    def _watch(self) -> None:
        while True:
            self.rss_bytes.append(int(self.process.memory_info().rss))
            if self._over.wait(SAMPLED_S):
                return
