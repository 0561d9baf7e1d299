"""What goes wrong with a job, again and again until it ends, and what must hold every time."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from otolith import rows
from tests.faults import faultjobs
from tests.faults.faultjobs import Job, Running
from tests.faults.faultkinds import KINDS, DamageRow, Kill, Target


@dataclass
class Line:
    """How often a fault was injected and survived, and the most whole epochs that one of them cost."""

    injected: int = 0
    survived: int = 0
    epochs_lost: int = 0


@dataclass
class Table:
    """All faults so far, and everything that was wrong."""

    lines: dict[tuple[str, str], Line] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def line(self, fault: str, job: str) -> Line:
        """The line of a fault in a job, new where it is the first."""
        return self.lines.setdefault((fault, job), Line())

    def markdown(self) -> str:
        """For the terminal and for the docs."""
        text = "| fault | job | injected | survived | most epochs done again |\n|---|---|---|---|---|\n"
        for (fault, job), line in sorted(self.lines.items()):
            text += f"| {fault} | `{job}` | {line.injected} | {line.survived} | {line.epochs_lost} |\n"
        lines = self.lines.values()
        most = max((line.epochs_lost for line in lines), default=0)
        return text + f"| all | | {sum(x.injected for x in lines)} | {sum(x.survived for x in lines)} | {most} |\n"


@dataclass
class Whole:
    """What an undisturbed job left, the seconds that it took, the size of the largest file that it wrote."""

    outcome: dict[str, Any]
    seconds: float
    largest: int


class Harness:
    """Runs jobs in the folder `work`, spoils them, and fills the table."""

    def __init__(self, work: Path, seed: int, say: Callable[[str], None]) -> None:
        self.work, self.random, self.say = work, random.Random(seed), say
        self.table = Table()
        self._runs = 0
        self._most = 20
        faultjobs.prepare_processes()

    def undisturbed(self, job: Job) -> Whole:
        """Run a job to its end, with nothing in its way."""
        out = self._folder(job)
        run = self._start(job, out, again=False)
        if not run.ended() or run.code:
            raise RuntimeError(f"the undisturbed {job.name} ended with {run.process.exitcode}:\n{run.said()}")
        seconds = time.monotonic() - run.began  # without the start of what it is forked from
        sizes = [path.stat().st_size for path in out.rglob("*") if path.is_file()]
        self.say(f"{job.name}: undisturbed in {seconds:.1f} s")
        return Whole(faultjobs.outcome(out), seconds, max(sizes))

    def torment(self, job: Job, faults: dict[str, int], whole: Whole) -> None:
        """Inject so many faults of each name into instances of a job, one after another, and compare how they end."""
        plan = [KINDS[name] for name, number in faults.items() for _ in range(number)]
        self.random.shuffle(plan)
        self._most = self._runs + 20 * (1 + len(plan))
        while plan:
            _Instance(self, job, self._folder(job), whole).through(plan)

    def _folder(self, job: Job) -> Path:
        self._runs += 1
        return self.work / f"{self._runs:03d}-{job.name.replace(' ', '-')}"

    def _start(self, job: Job, out: Path, *, again: bool, largest_file: int | None = None) -> Running:
        self._runs += 1
        if self._runs > self._most:
            raise AssertionError(f"{job.name}: {self._runs} processes, and some faults still found no moment to strike")
        log = self.work / f"{self._runs:03d}-{out.name}.log"
        return faultjobs.start(job.at(out, again=again), log, largest_file)


class _Instance:
    """One output folder of a job, from its first process to the end."""

    def __init__(self, harness: Harness, job: Job, out: Path, whole: Whole) -> None:
        self.harness, self.job, self.out, self.whole = harness, job, out, whole
        self.reached: dict[str, int] = {}  # the epoch to whose end the process came that last trained there
        self.answered: dict[str, int] = {}  # how many faults had struck before a process last trained there
        self.rows: set[str] = set()
        self.struck: list[tuple[Kill, Line]] = []

    def through(self, plan: list[Kill]) -> None:
        """Start, strike, start again, until a process ends well; takes the faults that struck out of `plan`."""
        happened: str | None = ""
        while happened is not None:
            fault = plan.pop() if plan else None
            limit = fault.largest_file(self.whole.largest, self.harness.random) if fault is not None else None
            run = self.harness._start(self.job, self.out, again=True, largest_file=limit)
            if fault is None:
                run.ended()
                happened = None
            else:
                target = Target(run, self.job, self.out, self.whole.seconds, self.harness.random)
                happened = fault.strike(target)
            self._count_what_was_done_again(run)
            self._keep_rows(fault)
            if happened is not None:
                self._note(KINDS[happened], run)
            if fault is not None and (happened is None or KINDS[happened] is not fault):
                plan.append(fault)  # not yet: the job had ended, or had nothing to damage
                if happened is not None:
                    self.harness.random.shuffle(plan)
        self._end(run)

    def _note(self, fault: Kill, run: Running) -> None:
        line = self.harness.table.line(fault.name, self.job.name)
        line.injected += 1
        self.struck.append((fault, line))
        self.harness.say(f"{self.job.name}: {fault.name} after {time.monotonic() - run.began:.1f} s")

    def _count_what_was_done_again(self, run: Running) -> None:
        for folder, epochs in run.begun().items():
            redone = max(0, self.reached.get(folder, 0) - epochs[0] + 1)
            self.reached[folder] = epochs[-1]
            # Of several since then the worst is charged: a process that trained nothing has lost nothing.
            blamed = self.struck[self.answered.get(folder, 0) :]
            self.answered[folder] = len(self.struck)
            if not redone:
                continue
            if not blamed:
                self._wrong(run, f"{redone} epochs were trained twice without a fault")
                continue
            fault, line = max(blamed, key=lambda each: each[0].redone)
            line.epochs_lost = max(line.epochs_lost, redone)
            if redone > fault.redone:
                self._wrong(run, f"{redone} epochs were done again after: {fault.name}")

    def _keep_rows(self, fault: Kill | None) -> None:
        """No fault but one in a row itself may cost a row that was there."""
        found = {rows.key_hash(row.key) for row in rows.scan(self.out / "rows.jsonl").rows}
        if not isinstance(fault, DamageRow) and self.rows - found:
            self.harness.table.wrong.append(f"{self.out}: {len(self.rows - found)} rows were lost")
        self.rows = found

    def _end(self, run: Running) -> None:
        odd = faultjobs.differences(self.whole.outcome, faultjobs.outcome(self.out)) if not run.code else []
        if run.code or odd:
            self._wrong(run, f"ended with {run.code}; other than undisturbed: {odd}\n{run.said()[-2000:]}")
            return
        for _, line in self.struck:
            line.survived += 1

    def _wrong(self, run: Running, what: str) -> None:
        self.harness.table.wrong.append(f"{run.log}: {what}")
        self.harness.say(self.harness.table.wrong[-1])
