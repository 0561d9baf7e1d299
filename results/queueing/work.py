"""One cell of the queue, in a process of its own: its missing rows, each written as it comes."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

from otolith import rows
from otolith.jobs import compare
from otolith.progress import Progress
from otolith.protocols.cells.study import Study
from otolith.protocols.cells.unit import execute
from otolith.system import claims
from otolith.system.files import make_folder, write
from results.queueing.cells import ROWS, Cell


class Said(Progress):
    """Writes the lines that are worth keeping to the log."""

    def say(self, text: str) -> None:
        print(f"  {text}", flush=True)


def work(cell: Cell, results: Path, place: Path, device: str = "auto") -> None:
    """Do what is missing of a cell.

    Args:
        results: the rows go to `results/TABLE/rows.jsonl`, where those that exist are not made again.
        place: folder for encoders, which all cells share, and for the checkpoints of unfinished work.

    Raises:
        OtolithError: the data are missing, or the cell cannot be done. Rows that are done stay.
    """
    recipe, folder = cell.resolved, place / "cells" / cell.folder
    table = results / cell.folder
    for each in (folder, table):
        make_folder(each)
    with claims.hold(folder, wait=True):  # a cell whose queue was killed ends first
        planned = compare.plan(
            cell.protocol,
            cell.dataset,
            (cell.method,),
            cell.seed + 1,
            options=cell.chosen,
            recipe=cell.recipe,
            overrides=dict(cell.changes) or None,
            out=folder,
            encoders=place / "encoders",
            device=device,
            held=True,
            progress=Said(),
        )
        study = _without_pictures(planned.scored)
        units = [
            unit
            for unit in planned.spec.units(study, (cell.method,), cell.seed + 1, cell.chosen)
            if any(cell.found(key) is not None for key in unit.keys)
        ]
        write(table / "recipe.toml", recipe.to_toml())
        for row in execute(units, table / ROWS, Said()):
            shutil.rmtree(folder / "checkpoints" / rows.key_hash(row.key), ignore_errors=True)


def _without_pictures(study: Study) -> Study:
    source = None if study.source is None else _without_pictures(study.source)
    return dataclasses.replace(study, pictured=None, source=source)
