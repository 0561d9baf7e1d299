"""Cost (Section V): seconds of an epoch of each stage."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import mean
from typing import TYPE_CHECKING, Any

from otolith.protocols.spec import NoOptions, ProtocolSpec

if TYPE_CHECKING:
    from otolith.progress import Progress
    from otolith.protocols.cells.study import Study
    from otolith.protocols.cells.unit import Key, Unit
    from otolith.recipes import Recipe
    from otolith.report.sections import Section
    from otolith.rows import Row

EPOCHS = 2
"""Epochs of each stage that are timed; `meta.seconds_per_epoch` is their mean."""

STANDARD = "csshar"
"""The method that Section V holds dynamic temperature against."""

PUBLISHED = (
    "The paper (Section V; full-size model, MobiAct, a Titan V): CSSHAR about 120 s an epoch, the autoencoder 30 s, "
    "dynamic temperature 210 s, which is 1.75x, and fine-tuning 14 s."
)


def units(study: Study, methods: Sequence[str], seeds: int, options: NoOptions) -> Iterator[Unit]:
    """Yield each method for a few epochs of each of its stages. What differs from run to run is the row's `meta`."""
    from otolith import splits
    from otolith.pipeline import finetune, pretrain
    from otolith.protocols.cells.unit import Unit
    from otolith.rows import Row

    split = splits.default(study.w, study.info)
    short = _shortened(study.recipe)
    for seed in range(seeds):
        for method in methods:
            key = study.key(SPEC.in_rows, split, method, seed)

            def run(missing: Sequence[Key], progress: Progress, key: Key = key) -> Iterator[Row]:
                name, number = str(key["method"]), int(key["seed"])
                encoder = pretrain(study.w, split, short, name, number, device=study.device, progress=progress)
                model = finetune(encoder, study.w, split, progress=progress)
                parameters = sum(p.numel() for p in encoder.network.parameters())
                result = {"parameters": parameters, "epochs": EPOCHS}
                yield Row(key, result, study.meta(split, {}, encoder.records + model.records))

            yield Unit(f"{method}, seed {seed}", (key,), run)


def _shortened(recipe: Recipe) -> Recipe:
    """Return the same recipe with a few epochs of everything."""
    from otolith import methods
    from otolith.recipes import Recipe

    def shorten(tree: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: EPOCHS if name == "epochs" else shorten(value) if isinstance(value, Mapping) else value
            for name, value in tree.items()
        }

    of_methods = {name: dataclasses.asdict(recipe.settings_of(name)) for name in methods.names()}
    tree = recipe.as_dict()
    return Recipe.model_validate(shorten(tree | {"method": of_methods | tree["method"]}))


def sections(rows: Iterable[Row]) -> list[Section]:
    """Return a table for each data set, recipe and machine; a line is the mean over a method's seeds."""
    from otolith.report.groups import recipe_name
    from otolith.report.names import dataset_title
    from otolith.report.sections import Section, Words

    found: dict[str, list[Row]] = {}
    for row in filter(is_timed, rows):
        parts = [dataset_title(str(row.key.get("dataset", "?")))]
        parts += [f"{recipe_name(row)} recipe"] if recipe_name(row) else []
        found.setdefault(", ".join([*parts, *machine(row.meta.get("environment"))]), []).append(row)
    return [
        Section(f"Seconds of an epoch: {title}", each, [_table(each), Words(PUBLISHED)], rank=2)
        for title, each in found.items()
    ]


def is_timed(row: Row) -> bool:
    """Return whether a row holds usable times; a damaged one is left out of tables."""
    spent = row.meta.get("seconds_per_epoch")
    times = list(spent.values()) if isinstance(spent, Mapping) else []
    return bool(times) and all(type(s) in (int, float) and 0 <= s < 1e300 for s in times)


def machine(environment: Any) -> list[str]:
    """`["AMD EPYC", "2 threads"]`, or the GPU's name, from a row's environment."""
    known = environment if isinstance(environment, Mapping) else {}
    if known.get("gpu"):
        return [str(known["gpu"])]
    threads = known.get("threads")
    name = [str(known["processor"])] if known.get("processor") else []
    return [*name, f"{threads} {'thread' if threads == 1 else 'threads'}"] if threads else name


def _table(rows: Iterable[Row]) -> Any:
    from otolith.report.names import STAGES, method_order, method_title
    from otolith.report.sections import Table

    methods: dict[str, list[Row]] = {}
    for row in rows:
        methods.setdefault(str(row.key.get("method", "?")), []).append(row)
    spent = {name: _mean_seconds(rows) for name, rows in methods.items()}
    stages = [stage for stage in STAGES if any(stage in each for each in spent.values())]
    standard = spent.get(STANDARD, {}).get("pretrain")
    header = ["Method", "Parameters", *(f"{STAGES[stage]} (s)" for stage in stages)]
    header += [f"Against {method_title(STANDARD)}"] if standard else []
    lines = []
    for name in sorted(methods, key=method_order):
        each = spent[name]
        size = methods[name][0].result.get("parameters")
        line = [method_title(name), f"{size:,}" if isinstance(size, int) else "–"]
        line += [f"{each[stage]:.2f}" if stage in each else "–" for stage in stages]
        if standard:
            line.append(f"{each['pretrain'] / standard:.2f}x" if "pretrain" in each else "–")
        lines.append(line)
    return Table(header, lines)


def _mean_seconds(rows: Iterable[Row]) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for row in rows:
        for stage, seconds in row.meta["seconds_per_epoch"].items():
            found.setdefault(str(stage), []).append(float(seconds))
    return {stage: mean(each) for stage, each in found.items()}


def summary(rows: Iterable[Row]) -> list[tuple[str, str]]:
    """Return each method with the seconds of an epoch of each stage."""
    lines = []
    for row in rows:
        spent = ", ".join(f"{stage} {seconds:.2g} s" for stage, seconds in row.meta["seconds_per_epoch"].items())
        lines.append((str(row.key["method"]), f"an epoch: {spent or 'nothing is trained'}"))
    return lines


SPEC = ProtocolSpec(
    name="cost",
    title="Cost",
    line="seconds of an epoch",
    section="Section V",
    units=units,
    sections=sections,
    summary=summary,
)
