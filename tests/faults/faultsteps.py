"""Faults at single steps of every command that writes: at each call that makes, renames, flushes or removes a file.

A command runs in a process of its own, which counts these calls below its folder and strikes at one of them. Afterwards
what was there before or the whole result has to be there, and the same command given again has to end as if nothing had
been, with nothing left beside it.
"""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults import faultjobs
from tests.faults.faultcommands import COMMANDS, HOME, ROWS, Command, outcome, prepare
from tests.faults.faultstrike import AFTER, BEFORE, FLIPPED, FULL, TORN, TWICE, WITHIN, Strike, counts

REFUSED = 2
KINDS = (BEFORE, AFTER, WITHIN, FULL, TORN, TWICE, FLIPPED)


@dataclass(frozen=True)
class Fault:
    """What happens to a command. `at`: share of its steps, or of a file, at which it happens."""

    kind: str
    at: float


@dataclass(frozen=True)
class Whole:
    """An undisturbed command: what it leaves and what is beside it, its steps, the sizes of its files, its seconds."""

    outcome: dict[str, Any]
    spoilt: dict[str, Any]
    names: frozenset[str]
    steps: int
    sizes: tuple[int, ...]
    seconds: float


class Tormentor:
    """Prepares what the commands need in the folder `work`, and injects faults."""

    def __init__(self, work: Path, seed: int, names: tuple[str, ...] = tuple(COMMANDS)) -> None:
        faultjobs.prepare_processes(*(faultjobs.EXPORTING if "export" in names else ()))
        self.work, self.random = work, random.Random(seed)
        self.shared = prepare(work / "shared", names)
        self.names = names
        self._whole: dict[str, Whole] = {}
        self._runs = 0

    def plan(self) -> Iterator[tuple[str, Fault]]:
        """Yield commands and faults without end, each kind in each command in turn."""
        pairs = [(name, kind) for name in self.names for kind in KINDS]
        while True:
            for name, kind in self.random.sample(pairs, len(pairs)):
                yield name, Fault(kind, self.random.random())

    def inject(self, name: str, fault: Fault) -> dict[str, Any]:
        """Inject a fault into a command, give the command again, and return a row that says what was lost."""
        command = COMMANDS[name]
        whole = self.undisturbed(name)
        place = self._place(command)
        before = outcome(command.out(place))
        began = time.monotonic()
        row: dict[str, Any] = {"command": name, "fault": fault.kind, "at": round(fault.at, 4)}
        row |= {"struck": True, "lost": []}
        run = self._struck(command, place, fault, whole, row)
        spoilt = row.get("file", "") == ROWS  # its damaged line stays, and is named
        found, wanted = outcome(command.out(place), spoilt), whole.spoilt if spoilt else whole.outcome
        fewer = spoilt and command.leaves_out
        allowed = [before, wanted] if command.whole and not fewer else []
        if allowed and found not in allowed:
            row["lost"].append(f"neither the old nor the new is there: {_odd(wanted, found)}")
        self._judge(run, place, row)
        row["ended"] = "killed" if run.code < 0 else "refused" if run.code else "done"
        again = self._start(command, place, again=True)
        done = command.once and found == wanted and again.ended() and again.code == REFUSED
        if not again.ended() or not (again.code == 0 or done):
            row["lost"].append(f"given again, it ended with {again.code}: {again.said()[-800:]}")
        if (last := outcome(command.out(place), spoilt)) != wanted and not fewer:
            row["lost"].append(f"given again, it left something else: {_odd(wanted, last)}")
        beside = [path for path in place.iterdir() if path.name not in whole.names]
        if left := sorted({str(path.relative_to(place)) for path in (*place.rglob(".*"), *beside)}):
            row["lost"].append(f"left behind: {left}")
        row["seconds"] = round(time.monotonic() - began, 2)
        if not row["lost"]:
            shutil.rmtree(place, ignore_errors=True)
        return row

    def undisturbed(self, name: str) -> Whole:
        """Return what the command leaves, after it has run once with nothing in its way."""
        if name not in self._whole:
            command = COMMANDS[name]
            place = self._place(command)
            self._start(command, place).ended()  # what is kept from the first time on is kept now
            shutil.rmtree(place)
            place = self._place(command)
            run = self._start(command, place)
            run.ended()
            seconds = time.monotonic() - run.began
            if run.code:
                raise RuntimeError(f"the undisturbed {name} ended with {run.code}:\n{run.said()}")
            out = command.out(place)
            files = [out] if out.is_file() else out.rglob("*")
            sizes = tuple(sorted({path.stat().st_size for path in files if path.is_file()} - {0}))
            self._whole[name] = Whole(
                outcome(out),
                outcome(out, True),
                frozenset(path.name for path in place.iterdir()),
                counts(self._tally(place))[0],
                sizes,
                seconds,
            )
        return self._whole[name]

    def _judge(self, run: faultjobs.Running, place: Path, row: dict[str, Any]) -> None:
        """Note a command that ended by itself, but neither well nor with an error that names a file."""
        said = run.said()
        if run.code > 0 and (run.code != REFUSED or "Traceback" in said or "Error: " not in said):
            row["lost"].append(f"ended with {run.code}: {said[-800:]}")
        elif run.code > 0 and str(place) not in said:
            row["lost"].append(f"its error names no file: {said[-800:]}")

    def _struck(
        self, command: Command, place: Path, fault: Fault, whole: Whole, row: dict[str, Any]
    ) -> faultjobs.Running:
        if fault.kind == FLIPPED:
            return self._flipped(command, place, fault, whole, row)
        if fault.kind == TWICE:
            run = self._start(command, place)
            time.sleep(fault.at * whole.seconds)
            other = self._start(command, place)
            other.ended()
            run.ended()
            row["second"] = "refused" if other.code else "done"
            self._judge(other, place, row)
            return run
        if fault.kind in (WITHIN, TORN):
            at = int(fault.at * self.random.choice(whole.sizes))
            row["step"] = f"byte {at}"
        else:
            at = 1 + int(fault.at * whole.steps)
            row["step"] = f"{at} of {whole.steps}"
        run = self._start(command, place, fault.kind, at)
        run.ended()
        row["struck"] = run.code < 0 or (fault.kind in (FULL, TORN) and counts(self._tally(place))[1])
        return run

    def _flipped(
        self, command: Command, place: Path, fault: Fault, whole: Whole, row: dict[str, Any]
    ) -> faultjobs.Running:
        """Flip a bit of what the command reads, or of what it left when it was killed."""
        choice = command.read(place)
        begun = not choice or (command.kept != () and self.random.random() < 0.7)
        tries = 20 if begun else 0
        for _ in range(tries):
            step = 1 + int((0.3 + 0.7 * self.random.random()) * whole.steps)
            self._start(command, place, BEFORE, step).ended()
            found = (each for pattern in command.kept for each in place.glob(pattern))
            choice = [each for each in found if each.is_file() and not each.name.startswith(".")]
            if any(each.stat().st_size for each in choice):
                break
            shutil.rmtree(place)
            place = self._place(command, place)
        path = self.random.choice(sorted(each for each in choice if each.stat().st_size))
        sound = path.read_bytes()
        blob = bytearray(sound)
        blob[int(fault.at * len(blob))] ^= 1 << self.random.randrange(8)
        path.write_bytes(bytes(blob))
        row["file"] = path.name
        row["struck"] = not (begun and command.once and outcome(command.out(place)) == whole.outcome)  # else it is done
        run = self._start(command, place, again=begun)
        run.ended()
        if run.code and path.exists():  # refused: whoever owns the file brings it back
            if row["struck"] and str(path) not in run.said() and str(path.parent) not in run.said():
                row["lost"].append(f"its error does not name {path}: {run.said()[-800:]}")
            path.write_bytes(sound)
        elif begun and path.is_file() and path.read_bytes() == blob:  # nothing needed it any more
            row["struck"] = False
            path.write_bytes(sound)
        elif path.name == ROWS and not any(ROWS in text for text in (run.said(), _text(command.out(place)))):
            row["lost"].append(f"a damaged row was left out in silence: {run.said()[-800:]}")
        return run

    def _start(
        self, command: Command, place: Path, kind: str = "", at: int = 0, *, again: bool = False
    ) -> faultjobs.Running:
        self._runs += 1
        log = self.work / "logs" / f"{place.name}-{self._runs}.log"
        log.parent.mkdir(exist_ok=True)
        self._tally(place).write_bytes(bytes(16))
        graph = str(self.work / "graph.onnx") if command.name == "export" else ""
        strike = Strike(f"{place}/", str(self._tally(place)), kind, at, str(place / HOME), graph)
        return faultjobs.start(command.tokens(place, again), log, None, strike.begin)

    def _tally(self, place: Path) -> Path:
        return self.work / "logs" / f"{place.name}.tally"

    def _place(self, command: Command, place: Path | None = None) -> Path:
        self._runs += 1
        place = place or self.work / f"{self._runs:04d}-{command.name}"
        shutil.copytree(self.shared, place)
        command.ready(place)
        return place


def _text(out: Path) -> str:
    return out.read_text("utf-8", "replace") if out.is_file() else ""


def _odd(whole: dict[str, Any], found: dict[str, Any]) -> list[str]:
    return sorted(name for name in whole.keys() | found.keys() if whole.get(name) != found.get(name))
