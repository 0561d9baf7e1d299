"""Cutting many recordings into windows without holding them: `python -m benchmarks.collection`.

Makes data set folders of recordings, cuts them with one worker and with two, each time in a process of its own, and
prints recordings a second and the most memory that no file backs, in the process that asks and in the largest worker.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from otolith.datasets.base import DatasetInfo
from otolith.datasets.folder import write_folder
from otolith.recording import CHANNELS, Recording, Segment, Stream

EVERY_S = 0.02
LONGEST_S = 6 * 3600
"""Seconds of one recording among the small ones."""


def recordings(n: int) -> Iterator[Recording]:
    """Recordings of 10 to 120 s at 50 Hz, every other one with time stamps, and one of hours in the middle."""
    rng = np.random.default_rng(0)
    for number in range(n):
        seconds = LONGEST_S if number == n // 2 else float(rng.uniform(10, 120))
        samples = int(seconds * 50)
        times = np.arange(samples) / 50 + rng.uniform(0, 0.005, samples) if number % 2 else None
        stream = Stream(CHANNELS, rng.standard_normal((6, samples), np.float32), 50.0, times)
        yield Recording(f"recording-{number:06d}", number % 500, (stream,), (Segment(0, None, "walk"),))


def make(folder: Path, n: int) -> Path:
    """A data set folder of `n` recordings."""
    info = DatasetInfo(
        name=f"collection-{n}",
        title="made up",
        rate_hz=50.0,
        activities=("walk",),
        n_subjects=None,
        n_recordings=None,
        licence="none",
        terms="none",
        citation="",
        homepage="",
        how_to_get="made by benchmarks.collection",
        own=True,
    )
    return write_folder(folder / f"collection-{n}", info, recordings(n))


class MemoryWatch:
    """The most anonymous memory of this process, and of any of its children, in bytes."""

    def __init__(self) -> None:
        import psutil

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
        import psutil

        while not self._done.wait(EVERY_S):
            self.own = max(self.own, _anonymous(self.me.pid))
            for child in self.me.children(recursive=True):
                try:
                    self.child = max(self.child, _anonymous(child.pid))
                except (psutil.Error, OSError):
                    continue


def _anonymous(pid: int) -> int:
    """Resident memory of a process that no file backs; where the system does not tell, all that is resident."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    import psutil

    return int(psutil.Process(pid).memory_info().rss)


def cut(root: str, home: str, workers: int) -> dict[str, float]:
    """Cut a data set folder in this process."""
    from otolith.datasets.folder import FolderDataset
    from otolith.windows.cache import windows_for

    with MemoryWatch() as watch:
        data = FolderDataset(Path(root))
        began = time.perf_counter()
        w = windows_for(data, folder=home, workers=workers)
        seconds = time.perf_counter() - began
    return {"seconds": seconds, "windows": len(w), "own": watch.own, "worker": watch.child}


def main(arguments: list[str] | None = None) -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.collection", description=__doc__)
    parser.add_argument("--recordings", type=int, default=10_000)
    parser.add_argument("--few", type=int, default=100, help="the collection to compare with")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--cut", nargs=3, metavar=("ROOT", "HOME", "WORKERS"), help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.cut:
        root, home, workers = given.cut
        sys.stdout.write(json.dumps(cut(root, home, int(workers))) + "\n")
        return
    sys.stdout.write(
        "| recordings | workers | windows | recordings a second | memory, asking process | memory, largest worker |\n"
        "|---|---|---|---|---|---|\n"
    )
    with tempfile.TemporaryDirectory(prefix="otolith-collection-") as folder:
        for n in (given.few, given.recordings):
            root = make(Path(folder), n)
            for workers in given.workers:
                home = Path(folder, f"cache-{n}-{workers}")
                command = [sys.executable, "-m", "benchmarks.collection"]
                command += ["--cut", str(root), str(home), str(workers)]
                done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
                found = json.loads(done.stdout)
                worker = f"{found['worker'] / 1e6:,.0f} MB" if found["worker"] else "none"
                sys.stdout.write(
                    f"| {n:,} | {workers} | {found['windows']:,} | {n / found['seconds']:,.0f} | "
                    f"{found['own'] / 1e6:,.0f} MB | {worker} |\n"
                )
                sys.stdout.flush()


if __name__ == "__main__":
    main()
