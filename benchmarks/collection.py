"""Cutting many recordings into windows without holding them: `python -m benchmarks.collection`.

Makes data set folders of recordings, cuts them with one worker and with two, each time in a process of its own, and
prints recordings a second and the most memory that no file backs, in the process that asks and in the largest worker.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.memory import MemoryWatch
from benchmarks.tasks import fresh_processes
from otolith.datasets.base import DatasetInfo
from otolith.datasets.folder import write_folder
from otolith.recording import CHANNELS, Recording, Segment, Stream

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


def cut(root: str, home: str, workers: int) -> dict[str, float]:
    """Cut a data set folder in this process: seconds, windows, and bytes of memory at their most."""
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
    given = parser.parse_args(arguments)
    sys.stdout.write(
        "| recordings | workers | windows | recordings a second | memory, asking process | memory, largest worker |\n"
        "|---|---|---|---|---|---|\n"
    )
    with tempfile.TemporaryDirectory(prefix="otolith-collection-") as folder:
        for n in (given.few, given.recordings):
            root = make(Path(folder), n)
            for workers in given.workers:
                home = str(Path(folder, f"cache-{n}-{workers}"))
                (found,) = fresh_processes(("cut", {"root": str(root), "home": home, "workers": workers}))
                worker = f"{found['worker'] / 1e6:,.0f} MB" if found["worker"] else "none"
                sys.stdout.write(
                    f"| {n:,} | {workers} | {found['windows']:,} | {n / found['seconds']:,.0f} | "
                    f"{found['own'] / 1e6:,.0f} MB | {worker} |\n"
                )
                sys.stdout.flush()


if __name__ == "__main__":
    main()
