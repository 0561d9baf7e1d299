"""The loop of the queue: the first cell of the list that is not done, in a process of its own, until none is left."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from otolith.errors import DataError, OtolithError
from otolith.system import claims
from otolith.system.files import make_folder, write
from otolith.system.reading import read_text
from results.queueing import cells
from results.queueing.cells import Cell

STATE, STOP = "state.json", "stop"
POLL_S = 0.5
PATIENCE_S = 600.0
"""Seconds that a cell which is asked to stop is given to reach its next checkpoint or row."""
HUNG_S = 6 * 3600.0
"""Seconds without a new checkpoint or row after which a cell is ended as one that hangs."""
LOOK_S = 60.0
"""Seconds between two looks at checkpoints and rows."""
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "LOKY_MAX_CPU_COUNT"), "1")


@dataclass(frozen=True)
class Queue:
    """Where a queue reads and writes, and what it works on.

    Attributes:
        listed: the list, which is read again before each cell.
        results: the folder of the tables' folders.
        work: environments, encoders, checkpoints and the state of the queue.
        only: texts, one of which is in the titles of the cells to do; none: all.
        limit_s: seconds after which the queue ends as if stopped; None: never.
    """

    listed: Path
    results: Path
    work: Path
    only: tuple[str, ...] = ()
    limit_s: float | None = None

    def cells(self) -> list[Cell]:
        """Return the cells that are asked for, in the order of the list."""
        found = cells.read(self.listed)
        return [cell for cell in found if not self.only or any(text in cell.title for text in self.only)]


def run(queue: Queue, command: Callable[[Cell], list[str]], commit: str, begin: Callable[[], None]) -> int:
    """Work cells off until none is left, and return the number of those that failed.

    A cell that fails is left for the next start; its reason stands in the state until it is tried again.

    Args:
        command: does a cell.
        begin: called once this is the only queue.

    Raises:
        InUseError: another queue is at work, in this work folder or for these results.
        DataError: the list cannot be read.
    """
    ends = time.monotonic() + queue.limit_s if queue.limit_s is not None else None
    reasons: dict[str, str] = state(queue.work).get("failed", {})
    failed: set[str] = set()
    listed = queue.cells()
    for place in (queue.work, queue.results):
        make_folder(place)
    with claims.hold(queue.work), claims.hold(queue.results):
        begin()
        (queue.work / STOP).unlink(missing_ok=True)
        while not _over(queue, ends):
            with contextlib.suppress(DataError):  # somebody writes it just now: the last one holds
                listed = queue.cells()
            cell = _next(queue, listed, failed, reasons)
            if cell is None:
                break
            print(f"{datetime.now():%Y-%m-%d %H:%M:%S} {cell.title}", flush=True)
            reasons.pop(cell.title, None)
            _tell(queue, commit, cell, reasons)
            reason = _work(queue, command(cell), ends)
            if not reason and not _over(queue, ends):
                reason = _left(queue, cell)
            if reason:
                reasons[cell.title] = reason
                failed.add(cell.title)
                print(f"  failed: {reason}", flush=True)
        _tell(queue, commit, None, reasons)
    return len(failed)


def state(work: Path) -> dict[str, Any]:
    """Return what the queue last said: its commit, the running cell and the reasons of failures."""
    try:
        found = json.loads(read_text(work / STATE))
        return found if isinstance(found, dict) else {}
    except (OSError, ValueError):
        return {}


def stop(work: Path) -> None:
    """Ask the queue that works in `work` to end at its next checkpoint."""
    write(work / STOP, "")


def _next(queue: Queue, listed: list[Cell], failed: set[str], reasons: dict[str, str]) -> Cell | None:
    done = cells.done(queue.results)
    for cell in listed:
        if cell.title in failed:
            continue
        try:
            if cell.missing(done.get(cell.folder, [])):
                return cell
        except OtolithError as error:  # such as a recipe that this commit does not have
            failed.add(cell.title)
            reasons[cell.title] = str(error)
    return None


def _over(queue: Queue, ends: float | None) -> bool:
    return (queue.work / STOP).exists() or (ends is not None and time.monotonic() > ends)


def _tell(queue: Queue, commit: str, cell: Cell | None, failed: Mapping[str, str]) -> None:
    said = {"commit": commit, "running": cell.title if cell is not None else None, "failed": dict(failed)}
    write(queue.work / STATE, json.dumps(said, indent=2))


def _work(queue: Queue, command: list[str], ends: float | None) -> str:
    """Run the process of a cell; returns why it failed, or nothing."""
    errors = queue.work / "errors.txt"
    with errors.open("wb") as file:
        process = subprocess.Popen(command, stderr=file, env=os.environ | ONE_THREAD)
    try:
        saved, looked, since = _saved(queue), time.monotonic(), time.monotonic()
        while process.poll() is None and not _over(queue, ends):
            time.sleep(POLL_S)
            if time.monotonic() - looked < LOOK_S:
                continue
            looked = time.monotonic()
            if saved != (saved := _saved(queue)):
                since = looked
            elif looked - since > HUNG_S:
                return f"it hung: no checkpoint and no row for {HUNG_S / 3600:g} hours"  # killed below
        if process.poll() is None:
            _wait_for_checkpoint(queue, process)
            process.kill()
            process.wait()
            return ""
    finally:
        if process.poll() is None:  # an interrupt: rows and checkpoints are whole, whenever it ends
            process.kill()
            process.wait()
    if process.returncode == 0:
        return ""
    said = errors.read_text("utf-8", "replace").strip().splitlines()
    by = f"signal {-process.returncode}" if process.returncode < 0 else f"code {process.returncode}"
    return said[-1] if said else f"its process ended with {by}"


def _left(queue: Queue, cell: Cell) -> str:
    """Return what a cell that ended well has left out, or nothing: it would be the next one for ever."""
    missing = cell.missing(cells.done(queue.results).get(cell.folder, []))
    return f"its process ended well, and {missing} of its {len(cell.places)} rows are missing" if missing else ""


def _wait_for_checkpoint(queue: Queue, process: subprocess.Popen[bytes]) -> None:
    before, ends = _saved(queue), time.monotonic() + PATIENCE_S
    while process.poll() is None and time.monotonic() < ends and _saved(queue) == before:
        time.sleep(POLL_S)


def _saved(queue: Queue) -> tuple[set[Path], int]:
    """Return the checkpoints that there are, and the bytes of all rows."""
    places = [queue.work / "cells", queue.work / "encoders"]
    found = {Path(folder) / name for place in places for folder, names, _ in os.walk(place) for name in names}
    rows = sum(path.stat().st_size for path in queue.results.glob(f"*/{cells.ROWS}"))
    return {path for path in found if path.name.startswith("epoch-")}, rows


def interrupt(number: int, frame: object) -> None:
    """Let SIGTERM end the queue as Ctrl-C does, its cell's process with it."""
    raise KeyboardInterrupt


def in_background(command: list[str], log: Path) -> int:
    """Start a process that lives on when the terminal closes; returns its number."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True, cwd=log.parent
        )
    return process.pid
