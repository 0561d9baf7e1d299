"""Differences between the methods of a group, cell by cell and person by person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otolith.metrics import paired_difference
from otolith.report.groups import Group, Line
from otolith.report.names import percent

REFERENCE = "dynamic"
"""The method that others are held against where a group has it; else its first."""

HEADER = ("Method", "against", "Difference (points)", "95 % interval", "p", "Subjects", "Cells")


def table(group: Group) -> list[list[str]]:
    """One line for each method but the reference, in the order of HEADER: reference minus method.

    Only cells that both have count: the same seed, fold and draw. Each subject's scores are averaged over them.
    """
    reference = next((line for line in group.lines if line.method == REFERENCE), group.lines[0])
    found = []
    for line in group.lines:
        ours, theirs = _cells(reference), _cells(line)
        shared = sorted(ours.keys() & theirs.keys(), key=str)
        if line is reference or not shared:
            continue
        first, second = (_mean_by_subject([cells[cell] for cell in shared]) for cells in (ours, theirs))
        if not first.keys() & second.keys():
            continue
        tested = paired_difference(first, second)
        interval = "–" if tested["low"] is None else f"{_points(tested['low'])} to {_points(tested['high'])}"
        found.append(
            [
                group.label(reference),
                group.label(line),
                _points(tested["difference"]),
                interval,
                f"{tested['p']:.3f}",
                str(tested["n_subjects"]),
                str(len(shared)),
            ]
        )
    return found


def _cells(line: Line) -> dict[tuple[Any, ...], Mapping[str, float]]:
    return {
        tuple(row.key.get(name) for name in ("seed", "fold", "draw")): row.result.get("per_subject", {})
        for row in line.rows
    }


def _mean_by_subject(cells: list[Mapping[str, float]]) -> dict[str, float]:
    scores: dict[str, list[float]] = {}
    for cell in cells:
        for person, score in cell.items():
            scores.setdefault(person, []).append(score)
    return {person: sum(each) / len(each) for person, each in scores.items()}


def _points(fraction: float) -> str:
    return f"{'+' if fraction >= 0 else '−'}{percent(abs(fraction))}"
