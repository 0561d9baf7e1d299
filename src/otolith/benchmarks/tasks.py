"""Tasks of a benchmark in processes of their own, and the medians of tasks that take turns."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from typing import Any

Figures = dict[str, float]
Run = Callable[..., Figures]
"""Does one task in a fresh process: run("step", kind="ours") -> its figures."""


class Unavailable(Exception):
    """A measurement that cannot be made here; the text says why."""


def fresh_process(task: str, **arguments: Any) -> Figures:
    """Do one task in a process of its own.

    Raises:
        Unavailable: it ended with an error, whose last line is the reason.
    """
    command = [sys.executable, "-m", "otolith.benchmarks", task, json.dumps(arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable((done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1])
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def in_turn(run: Run, rounds: int, *tasks: tuple[str, dict[str, Any]]) -> list[Figures]:
    """Medians of each task's figures over `rounds`, taking turns so that a slow minute of the machine meets all."""
    taken: list[list[Figures]] = [[] for _ in tasks]
    for _ in range(rounds):
        for place, (task, arguments) in enumerate(tasks):
            taken[place].append(run(task, **arguments))
    return [{name: statistics.median(each[name] for each in runs) for name in runs[0]} for runs in taken]
