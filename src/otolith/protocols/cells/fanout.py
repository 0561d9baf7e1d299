"""Units of a comparison on the workers of a Ray cluster, which may be this machine alone.

A worker gets the arguments of the comparison and the number of a unit, plans the units itself (their windows come from
the cache) and sends rows back. The process that asked is the only one that writes them, so that they are those
of a local comparison. Folders have to mean the same on all machines.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from otolith.errors import OtolithError, TrainingError
from otolith.progress import Progress
from otolith.protocols.cells.unit import Key, Task, Unit
from otolith.rows import Row
from otolith.system.extras import need

Plan = Callable[[dict[str, Any]], Sequence[Unit]]

RETRIES = 3
"""Times that a unit begins again whose worker died; what it had trained until its last checkpoint is kept."""


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

        ray = need("ray", "--executor ray", "ray")
        threads = torch.get_num_threads()
        try:
            ray.init(self.address, log_to_driver=False, include_dashboard=False, logging_level="error")
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise TrainingError(
                f"no Ray cluster answers at {self.address or 'this machine'} ({error}). Check --address, or leave it "
                "out to start one here."
            ) from None
        try:
            # Sums depend on the number of threads, so that a worker has as many as this process would use.
            remote = ray.remote(num_cpus=threads, num_gpus=self.gpus, max_retries=RETRIES)(_rows)
            text = json.dumps(self.arguments)
            waiting = {
                remote.remote(self.plan, text, task.number, [dict(key) for key in task.missing], threads): task
                for task in tasks
            }
            while waiting:
                (done,), _ = ray.wait(list(waiting), num_returns=1)
                task = waiting.pop(done)
                progress.say(task.unit.title)
                yield from (Row(**row) for row in self._taken(ray, done, task))
        finally:
            ray.shutdown()

    def _taken(self, ray: Any, done: Any, task: Task) -> list[dict[str, Any]]:
        try:
            found, refusal = ray.get(done)
        except ray.exceptions.RayError as error:
            last = str(error).strip().splitlines()[-1]
            raise TrainingError(f"{task.unit.title}: its worker failed {1 + RETRIES} times ({last})") from None
        if refusal:
            raise TrainingError(f"{task.unit.title}: {refusal}")
        rows: list[dict[str, Any]] = found
        return rows


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
