"""Metrics of runs that are done, computed from the predictions beside their rows: nothing is trained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from otolith import metrics, rows
from otolith.errors import CheckpointError
from otolith.metrics import classes, events
from otolith.rows import Row, predictions

ALWAYS = ("macro_f1", "accuracy")
"""Figures that every scored row has."""


@dataclass(frozen=True)
class Scored:
    """A row with figures by name; those that cannot be computed are missing."""

    folder: Path
    row: Row
    figures: dict[str, float]


def score(folders: Iterable[str | Path], names: Sequence[str] = ()) -> list[Scored]:
    """Return metrics of every scored row in folders of runs and comparisons.

    Those that a row holds are taken from it, others are computed from the predictions that are kept beside it.

    Args:
        folders: with a `rows.jsonl` each.
        names: of `otolith.metrics.METRICS`, or `macro_f1` and `accuracy`; none: all that there are.

    Raises:
        CheckpointError: a folder holds no rows, or predictions that are damaged.
        DataError: an unknown metric, or one that fails.
    """
    wanted = list(names) or [*ALWAYS, *metrics.METRICS.names()]
    for name in wanted:
        if name not in ALWAYS:
            metrics.METRICS.get(name)
    found = []
    for folder in map(Path, folders):
        file = folder / "rows.jsonl"
        if not file.is_file():
            raise CheckpointError(f"{folder} holds no rows.jsonl; name the folder of a run or of a comparison.")
        for row in rows.latest(rows.read(file)):
            if "macro_f1" in row.result:
                found.append(Scored(folder, row, _figures(folder, row, wanted)))
    return found


def _figures(folder: Path, row: Row, wanted: Sequence[str]) -> dict[str, float]:
    """Return what the row holds, and the rest from its predictions: plug-ins' always, since their code may change."""
    held = {name: row.result[name] for name in ALWAYS if isinstance(row.result.get(name), float | int)}
    held |= {name: v for name, v in (row.result.get("metrics") or {}).items() if name in _OWN}
    missing = [name for name in wanted if name not in held and name not in ALWAYS]
    if missing and (kept := predictions.kept(folder, row.key)) is not None:
        held |= metrics.further(kept, missing)
    elif missing:
        held = (row.result.get("metrics") or {}) | held
    return {name: float(held[name]) for name in wanted if name in held}


_OWN = frozenset(spec.name for module in (classes, events) for spec in module.SPECS)
"""Metrics that come with otolith."""
