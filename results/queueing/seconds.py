"""Seconds that cells will take: as rows on this machine say, or after one training step of each stage."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from otolith import datasets, methods, rows, splits
from otolith.errors import OtolithError
from otolith.jobs.cutting import cutting
from otolith.jobs.estimate import estimate
from otolith.protocols.cells.learners import STEPS
from otolith.rows import Row
from otolith.system.files import write
from otolith.system.reading import read_text
from otolith.system.storage import make_folder
from otolith.windows import Windows
from results.queueing.cells import Cell

ENCODER = ("autoencoder", "pretrain")
"""Stages of training that cells with the same encoder share."""

Times = tuple[float, float]
"""Of an encoder, and of a row on it."""


class Seconds:
    """Estimates for cells, in the order in which they will run: an encoder is counted where it is trained.

    Args:
        kept: file of estimates that took a training step; they hold for one kind of processor.
        found: all rows that there are.
    """

    def __init__(self, kept: Path, found: Sequence[Row]) -> None:
        self.path = kept
        self.rows = [row for row in found if _here(row)]
        self.trained = {_encoder(row.key) for row in self.rows if row.key.get("fold") is None}
        try:
            self.estimates: dict[str, Any] = json.loads(read_text(kept))
        except (OSError, ValueError):
            self.estimates = {}

    def of(self, cell: Cell, missing: int) -> float | None:
        """Return the seconds of the missing rows of a cell, or None where nothing is known."""
        times = self._from_rows(cell) or self._estimated(cell)
        if times is None:
            return None
        encoder, row = times
        if cell.protocol == "cross-validation":  # each fold has its own
            return missing * (encoder + row)
        name = (cell.source or cell.dataset, cell.resolved.hash, cell.method, cell.seed)
        new = name not in self.trained
        self.trained.add(name)
        return new * encoder + missing * row

    def keep(self) -> None:
        """Write the estimates for the next time."""
        make_folder(self.path.parent)
        write(self.path, json.dumps(self.estimates, indent=1))

    def _from_rows(self, cell: Cell) -> Times | None:
        """The mean over rows of the same method and recipe here, or on other data sets, by their windows."""
        alike = [
            row
            for row in self.rows
            if row.key.get("method") == cell.method and row.meta.get("recipe_name") == cell.recipe_name
        ]
        same = [row for row in alike if row.key.get("protocol") == cell.spec.in_rows]
        here = [row for row in same if row.key.get("dataset") == cell.dataset]
        chosen = here or same
        if not chosen:
            return None
        size = self._size(cell.dataset)
        if not here and size is None:
            return None
        scale = [1.0 if here else (size or 1) / max(1, _windows(row)) for row in chosen]
        each = mean(factor * _sum(row, rest=True) for factor, row in zip(scale, chosen, strict=True))
        home = cell.source or cell.dataset
        with_encoder = [row for row in alike if any(stage in _spent(row) for stage in ENCODER)]
        at_home = [row for row in with_encoder if (row.key.get("source") or row.key.get("dataset")) == home]
        return (mean(_sum(row, rest=False) for row in at_home or with_encoder) if with_encoder else 0.0), each

    def _size(self, dataset: str) -> int | None:
        sizes = [_windows(row) for row in self.rows if row.key.get("dataset") == dataset]
        return max(sizes, default=None)

    def _estimated(self, cell: Cell) -> Times | None:
        home = cell.source or cell.dataset
        name = f"{rows.processor()}, {cell.method}, {home}, {cell.resolved.hash}, {cell.protocol == 'few-labels'}"
        if name not in self.estimates:
            try:
                self.estimates[name] = _measure(cell, home)
            except (OtolithError, ArithmeticError, LookupError, RuntimeError, TypeError, ValueError):
                return None  # its data are not here, or it cannot be trained: the queue will say why
        encoder, row = self.estimates[name]
        return encoder, row


def _measure(cell: Cell, home: str) -> Times:
    data = datasets.load(home)
    w: Windows = data.windows(**cutting(data.info, cell.resolved))
    split = splits.default(w, data.info)
    n_train = len(split.train)
    found = estimate(cell.resolved, cell.method, w.meta, n_train, len(split.val)).seconds
    row = sum(seconds for stage, seconds in found.items() if stage not in ENCODER)
    if cell.protocol == "few-labels":
        alone = methods.spec(cell.method).end_to_end
        settings = cell.resolved.settings_of(cell.method) if alone else cell.resolved.finetune
        row = found["finetune"] * STEPS * settings.batch_size / max(1, settings.epochs * n_train)
    return sum(found.get(stage, 0.0) for stage in ENCODER), row


def _here(row: Row) -> bool:
    environment = row.meta.get("environment")
    return isinstance(environment, dict) and environment.get("processor") == rows.processor()


def _encoder(key: dict[str, Any]) -> tuple[Any, ...]:
    home = key.get("source") or key.get("dataset")
    return (home, key.get("recipe"), key.get("method"), key.get("seed"))


def _spent(row: Row) -> dict[str, float]:
    spent = row.meta.get("seconds")
    return spent if isinstance(spent, dict) else {}


def _sum(row: Row, *, rest: bool) -> float:
    return sum(float(seconds) for stage, seconds in _spent(row).items() if (stage not in ENCODER) is rest)


def _windows(row: Row) -> int:
    try:
        return int(row.meta["split"]["train"]["windows"])
    except (KeyError, TypeError, ValueError):
        return 1
