"""Many recordings, predicted here and by a Ray cluster of which a worker dies: `python -m benchmarks.many`.

Writes files of an hour each, of invented signals, and predicts them all with all tables and the page: by processes of
this machine, then by a local Ray cluster of as many workers, one of which is killed in the middle. Prints seconds,
memory that no file backs (of the process that asks, and the most of one of its children), and whether all tables are
the same.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks import predicting, weeks
from benchmarks.memory import anonymous_bytes

TABLES = ("intervals", "days", "hours", "recordings", "totals")
EVERY_S = 0.2
WORKER = "ray::predict_on_cluster"
"""What a worker of the cluster calls its process while it works."""


def write(folder: Path, hours: int, rate_hz: int) -> Path:
    """Write one hour of a long signal after another, each as a file of its own; return their folder."""
    (folder / "study").mkdir()
    whole = weeks.write(folder / "whole.parquet", hours, rate_hz)
    import polars as pl

    for hour in range(hours):
        part = pl.scan_parquet(whole).slice(hour * 3600 * rate_hz, 3600 * rate_hz)
        part.sink_parquet(folder / "study" / f"person-{hour // 24:03d}-hour-{hour % 24:02d}.parquet")
    whole.unlink()
    return folder / "study"


def predict(model: Path, study: Path, out: Path, workers: int, *, ray: bool, kill_after_s: float) -> dict[str, float]:
    """Predict a folder in a process of its own; return seconds, memory in bytes, and how many workers were killed."""
    arguments = ["predict", str(model), str(study), "--device", "cpu", "--yes", "--out", str(out)]
    arguments += ["--executor", "ray"] if ray else ["--workers", str(workers)]
    began, killed, own, child = time.perf_counter(), 0, 0, 0
    with tempfile.TemporaryFile("w+") as said:
        command = [sys.executable, "-m", "otolith", *arguments]
        process = subprocess.Popen(command, stdout=said, stderr=said, env=os.environ | {"OMP_NUM_THREADS": "1"})
        here = psutil.Process(process.pid)
        while process.poll() is None:
            time.sleep(EVERY_S)
            with contextlib.suppress(psutil.Error, OSError):
                own = max(own, anonymous_bytes(process.pid))
                for each in here.children(recursive=True):
                    child = max(child, anonymous_bytes(each.pid))
                    if ray and not killed and time.perf_counter() - began > kill_after_s and _works(each):
                        os.kill(each.pid, signal.SIGKILL)
                        killed += 1
        if process.returncode:
            said.seek(0)
            raise RuntimeError(f"otolith {' '.join(arguments)} ended with {process.returncode}:\n{said.read()[-2000:]}")
    return {"seconds": time.perf_counter() - began, "own": own, "child": child, "killed": killed}


def _works(process: psutil.Process) -> bool:
    return (process.cmdline() or [""])[0].startswith(WORKER)


def main(arguments: list[str] | None = None) -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.many", description=__doc__)
    parser.add_argument("--hours", type=int, default=1000, help="recordings of an hour each")
    parser.add_argument("--rate", type=int, default=50, help="Hz")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--folder", type=Path, default=None, help="disk to work on; default: that of temporary files")
    parser.add_argument("--model", type=Path, default=None, help="default: an untrained one of the compact recipe")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        study = write(folder, given.hours, given.rate)
        model = given.model or predicting.model(folder)
        here = predict(model, study, folder / "here", given.workers, ray=False, kill_after_s=0)
        there = predict(model, study, folder / "there", given.workers, ray=True, kill_after_s=here["seconds"] / 2)
        texts = [[(folder / out / f"{table}.csv").read_bytes() for table in TABLES] for out in ("here", "there")]
        sys.stdout.write(
            "| hours | by | seconds | workers killed | memory of the asking process | of the largest child |\n"
            "|---|---|---|---|---|---|\n"
        )
        for title, found in ((f"{given.workers} processes", here), ("Ray on this machine", there)):
            sys.stdout.write(
                f"| {given.hours} at {given.rate} Hz | {title} | {found['seconds']:.0f} | {found['killed']} "
                f"| {found['own'] / 1e6:.0f} MB | {found['child'] / 1e6:.0f} MB |\n"
            )
        same = texts[0] == texts[1]
        sys.stdout.write(f"All tables are {'the same' if same else 'NOT the same'}.\n")
        if not (same and there["killed"]):
            sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
