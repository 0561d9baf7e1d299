"""Kill a node of a Ray cluster in the middle of a comparison, then the head of one, which another one replaces.

`python -m tests.faults --job cluster` does it, in some four minutes: Ray itself waits one for a head that is gone.
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
def head(place: Path, cpus: int = 1) -> Iterator[subprocess.Popen[bytes]]:
    """The head of a cluster, in processes of a group of its own, which are killed at the end of the block."""
    options = ["--head", "--port", str(PORT), "--temp-dir", str(place)]
    with _started(place, [*options, "--num-cpus", str(cpus)]) as process:
        until = time.monotonic() + STARTS_S
        asking = ["ray", "status", "--address", ADDRESS]
        while subprocess.run(asking, env=_environment(), capture_output=True, check=False).returncode:
            if time.monotonic() > until or process.poll() is not None:
                raise RuntimeError(f"no cluster came up: {place.with_suffix('.log').read_text('utf-8', 'replace')}")
            time.sleep(1)
        yield process


@contextmanager
def _started(place: Path, options: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    log = place.with_suffix(".log").open("wb")
    command = ["ray", "start", *options, "--block"]
    with log, subprocess.Popen(command, env=_environment(), stdout=log, stderr=log, start_new_session=True) as process:
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def _begun(moves: Path, out: Path) -> subprocess.Popen[str]:
    """A comparison of two methods on the cluster."""
    command = ["compare", "representation", "--dataset", moves, "--method", "csshar", "--method", "random", *SET]
    command += ["--seeds", SEEDS, "--out", out, "--executor", "ray", "--address", ADDRESS]
    tokens = [sys.executable, "-m", "otolith", *map(str, command)]
    return subprocess.Popen(tokens, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def lose_a_node(work: Path, say: Callable[[str], None]) -> list[str]:
    """Kill the only node that computes, let another one join, and return what was wrong."""
    moves, out = make_set(work / "moves"), work / "out"
    node = ["--address", ADDRESS, "--num-cpus", "1"]
    with head(work / "head", cpus=0):
        with _started(work / "first-node", node):
            comparing = _begun(moves, out)
            while len(_kept(out)) < BEFORE and comparing.poll() is None:
                time.sleep(0.2)
        before = _kept(out)
        say(f"the node was killed after {len(before)} rows")
        with _started(work / "second-node", node):
            said, _ = comparing.communicate(timeout=400)
    after = _kept(out)
    say(f"ended with {comparing.returncode}, {len(after)} rows, {len(set(after))} of them different")
    complete = len(after) == len(set(after)) == 2 * SEEDS and after[: len(before)] == before
    if comparing.returncode or not complete or len(before) == 2 * SEEDS:
        return [
            f"a node was lost: ended with {comparing.returncode}, {len(before)} and {len(after)} rows:\n{said[-2000:]}"
        ]
    return []


def torment(work: Path, say: Callable[[str], None]) -> list[str]:
    """Return what was wrong."""
    moves, out = make_set(work / "moves"), work / "out"
    with head(work / "first"):
        comparing = _begun(moves, out)
        while len(_kept(out)) < BEFORE and comparing.poll() is None:
            time.sleep(0.2)
    said, _ = comparing.communicate(timeout=400)
    before = _kept(out)
    say(f"the head was killed after {len(before)} rows; the command ended with {comparing.returncode}")
    wrong = [] if comparing.returncode else [f"it ended well before its head was killed:\n{said}"]
    with head(work / "second"):
        again = _begun(moves, out)
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
