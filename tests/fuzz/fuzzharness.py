"""Runs the examples of each reader in processes of their own, under a watchdog, and adds up what came of them."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from tests.fuzz import fuzzchild
from tests.fuzz.fuzzchild import DONE, INDEX, PEAK, VERDICTS

POLL_S = 0.05
PRELOADED = [
    "otolith.cli.app",
    "otolith.model.bundle",
    "otolith.pipeline",
    "otolith.importing.read",
    "tests.fuzz.fuzzchild",
    "torch",
]


@dataclass
class Outcome:
    """Of one reader: how many examples ended how, and everything that was found."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(VERDICTS, 0))
    peak_mb: float = 0.0
    seconds: float = 0.0
    found: list[dict[str, Any]] = field(default_factory=list)

    @property
    def tried(self) -> int:
        return sum(self.counts.values())

    @property
    def bad(self) -> int:
        return sum(self.counts[verdict] for verdict in VERDICTS[2:])


def prepare_processes() -> None:
    """Import once what all readers need, in a process that the others are forked from."""
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = os.environ["POLARS_MAX_THREADS"] = "1"
    here = Path(__file__).parents[2]
    paths = [str(here), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    multiprocessing.set_forkserver_preload(PRELOADED)


def run(
    name: str,
    folder: Path,
    seed: int,
    count: int,
    *,
    hang_s: float = 5.0,
    advance: Callable[[int], None] = lambda n: None,
    child: Callable[..., None] = fuzzchild.work,
) -> Outcome:
    """Try examples 0 to `count` of a reader.

    Args:
        hang_s: seconds of computing (or six times as many of waiting) after which an example hangs.
        advance: told how many examples were done since the last call.
        child: what runs in the processes; tests plant faults by it.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True)
    np.zeros(8).tofile(folder / "state")
    state = np.memmap(folder / "state", np.float64, "r+", shape=(8,))
    context = multiprocessing.get_context("forkserver")
    out = Outcome()
    began, first, shown = time.monotonic(), 0, 0

    def tell(done: int) -> None:
        nonlocal shown
        advance(max(0, done - shown))
        shown = max(shown, done)

    while first < count and not state[DONE]:
        state[INDEX] = -1
        process = context.Process(target=child, args=(name, str(folder), seed, (first, count)))
        process.start()
        hung = _watch(process, state, hang_s, tell)
        if state[DONE]:
            break
        number = int(state[INDEX])
        if number < 0:
            raise RuntimeError(f"{name}: its process ended before the first example:\n{_tail(folder)}")
        verdict = "HANG" if hung else "CRASH"
        what = f"over {hang_s:g} s" if hung else f"the process ended ({_why(process.exitcode)})"
        out.found.append({"verdict": verdict, "number": number, "what": f"{what} {_place(folder)}", "trace": ""})
        state[VERDICTS.index(verdict)] += 1
        first = number + 1
    with contextlib.suppress(FileNotFoundError):
        out.found += [json.loads(line) for line in (folder / "found.jsonl").read_text().splitlines()]
    out.counts = {verdict: int(n) for verdict, n in zip(VERDICTS, state, strict=False)}
    out.peak_mb, out.seconds = float(state[PEAK]), time.monotonic() - began
    tell(count)
    return out


def _watch(process: Any, state: Any, hang_s: float, advance: Callable[[int], None]) -> bool:
    """Wait for the end of a process; kill it where one example takes too long, and say whether that was so."""
    number, since, spent, limit = None, 0.0, 0.0, hang_s
    while True:
        process.join(POLL_S)
        if process.exitcode is not None:
            return False
        now, used = time.monotonic(), _computed(process.pid)
        if state[INDEX] != number:
            number, since, spent = state[INDEX], now, used
            limit = hang_s if number >= 0 else max(60.0, hang_s)  # before the first example much is made
            if number >= 0:
                advance(int(number))
        elif used - spent > limit or now - since > 6 * limit:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGUSR1)  # writes down where it is
            process.join(0.3)
            process.kill()
            process.join()
            return True


def _computed(pid: int) -> float:
    with contextlib.suppress(psutil.Error):
        times = psutil.Process(pid).cpu_times()
        return float(times.user + times.system)
    return 0.0


def _why(code: int | None) -> str:
    return signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"


def _tail(folder: Path) -> str:
    return (folder / "log").read_text("utf-8", "replace")[-3000:]


def _place(folder: Path) -> str:
    """The innermost line of otolith in the last stack that was written down."""
    stack = _tail(folder).rpartition("most recent call first")[2]
    ours = re.search(r'otolith[/\\]([^"]*)", line (\d+)', stack)
    return f"at {Path(ours[1]).name}:{ours[2]}" if ours else ""


def again(name: str, seed: int, number: int) -> str:
    """The command that tries one example again."""
    return f"{Path(sys.executable).name} -m tests.fuzz --seed {seed} --reader {name} --only {number}"
