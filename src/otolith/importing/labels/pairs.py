"""Rows of which one begins an activity and another ends it, as BORIS and others write events."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from otolith.errors import DataError
from otolith.importing.labels.rows import Row
from otolith.importing.tables.table import Table

BEGINS = frozenset(("start", "begin", "begins", "started", "onset", "on", "beginn", "anfang", "debut", "inicio"))
ENDS = frozenset(("stop", "end", "ends", "stopped", "ended", "offset", "off", "ende", "fin", "finish"))
_EDGE = "start|begin|onset|started|stop|end|offset|stopped|ended|beginn|anfang|ende"
_BEFORE = re.compile(rf"(?P<edge>{_EDGE})[\s_:\-]+(?P<name>.+)", re.IGNORECASE)
_AFTER = re.compile(rf"(?P<name>.+?)[\s_:\-]+\(?(?P<edge>{_EDGE})\)?", re.IGNORECASE)


def status_column(table: Table, columns: Mapping[str, str]) -> list[str] | None:
    """Return the cells of a column that says which rows begin and which end; None where there is none."""
    for column in table.columns:
        if column in columns.values():
            continue
        cells = [cell.lower() for cell in table.texts(column)]
        said = {cell for cell in cells if cell}
        if said & BEGINS and said & ENDS and said <= BEGINS | ENDS | {"point"}:
            return cells
    return None


def paired(rows: Sequence[Row], status: Sequence[str] | None) -> list[Row]:
    """Return rows of marks, those that begin and end an activity as intervals.

    Args:
        status: word of each row, if a column has such; None: the activities may say it (`walk start`, `walk end`).

    Raises:
        DataError: a beginning without end, or the other way round; some rows alone say which they are.
    """
    there = [at for at, row in enumerate(rows) if not row.empty]
    rows, status = [rows[at] for at in there], status and [status[at] for at in there]
    if status is None:
        parts = [_BEFORE.fullmatch(row.activity) or _AFTER.fullmatch(row.activity) for row in rows]
        begun = {part["name"].casefold() for part in parts if part and part["edge"].lower() in BEGINS}
        ended = {part["name"].casefold() for part in parts if part and part["edge"].lower() in ENDS}
        if not begun & ended:
            return list(rows)
        lone = next((row for row, part in zip(rows, parts, strict=True) if part is None and row.activity), None)
        if lone is not None:
            raise DataError(
                f"{lone.where}: {lone.activity[:40]!r} says neither that it begins nor that it ends, as others do. "
                "Write all lines in one way, or start,end,activity."
            )
        status = [part["edge"].lower() if part else "" for part in parts]
        rows = [replace(row, activity=part["name"]) if part else row for row, part in zip(rows, parts, strict=True)]
    return _intervals(rows, status, BEGINS)


def _intervals(rows: Sequence[Row], status: Sequence[str], begins: Collection[str]) -> list[Row]:
    waiting: dict[tuple[str, str], Row] = {}
    out = []
    for row, word in zip(rows, status, strict=True):
        key = (row.recording, row.activity.casefold())
        if word in begins:
            if key in waiting:
                raise DataError(f"{row.where}: {row.activity!r} begins again before it ends. Correct it.")
            waiting[key] = row
        elif word in ENDS:
            first = waiting.pop(key, None)
            if first is None:
                raise DataError(f"{row.where}: {row.activity!r} ends and has not begun. Correct it.")
            out.append(replace(first, end=row.start, end_unit=row.unit))
        else:
            raise DataError(
                f"{row.where}: {row.activity!r} neither begins nor ends, and so has no duration. Remove the line."
            )
    if waiting:
        row = next(iter(waiting.values()))
        raise DataError(f"{row.where}: {row.activity!r} begins and does not end. Add the line of its end.")
    return out
