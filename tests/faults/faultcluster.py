"""Kill the head of a Ray cluster in the middle of a comparison, start another one, and give the same command again.

`python -m tests.faults --job cluster` does it, in some two minutes: Ray itself waits one for the head that is gone.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from otolith import rows
from tests.helpers.commandline import SET, make_set

PORT = 6399
ADDRESS = f"127.0.0.1:{PORT}"
SEEDS, BEFORE = 3, 2
"""Seeds of two methods, and the rows after which the head is killed."""
STARTS_S = 120.0


@contextmanager
def head(place: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A cluster of one node, in processes of a group of its own, which end with the block."""
    command = ["ray", "start", "--head", "--port", str(PORT), "--num-cpus", "1", "--block", "--temp-dir", str(place)]
    log = place.with_suffix(".log").open("wb")
    with log, subprocess.Popen(command, env=_environment(), stdout=log, stderr=log, start_new_session=True) as process:
        try:
            until = time.monotonic() + STARTS_S
            asking = ["ray", "status", "--address", ADDRESS]
            while subprocess.run(asking, env=_environment(), capture_output=True, check=False).returncode:
                if time.monotonic() > until or process.poll() is not None:
                    raise RuntimeError(f"no cluster came up: {place.with_suffix('.log').read_text('utf-8', 'replace')}")
                time.sleep(1)
            yield process
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def torment(work: Path, say: Callable[[str], None]) -> list[str]:
    """Return what was wrong."""
    moves, out = make_set(work / "moves"), work / "out"
    command = ["compare", "representation", "--dataset", moves, "--method", "csshar", "--method", "random", *SET]
    command += ["--seeds", SEEDS, "--out", out, "--executor", "ray", "--address", ADDRESS]

    def begin() -> subprocess.Popen[str]:
        tokens = [sys.executable, "-m", "otolith", *map(str, command)]
        return subprocess.Popen(tokens, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    with head(work / "first"):
        comparing = begin()
        while len(_kept(out)) < BEFORE and comparing.poll() is None:
            time.sleep(0.2)
    said, _ = comparing.communicate(timeout=400)
    before = _kept(out)
    say(f"the head was killed after {len(before)} rows; the command ended with {comparing.returncode}")
    wrong = [] if comparing.returncode else [f"it ended well before its head was killed:\n{said}"]
    with head(work / "second"):
        again = begin()
        said, _ = again.communicate(timeout=400)
    after = _kept(out)
    say(f"given again: ended with {again.returncode}, {len(after)} rows, {len(set(after))} of them different")
    if again.returncode or len(after) != 2 * SEEDS or len(set(after)) != len(after):
        wrong.append(f"given again, it ended with {again.returncode} and {len(after)} rows:\n{said[-2000:]}")
    if after[: len(before)] != before:
        wrong.append("rows of before are gone")
    return wrong


def _kept(out: Path) -> list[str]:
    path = out / "rows.jsonl"
    return [rows.key_hash(row.key) for row in rows.scan(path).rows] if path.exists() else []


def _environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "RAY_AUTH_MODE": "disabled"}
