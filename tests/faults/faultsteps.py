"""Faults at single steps of every command that writes: at each call that makes, renames, flushes or removes a file.

A command runs in a process of its own, which counts these calls below its folder and strikes at one of them. Afterwards
what was there before or the whole result has to be there, and the same command given again has to end as if nothing had
been, with nothing left beside it.
"""

from __future__ import annotations

import builtins
import errno
import io
import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults import faultjobs
from tests.faults.faultcommands import COMMANDS, Command, outcome, prepare

STEPS = ("mkdir", "open", "rename", "replace", "fsync", "unlink", "rmdir")
"""Calls of the operating system by which files and folders are made, put in place and removed."""
REFUSED = 2


@dataclass(frozen=True)
class Fault:
    """What happens to a command. `at`: share of its steps, or of its largest file, at which it happens."""

    kind: str
    at: float


KINDS = (
    "SIGKILL before a step",
    "SIGKILL after a step",
    "disk full at a step",
    "write torn",
    "started twice",
    "bit flipped",
)


def strike(where: str, kind: str, at: int, counted: str) -> None:
    """In the command's own process: count its steps below the folder `where`, and do what `kind` says at number `at`.

    The number of steps so far goes to the file `counted`.
    """
    from otolith.system import exchange

    count = 0

    def below(given: object) -> bool:
        try:
            path = os.readlink(f"/proc/self/fd/{given}") if isinstance(given, int) else os.fsdecode(given)  # type: ignore[arg-type]
        except (OSError, TypeError):
            return False
        return os.path.abspath(path).startswith(where)

    def now() -> bool:
        nonlocal count
        count += 1
        real_write(tally, b".")
        return count == at

    def around(call: Callable[..., Any], *, writes: Callable[..., bool] = lambda *a, **k: True) -> Callable[..., Any]:
        def counting(*args: Any, **kwargs: Any) -> Any:
            hit = bool(args) and below(args[0]) and writes(*args, **kwargs) and now()
            if hit and kind == "SIGKILL before a step":
                os.kill(os.getpid(), signal.SIGKILL)
            if hit and kind == "disk full at a step":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(args[0]))
            found = call(*args, **kwargs)
            if hit and kind == "SIGKILL after a step":
                os.kill(os.getpid(), signal.SIGKILL)
            return found

        return counting

    def for_writing(path: Any, mode: str = "r", *_: Any, **__: Any) -> bool:
        return any(letter in mode for letter in "wxa+")

    def creating(path: Any, flags: int, *_: Any, **__: Any) -> bool:
        return bool(flags & os.O_CREAT)

    real_write, tally = os.write, os.open(counted, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for name in STEPS:
        setattr(os, name, around(getattr(os, name), **({"writes": creating} if name == "open" else {})))
    exchange.exchanged = around(exchange.exchanged)
    io.open = builtins.open = around(io.open, writes=for_writing)  # type: ignore[assignment]


class Tormentor:
    """Prepares what the commands need in the folder `work`, and injects faults."""

    def __init__(self, work: Path, seed: int, names: tuple[str, ...] = tuple(COMMANDS)) -> None:
        faultjobs.prepare_processes()
        self.work, self.random = work, random.Random(seed)
        self.shared = prepare(work / "shared", names)
        self.names = names
        self._whole: dict[str, tuple[dict[str, Any], int, int]] = {}
        self._runs = 0

    def plan(self) -> Iterator[tuple[str, Fault]]:
        """Yield commands and faults without end, each kind in each command in turn."""
        while True:
            for kind in self.random.sample(KINDS, len(KINDS)):
                for name in self.random.sample(self.names, len(self.names)):
                    if kind != "bit flipped" or COMMANDS[name].read:
                        yield name, Fault(kind, self.random.random())

    def inject(self, name: str, fault: Fault) -> dict[str, Any]:
        """Inject a fault into a command, give the command again, and return a row that says what was lost."""
        command = COMMANDS[name]
        whole, steps, largest = self.undisturbed(name)
        place = self._place(command)
        before = outcome(command.out(place))
        began = time.monotonic()
        row: dict[str, Any] = {"command": name, "fault": fault.kind, "at": round(fault.at, 4), "lost": []}
        run = self._struck(command, place, fault, steps, largest, row)
        found = outcome(command.out(place))
        allowed = [before, whole] if command.whole else []
        if allowed and found not in allowed:
            row["lost"].append(f"neither the old nor the new is there: {_odd(whole, found)}")
        said = run.said()
        if run.code > 0 and (run.code != REFUSED or "Traceback" in said):
            row["lost"].append(f"ended with {run.code}: {said[-800:]}")
        row["ended"] = "killed" if run.code < 0 else "refused" if run.code else "done"
        again = self._start(command, place, again=True)
        if not again.ended() or not (again.code == 0 or (command.once and found == whole and again.code == REFUSED)):
            row["lost"].append(f"given again, it ended with {again.code}: {again.said()[-800:]}")
        if (last := outcome(command.out(place))) != whole:
            row["lost"].append(f"given again, it left something else: {_odd(whole, last)}")
        left = [path for path in place.rglob(".*") if command.may_stay not in path.name or not command.may_stay]
        if left:
            row["lost"].append(f"left behind: {[str(path.relative_to(place)) for path in left]}")
        row["seconds"] = round(time.monotonic() - began, 2)
        if not row["lost"]:
            shutil.rmtree(place, ignore_errors=True)
        return row

    def undisturbed(self, name: str) -> tuple[dict[str, Any], int, int]:
        """Return what the command leaves, the number of its steps, and the size of its largest file."""
        if name not in self._whole:
            command = COMMANDS[name]
            place = self._place(command)
            run, steps = self._counted(command, place)
            if run.code:
                raise RuntimeError(f"the undisturbed {name} ended with {run.code}:\n{run.said()}")
            out = command.out(place)
            sizes = [path.stat().st_size for path in ([out] if out.is_file() else out.rglob("*")) if path.is_file()]
            self._whole[name] = outcome(out), steps, max(sizes)
        return self._whole[name]

    def _counted(self, command: Command, place: Path) -> tuple[faultjobs.Running, int]:
        run = self._start(command, place, "count", 0)
        run.ended()
        return run, (place.parent / f"{place.name}.steps").stat().st_size

    def _struck(
        self, command: Command, place: Path, fault: Fault, steps: int, largest: int, row: dict[str, Any]
    ) -> faultjobs.Running:
        if fault.kind == "bit flipped":
            path = self.random.choice(sorted(each for each in command.read(place) if each.stat().st_size))
            blob = bytearray(path.read_bytes())
            blob[int(fault.at * len(blob))] ^= 1 << self.random.randrange(8)
            kept = path.read_bytes()
            path.write_bytes(bytes(blob))
            row["file"] = path.name
            run = self._start(command, place)
            run.ended()
            if path.exists() and run.code:  # refused: whoever owns the file brings it back
                path.write_bytes(kept)
            return run
        if fault.kind == "write torn":
            run = self._start(command, place, largest_file=int(1 + fault.at * largest))
        elif fault.kind == "started twice":
            run = self._start(command, place)
            time.sleep(fault.at * 0.3)
            other = self._start(command, place)
            other.ended()
            if other.code not in (0, REFUSED) or "Traceback" in other.said():
                row["lost"].append(f"the second ended with {other.code}: {other.said()[-800:]}")
        else:
            step = 1 + int(fault.at * steps)
            row["step"] = f"{step} of {steps}"
            run = self._start(command, place, fault.kind, step)
        run.ended()
        return run

    def _start(
        self, command: Command, place: Path, kind: str = "", at: int = 0, *, again: bool = False,
        largest_file: int | None = None,
    ) -> faultjobs.Running:  # fmt: skip
        self._runs += 1
        log = place.parent / f"{place.name}-{self._runs}.log"
        hook = (str(place), kind, at, str(place.parent / f"{place.name}.steps")) if kind else None
        return faultjobs.start(command.tokens(place, again), log, largest_file, hook)

    def _place(self, command: Command) -> Path:
        self._runs += 1
        place = self.work / f"{self._runs:04d}-{command.name}"
        shutil.copytree(self.shared, place)
        command.ready(place)
        return place


def _odd(whole: dict[str, Any], found: dict[str, Any]) -> list[str]:
    return sorted(name for name in whole.keys() | found.keys() if whole.get(name) != found.get(name))


def struck(row: dict[str, Any]) -> bool:
    """Return whether the fault of a row took place: a command that was killed or met a full disk does not end well."""
    return not (row["fault"].startswith(("SIGKILL", "disk full")) and row["ended"] == "done")


def table(rows: list[dict[str, Any]]) -> str:
    """Return how many faults of each kind each command survived, of how many that struck, as Markdown."""
    rows = [row for row in rows if struck(row)]
    commands = [name for name in COMMANDS if any(row["command"] == name for row in rows)]
    lines = [
        "| fault | " + " | ".join(f"`{name}`" for name in commands) + " | lost |",
        "|---" * (len(commands) + 2) + "|",
    ]
    for kind in KINDS:
        cells = []
        for name in commands:
            its = [row for row in rows if (row["fault"], row["command"]) == (kind, name)]
            cells.append(f"{sum(not row['lost'] for row in its)} of {len(its)}" if its else "")
        lost = sum(bool(row["lost"]) for row in rows if row["fault"] == kind)
        lines.append(f"| {kind} | " + " | ".join(cells) + f" | {lost} |")
    lost = sum(bool(row["lost"]) for row in rows)
    totals = [str(sum(row["command"] == name for row in rows)) for name in commands]
    return "\n".join([*lines, "| all | " + " | ".join(totals) + f" | {lost} of {len(rows)} |"]) + "\n"


def read(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
