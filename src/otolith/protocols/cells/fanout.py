"""Units of a comparison on the workers of a Ray cluster, which may be this machine alone.

A worker gets the arguments of the comparison and the number of a unit, plans the units itself (their windows come from
the cache) and sends rows back. The process that asked is the only one that writes them, so that they are those
of a local comparison. Folders have to mean the same on all machines.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from otolith.errors import OtolithError, TrainingError
from otolith.progress import Progress
from otolith.protocols.cells.unit import Key, Task, Unit
from otolith.rows import Row
from otolith.system.cluster import on_cluster

Plan = Callable[[dict[str, Any]], Sequence[Unit]]


@dataclass(frozen=True)
class Ray:
    """An executor (see `otolith.protocols.cells.unit.Executor`).

    Attributes:
        plan: a function of a module, which workers import by its name: arguments -> the units, in their order.
        arguments: of `plan`, as JSON has them.
        address: of a running cluster; None starts one on this machine for as long as the work lasts.
        gpus: share of a GPU that a unit is given; 0 for a CPU.
    """

    plan: Plan
    arguments: dict[str, Any]
    address: str | None = None
    gpus: float = 0.0

    def __call__(self, tasks: Sequence[Task], progress: Progress) -> Iterator[Row]:
        """Yield rows as they come, whichever unit is done first.

        Raises:
            RecipeError: Ray is not installed.
            TrainingError: no cluster there, or a unit failed; rows that came before are kept by whoever took them.
        """
        import torch

        # Sums depend on the number of threads, so that a worker has as many as this process would use.
        threads, text = torch.get_num_threads(), json.dumps(self.arguments)
        calls = [(task, (self.plan, text, task.number, [dict(key) for key in task.missing], threads)) for task in tasks]
        done = on_cluster(
            _rows,
            calls,
            self.address,
            cpus=threads,
            gpus=self.gpus,
            error=TrainingError,
            name=lambda task: task.unit.title,
        )
        with closing(done):
            for task, (found, refusal) in done:
                if refusal:
                    raise TrainingError(f"{task.unit.title}: {refusal}")
                progress.say(task.unit.title)
                yield from (Row(**row) for row in found)


def _rows(plan: Plan, text: str, number: int, missing: Sequence[Key], threads: int) -> tuple[list[dict[str, Any]], str]:
    """Return, on a worker, the rows of a unit, or the sentence that says why there are none."""
    import torch

    from otolith.progress import SILENT

    torch.set_num_threads(threads)
    try:
        found = list(_planned(plan, text)[number].run(missing, SILENT))
    except OtolithError as error:
        return [], str(error)
    return [{"key": row.key, "result": row.result, "meta": row.meta} for row in found], ""


@lru_cache(maxsize=1)
def _planned(plan: Plan, text: str) -> Sequence[Unit]:
    """A worker does several units of one comparison."""
    return plan(json.loads(text))
