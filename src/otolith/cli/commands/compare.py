"""`otolith compare`: methods beside each other under one protocol of the paper."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter, validators

from otolith.cli.shared import Flag, Folder, Overrides

Protocol = Literal["representation", "cross-validation", "few-labels", "transfer", "cost"]
Count = Annotated[int, Parameter(validator=validators.Number(gte=1))]


def compare(
    protocol: Protocol,
    /,
    *,
    dataset: str = "watch",
    source: str | None = None,
    method: Annotated[list[str] | None, Parameter(metavar="NAME")] = None,
    seeds: Count = 1,
    recipe: str = "compact",
    k: Annotated[list[int] | None, Parameter(metavar="N")] = None,
    draws: Count = 10,
    stop: Literal["last", "paper"] = "last",
    folds: Annotated[int, Parameter(validator=validators.Number(gte=2))] = 5,
    leave_one_out: Annotated[bool, Parameter(show_default=False)] = False,
    data: Folder | None = None,
    out: Folder | None = None,
    encoders: Folder | None = None,
    overrides: Overrides = None,
    device: str = "auto",
    executor: Literal["here", "ray"] = "here",
    address: str | None = None,
    gpus: Annotated[float | None, Parameter(validator=validators.Number(gte=0, lte=1))] = None,
    ignore_memory: Flag = False,
) -> None:
    """Compare methods under a protocol, each on the same subjects, labels and seeds.

    What is done already in the output folder is not done again: the same command goes on after a stop, and further
    methods, seeds or k join.

    Args:
        protocol: representation (all labels, the data set's own split), cross-validation (by subject), few-labels (k of
            each activity), transfer (from one data set to another), cost (seconds of an epoch).
        dataset: A data set, or the folder of your own; the one that is scored.
        source: For transfer: the data set that encoders are pre-trained on.
        method: A method; give it several times. Default: random, supervised, csshar and dynamic.
        seeds: How many seeds, from 0.
        recipe: compact, paper, or a TOML file; for transfer, that of the source.
        k: For few-labels: labelled windows of each activity; give it several times. Default: 1 2 5 10 25 50 100.
        draws: For few-labels: how often k windows are drawn.
        stop: For few-labels: last (after a fixed number of steps) or paper (the best on the validation subjects).
        folds: For cross-validation: how many folds of subjects.
        leave_one_out: For cross-validation: leave one subject out at a time.
        data: Folder that holds the data set (for transfer, both), or its parent.
        out: Output folder; default: runs/compare-PROTOCOL-DATASET-RECIPE.
        encoders: Folder that keeps the pre-trained encoders; comparisons that share it train each encoder once.
            Default: within the output folder.
        overrides: Change a value of the recipe, such as pretrain.epochs=10.
        device: auto, cpu, cuda, ...
        executor: here (one cell after the other) or ray (on the workers of a Ray cluster, each with as many threads as
            this process).
        address: For ray: a running cluster, such as auto or ray://host:10001; default: one on this machine.
        gpus: For ray: share of a GPU for a cell, such as 0.25; default: a whole one where the device is a GPU.
        ignore_memory: Begin even if the memory of this machine does not seem to suffice.
    """
    from otolith.cli import results
    from otolith.cli.display import LiveProgress
    from otolith.cli.shared import Interrupted, parse_overrides
    from otolith.jobs import compare

    progress = LiveProgress()
    planned = compare.plan(
        protocol,
        dataset,
        tuple(method or compare.METHODS),
        seeds,
        recipe=recipe,
        source=source,
        ks=tuple(k) if k else None,
        draws=draws,
        stop=stop,
        folds=None if leave_one_out else folds,
        root=data,
        out=out,
        encoders=encoders,
        overrides=parse_overrides(overrides),
        device=device,
        progress=progress,
    )
    results.show(*results.comparison(planned), progress.console)
    if not ignore_memory:
        compare.refuse_too_large(planned, progress)
    try:
        ended = compare.run(planned, executor=executor, address=address, gpus=gpus, progress=progress)
    except KeyboardInterrupt:
        raise Interrupted(planned.folder, resume=False) from None
    results.compared(ended)
