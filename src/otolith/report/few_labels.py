"""What few-label groups show together: one line for each method over k (Fig. 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from otolith.metrics import mean_interval
from otolith.report.groups import Group, conditions, protocol_of
from otolith.report.names import dataset_title, method_order, method_title, percent, split_title


@dataclass(frozen=True)
class Learning:
    """Macro F1 over the number of labels under one set of conditions.

    `points` is {method: {k: {mean, low, high, n}}}: over draws, each averaged over the seeds.
    """

    title: str
    points: dict[str, dict[int, dict[str, Any]]]

    @property
    def ks(self) -> list[int]:
        return sorted({k for by_k in self.points.values() for k in by_k})


def learning(groups: Sequence[Group]) -> list[Learning]:
    """One for each data set, split, recipe and condition that few-label groups share."""
    found: dict[str, dict[str, dict[int, dict[int, list[float]]]]] = {}
    for group in groups:
        for row in group.rows:
            k = row.key.get("k")
            if protocol_of(row.key) != "few labels" or not isinstance(k, int):
                continue
            rest = conditions({name: value for name, value in row.key.items() if name != "k"})
            parts = [dataset_title(group.dataset), split_title(group.split)]
            parts += [f"{group.recipe_name} recipe"] if group.recipe_name else []
            title = ", ".join([*parts, *([rest] if rest else [])])
            place = found.setdefault(title, {}).setdefault(str(row.key.get("method")), {})
            place.setdefault(k, {}).setdefault(int(row.key.get("draw") or 0), []).append(row.result["macro_f1"])
    return [
        Learning(
            title,
            {
                method: {
                    k: mean_interval(sum(scores) / len(scores) for scores in by_draw.values())
                    for k, by_draw in sorted(by_k.items())
                }
                for method, by_k in sorted(methods.items(), key=lambda item: method_order(item[0]))
            },
        )
        for title, methods in sorted(found.items())
    ]


def header(of: Learning) -> list[str]:
    return ["Method", *(f"k = {k}" for k in of.ks), "Draws"]


def table(of: Learning) -> list[list[str]]:
    """`71.2 ± 3.1` for each method and k: the mean and half of its 95 % interval, in percent."""
    lines = []
    for method, by_k in of.points.items():
        cells = [_cell(by_k.get(k)) for k in of.ks]
        counts = sorted({point["n"] for point in by_k.values()})
        lines.append([method_title(method), *cells, "–".join(str(n) for n in (counts[0], *counts[1:][-1:]))])
    return lines


def _cell(point: dict[str, Any] | None) -> str:
    if point is None:
        return "–"
    half = "" if point["low"] is None else f" ± {percent((point['high'] - point['low']) / 2)}"
    return f"{percent(point['mean'])}{half}"
