"""What of the list is done, running, left and failed, and how long the rest will take."""

from __future__ import annotations

from collections.abc import Sequence

from otolith.errors import InUseError, OtolithError
from otolith.system import claims
from results.queueing import cells
from results.queueing.cells import Cell
from results.queueing.loop import Queue, state
from results.queueing.seconds import Seconds


def text(queue: Queue) -> str:
    """Return a line for each table, the time that is left, what runs, and what failed and why."""
    done, listed = cells.done(queue.results), queue.cells()
    known = Seconds(queue.work / "estimates.json", [row for each in done.values() for row in each])
    tables: dict[str, list[tuple[int, int, float | None]]] = {}
    unfinished: list[Cell] = []
    refused: dict[str, str] = {}
    for cell in listed:
        try:
            missing = cell.missing(done.get(cell.folder, []))
        except OtolithError as error:
            refused[cell.title] = str(error)
            continue
        seconds = known.of(cell, missing) if missing else 0.0
        unfinished += [cell] if missing else []
        tables.setdefault(cell.folder, []).append((len(cell.places) - missing, len(cell.places), seconds))
    known.keep()
    lines = [f"{'rows':>11}  {'time left':>9}  table"]
    lines += [_line(each, name) for name, each in tables.items()]
    lines.append(_line([entry for each in tables.values() for entry in each], "all"))
    lines.append(f"{len(listed) - len(refused) - len(unfinished)} of {len(listed)} cells are done")
    return "\n".join([*lines, *_said(queue, unfinished, refused)])


def _said(queue: Queue, unfinished: Sequence[Cell], refused: dict[str, str]) -> list[str]:
    said = state(queue.work)
    try:
        claims.refuse_if_held(queue.work)
        lines = ["no queue is at work here"]
    except InUseError:
        lines = [f"running at commit {said.get('commit')}: {said.get('running')}"]
    titles = {cell.title for cell in unfinished}
    failed = {title: reason for title, reason in dict(said.get("failed", {})).items() if title in titles} | refused
    return [*lines, *(f"failed: {title}: {reason}" for title, reason in failed.items())]


def _line(entries: Sequence[tuple[int, int, float | None]], name: str) -> str:
    have, whole = sum(have for have, _, _ in entries), sum(whole for _, whole, _ in entries)
    known = [seconds for _, _, seconds in entries if seconds is not None]
    unknown = len(entries) - len(known)
    more = f" and {unknown} {'cell' if unknown == 1 else 'cells'} of unknown length" if unknown else ""
    return f"{have:>5}/{whole:<5}  {long(sum(known)):>9}  {name}{more}"


def long(seconds: float) -> str:
    """Return a span of time in the unit that fits it.

    >>> long(0), long(50), long(4000), long(300_000)
    ('-', '50 s', '1.1 h', '3.5 d')
    """
    if not seconds:
        return "-"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"
