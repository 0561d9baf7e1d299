"""Calls on the workers of a Ray cluster, which may be this machine alone; folders mean the same on all machines."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any, TypeVar

from otolith.errors import OtolithError, PluginError
from otolith.system import plugins
from otolith.system.extras import need

RETRIES = 3
"""Times that a call is made again whose worker died."""

Task = TypeVar("Task")


def on_cluster(
    work: Callable[..., Any],
    calls: Iterable[tuple[Task, tuple[Any, ...]]],
    address: str | None = None,
    *,
    cpus: int = 1,
    gpus: float = 0.0,
    error: type[OtolithError] = OtolithError,
    name: Callable[[Task], str] = str,
) -> Generator[tuple[Task, Any], None, None]:
    """Yield each task with the result of its call, whichever is done first.

    Args:
        work: a function of a module, which workers import by its name.
        calls: tasks, and the arguments of `work` for each.
        address: of a running cluster; None starts one on this machine for as long as the work lasts.
        cpus, gpus: what a call is given.
        error: is raised for what goes wrong.
        name: of a task, for messages.

    Raises:
        RecipeError: Ray is not installed.
        OtolithError: of the kind `error`: no cluster there, or a call failed.
    """
    ray = need("ray", "--executor ray", "ray")
    try:
        ray.init(address, log_to_driver=False, include_dashboard=False, logging_level="error")
    except Exception as reason:  # of no kind of its own where a node does not start in time
        raise error(
            f"no Ray cluster answers at {address or 'this machine'} ({reason}). Check --address, or leave it "
            "out to start one here."
        ) from reason
    try:
        remote = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=RETRIES)(_with_plugins)
        remote = remote.options(name=work.__name__)  # what Ray's own tools and the process list show
        here = plugins.loaded()
        waiting = {remote.remote(here, work, *arguments): task for task, arguments in calls}
        while waiting:
            (done,), _ = ray.wait(list(waiting), num_returns=1)
            task = waiting.pop(done)
            try:
                found = ray.get(done)
            except ray.exceptions.RayError as reason:
                last = str(reason).strip().splitlines()[-1]
                raise error(f"{name(task)}: its worker failed {1 + RETRIES} times ({last})") from None
            yield task, found
    finally:
        ray.shutdown()


def _with_plugins(wanted: Sequence[plugins.Plugin], work: Callable[..., Any], *arguments: Any) -> Any:
    """Do `work` on a worker with the plug-ins of the process that asked, which its folders or packages have, too."""
    for each in wanted:
        if each.path is not None:
            plugins.load(each.path)
    digests = {each.name: each.digest for each in wanted}
    if reason := plugins.missing(digests) or plugins.changed(digests):
        raise PluginError(f"On the worker: {reason}")
    return work(*arguments)
