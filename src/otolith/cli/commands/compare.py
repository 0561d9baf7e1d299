"""`otolith compare`: methods beside each other; a command of its own for each protocol, made from its spec."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter, validators

from otolith.cli.shared import PLUGIN, Data, Device, Folder, IgnoreMemory, Overrides, RecipeName, SplitFile, SplitSeed
from otolith.protocols import PROTOCOLS, ProtocolSpec

HELP = """Compare methods under a protocol, each on the same subjects, labels and seeds.

What is done already in the output folder is not done again: the same command goes on after a stop, and further \
methods, seeds or labels join. `otolith compare PROTOCOL --help` lists the options of a protocol."""


@dataclass(frozen=True)
class Common:
    """Options that every protocol has.

    Attributes:
        dataset: A data set, or the folder of your own; the one that is scored.
        method: A method; give it several times. Default: random, supervised, csshar and dynamic.
        seeds: How many seeds, from 0.
        out: Output folder; default: runs/compare-PROTOCOL-DATASET-RECIPE.
        encoders: Folder that keeps the pre-trained encoders; comparisons that share it train each encoder once.
            Default: within the output folder.
        executor: here (one cell after the other) or ray (on the workers of a Ray cluster, each with as many threads as
            this process).
        address: For ray: a running cluster, such as auto or ray://host:10001; default: one on this machine.
        gpus: For ray: share of a GPU for a cell, such as 0.25; default: a whole one where the device is a GPU.
    """

    dataset: str = "watch"
    method: Annotated[tuple[str, ...] | None, Parameter(metavar="NAME")] = None
    seeds: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 1
    recipe: RecipeName = "best"
    data: Data = None
    out: Folder | None = None
    encoders: Folder | None = None
    overrides: Overrides = None
    device: Device = "auto"
    split: SplitFile = None
    split_seed: SplitSeed = None
    executor: Literal["here", "ray"] = "here"
    address: str | None = None
    gpus: Annotated[float | None, Parameter(validator=validators.Number(gte=0, lte=1))] = None
    ignore_memory: IgnoreMemory = False


def command_of(spec: ProtocolSpec) -> Callable[..., None]:
    """Return the command of a protocol: its own options and those that all have, as flat options.

    Raises:
        ValueError: an option of the protocol has the name of one that all have.
    """
    for taken in {field.name for field in fields(spec.options)} & {field.name for field in fields(Common)}:
        raise ValueError(f"protocol {spec.name}: every protocol has an option {taken!r} already; choose another name")

    def with_options(*, options: Any = None, common: Any = None) -> None:
        compare_under(spec, options or spec.options(), common or Common())

    def without(*, common: Any = None) -> None:
        compare_under(spec, spec.options(), common or Common())

    # of an empty class the help would have a line
    command: Callable[..., None] = with_options if fields(spec.options) else without
    flat = Parameter(name="*")
    command.__annotations__ = {
        "options": Annotated[spec.options | None, flat],
        "common": Annotated[Common | None, flat],
    }
    command.__doc__ = f"{spec.title}: {spec.line}" + (f" ({spec.section} of the paper)." if spec.section else ".")
    return command


def compare_under(spec: ProtocolSpec, options: Any, common: Common) -> None:
    """Plan the comparison, show the plan, and do what is missing."""
    from otolith.cli import results
    from otolith.cli.shared import Interrupted, parse_overrides
    from otolith.jobs import compare
    from otolith.progress.display import LiveProgress

    progress = LiveProgress()
    planned = compare.plan(
        spec.name,
        common.dataset,
        common.method or compare.METHODS,
        common.seeds,
        options=options,
        recipe=common.recipe,
        root=common.data,
        out=common.out,
        encoders=common.encoders,
        overrides=parse_overrides(common.overrides),
        device=common.device,
        split=common.split,
        split_seed=common.split_seed,
        progress=progress,
    )
    results.show(*results.comparison(planned), progress.console)
    if not common.ignore_memory:
        compare.refuse_too_large(planned, progress)
    try:
        ended = compare.run(
            planned, executor=common.executor, address=common.address, gpus=common.gpus, progress=progress
        )
    except KeyboardInterrupt:
        raise Interrupted(planned.folder, resume=False) from None
    results.compared(ended)


def build() -> App:
    """Return the command with one below it for each protocol that is known now."""
    app = App(
        name="compare",
        help=HELP,
        help_epilogue=PLUGIN,
        help_format="markdown",
        default_parameter=Parameter(negative=()),
    )
    for spec in PROTOCOLS:
        app.command(command_of(spec), name=spec.name)
    return app


compare = build()
