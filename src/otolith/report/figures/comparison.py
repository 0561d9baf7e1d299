"""Methods beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from otolith.report.figures.common import MARKERS, WIDTH, percent_axis, short
from otolith.report.names import method_title, natural
from otolith.report.style import (
    ACCENT,
    GRID,
    INK,
    METHOD_COLOURS,
    MUTED,
    canvas,
    palette,
    styled,
)


@dataclass(frozen=True)
class Series:
    """One line of a comparison: a score for each seed or fold, and the paper's figures; all fractions."""

    method: str
    label: str
    values: tuple[float, ...]
    published: tuple[float, ...] = ()


def comparison(lines: Sequence[Series], xlabel: str = "macro F1 on the test subjects (%)") -> Figure:
    """Every run as a point, the mean as a bar with its value; an open diamond is the paper's figure."""
    with styled():
        figure = canvas(WIDTH, 1.1 + 0.5 * len(lines))
        axes = figure.subplots()
        everything = [100 * v for line in lines for v in (*line.values, *line.published)]
        for i, line in enumerate(lines):
            values = 100 * np.asarray(line.values)
            colour = METHOD_COLOURS.get(line.method, ACCENT)
            mean = values.mean()
            axes.plot([values.min(), values.max()], [i, i], color=colour, alpha=0.35, linewidth=5)
            axes.plot(values, np.full(len(values), i), "o", color=colour, alpha=0.75, markersize=6)
            axes.plot([mean, mean], [i - 0.22, i + 0.22], color=colour, linewidth=2.6)
            axes.annotate(
                f"{mean:.1f}",
                (mean, i - 0.25),
                ha="center",
                va="bottom",
                color=INK,
                fontsize=8.5,
                fontweight="bold",
            )
            if line.published:
                paper = 100 * np.asarray(line.published)
                axes.plot(
                    paper, np.full(len(paper), i), "D", markersize=6, markerfacecolor="none", markeredgecolor=MUTED
                )
                axes.text(
                    paper.mean(),
                    i + 0.24,
                    "paper " + ", ".join(f"{value:.1f}" for value in paper),
                    ha="center",
                    va="top",
                    color=MUTED,
                    fontsize=7.5,
                )
        percent_axis(axes, min(everything))
        axes.set_yticks(range(len(lines)), [short(line.label, 30) for line in lines], color=INK)
        axes.set(ylim=(len(lines) - 0.35, -0.75), xlabel=xlabel)
        return figure


def subjects_by_method(table: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
    """{label: {subject: scores over seeds}}: the mean of each line for each subject, to show hard people.

    Keys of the outer mapping are method names (then coloured as elsewhere) or free labels.
    """
    people = sorted({person for line in table.values() for person in line}, key=natural)
    with styled():
        figure = canvas(WIDTH, 1.4 + 0.3 * len(people))
        axes = figure.subplots()
        fallback = palette(len(table))
        values: list[float] = []
        handles = []
        for k, (label, scores) in enumerate(table.items()):
            here = [(100 * float(np.mean(scores[p])), i) for i, p in enumerate(people) if p in scores]
            values += [value for value, _ in here]
            shift = (k - (len(table) - 1) / 2) * 0.6 / max(len(table), 1)
            (points,) = axes.plot(
                [value for value, _ in here],
                [i + shift for _, i in here],
                MARKERS[k % len(MARKERS)],
                color=METHOD_COLOURS.get(label, fallback[k]),
                markersize=6,
            )
            handles.append(points)
        percent_axis(axes, min(values))
        for i in range(len(people)):
            axes.axhline(i + 0.5, color=GRID, linewidth=0.8)
        axes.set_yticks(range(len(people)), [short(person, 14) for person in people], color=INK)
        axes.set(ylim=(len(people) - 0.5, -0.5), xlabel="macro F1 within the subject (%)", ylabel="test subject")
        # Handles are given, because matplotlib drops labels that are empty or begin with an underscore.
        labels = [short(method_title(label), 30) or "?" for label in table]
        figure.legend(
            handles,
            labels,
            loc="outside upper left",
            ncols=min(2, len(table)),
            frameon=False,
            handletextpad=0.2,
        )
        return figure
