"""Units, the smallest pieces of a comparison that run as a whole, and the loop that turns them into rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from otolith import rows
from otolith.progress import SILENT, Progress
from otolith.rows import Row

Key = dict[str, Any]
BEFORE = (
    "are from before rows named the content of their data set; they are taken as they are. If the recordings have "
    "changed since, choose another --out folder."
)


@dataclass(frozen=True)
class Unit:
    """Cells that share work.

    Attributes:
        title: for people: the method, its seed, its fold.
        keys: of the rows that it yields.
        run: (missing, progress) -> the rows of those keys, as they come. It may yield others too. A row does not depend
            on which others are missing.
    """

    title: str
    keys: tuple[Key, ...]
    run: Callable[[Sequence[Key], Progress], Iterator[Row]]


@dataclass(frozen=True)
class Task:
    """The missing rows of a unit, which is number `number` of its comparison."""

    number: int
    unit: Unit
    missing: tuple[Key, ...]


Executor = Callable[[Sequence[Task], Progress], Iterator[Row]]
"""Runs tasks, in any order and wherever, and yields their rows as they come."""


def here(tasks: Sequence[Task], progress: Progress) -> Iterator[Row]:
    """Run tasks in this process, one after the other."""
    for task in tasks:
        progress.say(task.unit.title)
        yield from task.unit.run(task.missing, progress)


def execute(units: Iterable[Unit], path: Path, progress: Progress = SILENT, executor: Executor = here) -> Iterator[Row]:
    """Run what is missing in the row file at `path`, append each row as it comes, and yield it.

    Whenever this stops, the rows so far stay; called again with the same units it yields the others, so that the file
    ends with one row for each key.
    """
    planned = list(units)
    found = rows.scan(path)
    for damage in found.damage:
        progress.say(f"{path}, line {damage.line}, is not a readable row ({damage.reason}); its cell is done again.")
    done = {rows.key_hash(row.key) for row in found.rows}
    total = sum(len(unit.keys) for unit in planned)
    keys = [key for unit in planned for key in unit.keys]
    if before := sum(rows.key_hash(key) not in done and rows.is_among(key, done) for key in keys):
        progress.say(f"{path}: {before} of the rows {BEFORE}")
    tasks = []
    for number, unit in enumerate(planned):
        missing = tuple(key for key in unit.keys if not rows.is_among(key, done))
        if missing:
            tasks.append(Task(number, unit, missing))
    with progress.stage("cells", total, "cells") as bar:
        bar.advance(total - sum(len(task.missing) for task in tasks))
        for row in executor(tasks, progress) if tasks else ():
            if rows.is_among(row.key, done):
                continue
            rows.append(path, row)
            done.add(rows.key_hash(row.key))
            bar.advance()
            yield row
