"""A disk that is really full: a job in a small file system in memory, which grows each time it refused a write.

Needs Linux and its `unshare`; where a user may not make such a file system, the harness says so.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults import faultjobs
from tests.faults.faultjobs import Job

if TYPE_CHECKING:
    from tests.faults.faultharness import Harness, Whole

FAULT = "disk full"
SIZES = (65_536, 200_000, 500_000, 1_000_000, 2_000_000)
"""Bytes of the disk, one after another; then there is room enough."""
ROOM = 10**9


def fill(harness: Harness, job: Job, whole: Whole) -> None:
    """Run a job on a disk that is full several times, and compare how it ends."""
    place = harness.work / f"disk-{job.name.replace(' ', '-')}"
    place.mkdir()
    given, found = place / "given.pickle", place / "found.pickle"
    given.write_bytes(pickle.dumps((job, place)))
    apart = ["unshare", "--user", "--map-root-user", "--mount"]
    done = subprocess.run(
        [*apart, sys.executable, "-m", __name__, given, found], capture_output=True, text=True, check=False
    )
    if not found.exists():
        harness.say(f"{job.name}: no small disk can be made here: {done.stderr.strip()[-200:]}")
        return
    refusals, code, outcome, said = pickle.loads(found.read_bytes())
    line = harness.table.line(FAULT, job.name)
    line.injected += len(refusals)
    bad = [text for text in refusals if "No space left on device" not in text or "Traceback" in text]
    odd = faultjobs.differences(whole.outcome, outcome)
    if code or odd or bad:
        harness.table.wrong.append(f"{place}: ended with {code}; other than undisturbed: {odd}\n{bad}\n{said[-2000:]}")
    else:
        line.survived += len(refusals)
    harness.say(f"{job.name}: the disk was full {len(refusals)} times")


def _inside(given: Path, found: Path) -> None:
    """In a name space of its own: mount a disk, run the job until it ends well, keep what was said each time."""
    job: Job
    job, place = pickle.loads(given.read_bytes())
    disk = place / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZES[0]}", "tmpfs", disk], check=True)
    faultjobs.prepare_processes()
    refusals: list[str] = []
    for size in (*SIZES, ROOM):
        subprocess.run(["mount", "-o", f"remount,size={size}", disk], check=True)
        run = faultjobs.start(job.at(disk / "out", again=True), place / f"{size}.log")
        run.ended()
        if run.code == 0:
            break
        refusals.append(run.said())
    found.write_bytes(pickle.dumps((refusals, run.code, faultjobs.outcome(disk / "out"), run.said())))


if __name__ == "__main__":
    _inside(Path(sys.argv[1]), Path(sys.argv[2]))
