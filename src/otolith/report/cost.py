"""What rows of the cost protocol show: seconds of an epoch of each stage, as Section V reports them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import mean
from typing import Any

from otolith.report.groups import recipe_name
from otolith.report.names import STAGES, dataset_title, method_order, method_title
from otolith.rows import Row

STANDARD = "csshar"
"""The method that Section V holds dynamic temperature against."""

PUBLISHED = (
    "The paper (Section V; full-size model, MobiAct, a Titan V): CSSHAR about 120 s an epoch, the autoencoder 30 s, "
    "dynamic temperature 210 s, which is 1.75x, and fine-tuning 14 s."
)


@dataclass(frozen=True)
class Costs:
    """Methods timed on one data set under one recipe on one machine; `lines` in the order of `header`."""

    title: str
    header: list[str]
    lines: list[list[str]]


def tables(rows: Iterable[Row]) -> list[Costs]:
    """One for each data set, recipe and machine; a line is the mean over a method's seeds."""
    found: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        parts = [dataset_title(str(row.key.get("dataset", "?")))]
        parts += [f"{recipe_name(row)} recipe"] if recipe_name(row) else []
        title = ", ".join([*parts, *machine(row.meta.get("environment"))])
        found.setdefault(title, {}).setdefault(str(row.key.get("method", "?")), []).append(row)
    return [_costs(title, methods) for title, methods in sorted(found.items())]


def machine(environment: Any) -> list[str]:
    """`["AMD EPYC", "2 threads"]`, or the GPU's name, from a row's environment."""
    known = environment if isinstance(environment, Mapping) else {}
    if known.get("gpu"):
        return [str(known["gpu"])]
    threads = known.get("threads")
    name = [str(known["processor"])] if known.get("processor") else []
    return [*name, f"{threads} {'thread' if threads == 1 else 'threads'}"] if threads else name


def _costs(title: str, methods: Mapping[str, list[Row]]) -> Costs:
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
    return Costs(title, header, lines)


def _mean_seconds(rows: Iterable[Row]) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for row in rows:
        for stage, seconds in row.meta["seconds_per_epoch"].items():
            found.setdefault(str(stage), []).append(float(seconds))
    return {stage: mean(each) for stage, each in found.items()}
