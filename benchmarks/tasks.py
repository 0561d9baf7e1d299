"""Tasks of a benchmark in processes of their own, which take turns so that a slow second of the machine meets all."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

Figures = dict[str, float]
Task = tuple[str, dict[str, Any]]
"""Its name and its arguments: ("step", {"kind": "ours"})."""
Run = Callable[..., list[Figures]]
"""Does tasks in fresh processes: run(("step", {"kind": "ours"}), ("step", {"kind": "stock"})) -> their figures."""

TURN_S = 0.1
"""Shortest turn of a process."""

COMMAND = [sys.executable, "-m", "benchmarks.child"]
"""The command that does one task; the task's name and its arguments (JSON) follow."""

_TAKES_TURNS = "OTOLITH_BENCHMARK_TURNS"
_TURN_OVER = "turn over\n"
_since = time.perf_counter()


class Unavailable(Exception):
    """A measurement that cannot be made here; the text says why."""


def turn() -> None:
    """Wait while the other processes of a measurement have their turns. Tasks call it before each piece they time."""
    global _since
    if _TAKES_TURNS not in os.environ or time.perf_counter() - _since < TURN_S:
        return
    sys.stdout.write(_TURN_OVER)
    sys.stdout.flush()
    if not sys.stdin.readline():
        sys.exit("the process that asked for the measurement has ended")
    _since = time.perf_counter()


def fresh_processes(*tasks: Task) -> list[Figures]:
    """Do each task in a process of its own, never two at once: they take turns at every piece that they time.

    Raises:
        Unavailable: a task ended with an error; the last line of it is the reason.
    """
    processes: list[_Process] = []
    try:
        for task in tasks:
            processes.append(_Process(*task))
            processes[-1].until_its_turn_is_over()
        while any(each.figures is None for each in processes):
            for each in processes:
                each.go_on()
        return [each.figures or {} for each in processes]
    finally:
        for each in processes:
            each.end()


class _Process:
    """One task; works on until its turn is over, and then waits."""

    def __init__(self, task: str, arguments: dict[str, Any]) -> None:
        self.figures: Figures | None = None
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by end()
        self._process = subprocess.Popen(
            [*COMMAND, task, json.dumps(arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=os.environ | {_TAKES_TURNS: "1"},
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self._from = self._process.stdin, self._process.stdout

    def go_on(self) -> None:
        if self.figures is None:
            self._to.write("\n")
            self._to.flush()
            self.until_its_turn_is_over()

    def until_its_turn_is_over(self) -> None:
        last = ""
        for line in self._from:
            if line == _TURN_OVER:
                return
            last = line
        if code := self._process.wait():
            self._errors.seek(0)
            raise Unavailable((self._errors.read().strip().splitlines() or [f"exit code {code}"])[-1])
        self.figures = json.loads(last)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._to, self._from, self._errors):
            stream.close()


def in_turn(run: Run, rounds: int, *tasks: Task) -> list[Figures]:
    """Medians of each task's figures over `rounds` of fresh processes."""
    taken = [run(*tasks) for _ in range(rounds)]
    return [
        {name: statistics.median(each[place][name] for each in taken) for name in taken[0][place]}
        for place in range(len(tasks))
    ]
