"""A disk that is really full: a job in a small file system in memory, which grows a little each time it refused a write.

Needs Linux and its `unshare`; where a user may not make such a file system, the table says so.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))

import faultjobs
from faultjobs import Job

if TYPE_CHECKING:
    from faultharness import Harness, Whole

FAULT = "disk full"
STEPS = (0.02, 0.15, 0.4, 0.8)
"""Sizes of the disk, in parts of what the finished job takes; then there is room."""


def fill(harness: Harness, job: Job, whole: Whole) -> None:
    """Run a job on a disk that is full several times, and compare how it ends."""
    place = harness.work / f"disk-{job.name.replace(' ', '-')}"
    place.mkdir()
    given, found = place / "given.pickle", place / "found.pickle"
    given.write_bytes(pickle.dumps((job, str(place), whole.seconds)))
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", sys.executable, __file__, str(given), str(found)],
        capture_output=True,
        text=True,
        check=False,
    )
    if not found.exists():
        harness.say(
            f"{job.name}: no small disk can be made here: {(done.stderr.strip() or 'no reason').splitlines()[-1]}"
        )
        return
    refusals, code, outcome, said = pickle.loads(found.read_bytes())
    line = harness.table.line(FAULT, job.name)
    line.injected += len(refusals)
    bad = [text for text in refusals if "cannot be" not in text and "cannot add" not in text]
    bad += [text for text in refusals if "No space left" not in text or "Traceback" in text]
    odd = faultjobs.differences(whole.outcome, outcome)
    if code or odd or bad:
        harness.table.wrong.append(f"{place}: ended with {code}; other than undisturbed: {odd}\n{bad}\n{said[-2000:]}")
    else:
        line.survived += len(refusals)
    harness.say(f"{job.name}: the disk was full {len(refusals)} times")


def _inside(given: Path, found: Path) -> None:
    """In a namespace of its own: mount, run until it ends, note what was said each time."""
    job, place, seconds = pickle.loads(given.read_bytes())
    disk = Path(place) / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], check=True)
    faultjobs.prepare_processes()
    refusals: list[str] = []
    out = disk / "out"
    needed = 0
    sizes = iter([65_536, 200_000, 500_000, 1_000_000, 2_000_000])
    while True:
        size = next(sizes, None)
        subprocess.run(["mount", "-o", f"remount,size={size or 10**9}", str(disk)], check=True)
        run = faultjobs.start(job.at(out, again=True), Path(place) / f"{len(refusals)}.log")
        run.ended()
        if run.code == 0 or size is None:
            break
        refusals.append(run.said())
    del needed, seconds
    found.write_bytes(pickle.dumps((refusals, run.code, faultjobs.outcome(out), run.said())))


if __name__ == "__main__":
    _inside(Path(sys.argv[1]), Path(sys.argv[2]))
