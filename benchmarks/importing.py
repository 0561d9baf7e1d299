"""Importing many recordings without holding them: `python -m benchmarks.importing`.

Writes folders of CSV files as people record them, imports each in a process of its own, and prints recordings a second
and the most memory that no file backs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.memory import MemoryWatch
from benchmarks.tasks import fresh_processes
from otolith.recording import CHANNELS, STANDARD_GRAVITY

RATE_HZ, SECONDS = 50, 30
MANY = 1000
"""Files in one folder; more lie in several."""


def make(folder: Path, n: int) -> Path:
    """A folder of `n` tables with a header, a time column and the six channels, of 30 s at 50 Hz each."""
    import polars as pl

    rng = np.random.default_rng(0)
    samples = SECONDS * RATE_HZ
    root = folder / f"exports-{n}"
    for number in range(n):
        file = root / f"{number // MANY:03d}" / f"recording-{number:06d}.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        values = rng.standard_normal((6, samples))
        values[2] += STANDARD_GRAVITY
        columns = {"time (s)": np.arange(samples) / RATE_HZ + rng.uniform(0, 0.005, samples)}
        for channel, row in zip(CHANNELS, values, strict=True):
            columns[f"{channel} ({'m/s^2' if channel.startswith('acc') else 'rad/s'})"] = row
        pl.DataFrame(columns).write_csv(file, float_precision=6)
    return root


def imported(root: str, out: str) -> dict[str, float]:
    """Import a folder in this process: seconds, and bytes of memory at their most."""
    from otolith.importing import ImportOptions, import_recordings

    with MemoryWatch() as watch:
        began = time.perf_counter()
        import_recordings(root, out, ImportOptions(accept_guess=True))
        seconds = time.perf_counter() - began
    return {"seconds": seconds, "own": watch.own}


def main(arguments: list[str] | None = None) -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.importing", description=__doc__)
    parser.add_argument("--recordings", type=int, nargs="+", default=[100, 10_000], help="collections to import")
    given = parser.parse_args(arguments)
    sys.stdout.write("| recordings | size of the files | recordings a second | memory |\n|---|---|---|---|\n")
    with tempfile.TemporaryDirectory(prefix="otolith-importing-") as folder:
        for n in given.recordings:
            root = make(Path(folder), n)
            size = sum(file.stat().st_size for file in root.rglob("*.csv"))
            (found,) = fresh_processes(("imported", {"root": str(root), "out": str(Path(folder, f"set-{n}"))}))
            sys.stdout.write(
                f"| {n:,} | {size / 1e6:,.0f} MB | {n / found['seconds']:,.0f} | {found['own'] / 1e6:,.0f} MB |\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
