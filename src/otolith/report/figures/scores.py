"""Scores by activity, by pair of activities, by person, and of methods beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from otolith.report.names import method_colour, method_title, natural, percent
from otolith.report.style import (
    ACCENT,
    CENTRED,
    GRID,
    INK,
    MARKERS,
    MUTED,
    SAID,
    WARM,
    WIDTH,
    bare,
    canvas,
    palette,
    percent_axis,
    short,
    styled,
)

FULL = 0.6
"""Opacity of a cell of a confusion matrix that holds its whole row: figures on it stay legible in both schemes."""


def confusion(matrix: Sequence[Sequence[int]], activities: Sequence[str]) -> Figure:
    """Draw a confusion matrix, rows true: colour and large number are the row's share in percent, below the count.

    Activities that neither occur nor are predicted are left out.
    """
    counts = np.asarray(matrix, dtype=np.int64)
    used = np.flatnonzero(counts.sum(axis=0) + counts.sum(axis=1))
    counts, names = counts[np.ix_(used, used)], [short(activities[int(i)]) for i in used]
    n = len(names)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    small = n > 8
    side = max(WIDTH, 0.56 * n + 1.4)
    with styled():
        figure = canvas(side, 0.9 * side if small else 0.87 * side)
        axes = figure.subplots()
        for i in range(n):
            for j in range(n):
                colour = ACCENT if i == j else WARM
                # Opacity instead of a colour map: an empty cell is the page, light or dark.
                shade = FULL * float(shares[i, j])
                axes.add_patch(Rectangle((j, i), 1, 1, facecolor=colour, alpha=shade, edgecolor="none"))
                if not counts[i, j]:
                    continue
                share = f"{100 * shares[i, j]:.0f}" if shares[i, j] >= 0.005 else "<1"
                weight = "bold" if i == j else "normal"
                size, below = (8, 6.5) if small else (11, 8)
                axes.text(j + 0.5, i + 0.44, share, color=INK, fontsize=size, fontweight=weight, **CENTRED)
                axes.text(j + 0.5, i + 0.78, str(counts[i, j]), color=INK, fontsize=below, **CENTRED)
        for line in range(n + 1):
            axes.axhline(line, color=GRID, linewidth=0.8)
            axes.axvline(line, color=GRID, linewidth=0.8)
        axes.set(xlim=(0, n), ylim=(n, 0), aspect="equal", xlabel="recognised as", ylabel="true activity")
        axes.set_xticks(np.arange(n) + 0.5, names, rotation=40, ha="right", rotation_mode="anchor", color=INK)
        axes.set_yticks(np.arange(n) + 0.5, names, color=INK)
        bare(axes, "left", "bottom")
        return figure


def per_class(scores: Mapping[str, float], support: Mapping[str, int]) -> Figure:
    """Draw the F1 of each activity as a bar from zero with its value and its number of test windows."""
    names = list(scores)
    with styled():
        figure = canvas(WIDTH, 0.8 + 0.34 * len(names))
        axes = figure.subplots()
        values = [100 * scores[name] for name in names]
        axes.barh(range(len(names)), values, height=0.62, color=ACCENT)
        for i, (name, value) in enumerate(zip(names, values, strict=True)):
            x, ha, ink = (value - 1.5, "right", "white") if value > 25 else (value + 1.5, "left", INK)
            axes.text(x, i, f"{value:.1f}", va="center", ha=ha, color=ink, fontweight="bold")
            axes.text(101.5, i, f"{support.get(name, 0):,}", va="center", ha="left", color=MUTED, fontsize=8)
        axes.text(101.5, -0.78, "windows", va="center", ha="left", color=MUTED, fontsize=8)
        axes.set_yticks(range(len(names)), [short(name) for name in names], color=INK)
        axes.set(ylim=(len(names) - 0.45, -0.55), xlabel="F1 (%)")
        axes.set_xlim(0, 100)
        axes.grid(axis="x")
        bare(axes, "left", "bottom")
        return figure


def per_subject(scores: Mapping[str, float], macro_f1: float, interval: Mapping[str, float] | None = None) -> Figure:
    """Draw the macro F1 within each test subject, the best on top, with the score over all and its 95 % interval."""
    people = sorted(scores, key=lambda person: (-scores[person], natural(person)))
    values = [100 * scores[person] for person in people]
    step = 0.27 if len(people) <= 20 else 0.16
    with styled():
        figure = canvas(WIDTH, 1.15 + step * len(people))
        axes = figure.subplots()
        if interval is not None:
            low, high = 100 * interval["low"], 100 * interval["high"]
            axes.axvspan(low, high, color=WARM, alpha=0.13, linewidth=0)
        axes.axvline(100 * macro_f1, color=WARM, linewidth=1.6)
        axes.hlines(range(len(people)), 0, values, color=GRID, linewidth=1.2)
        axes.plot(values, range(len(people)), "o", color=ACCENT, markersize=6.5 if step > 0.2 else 4)
        for i, value in enumerate(values):
            at_right = axes.get_yaxis_transform()
            axes.text(1.015, i, f"{value:.1f}", transform=at_right, ha="left", va="center", fontsize=8)
        lowest = min([*values, 100 * macro_f1, *([low] if interval is not None else [])])
        percent_axis(axes, lowest)
        label = f"all {percent(macro_f1)}" + (f" ({low:.1f}–{high:.1f})" if interval is not None else "")
        axes.set_title(label, color=SAID[WARM], loc="right", fontsize=9, pad=6)
        axes.set_yticks(range(len(people)), [short(person, 14) for person in people], color=INK)
        axes.set(ylim=(len(people) - 0.4, -0.6), xlabel="macro F1 within the subject (%)", ylabel="test subject")
        return figure


@dataclass(frozen=True)
class Series:
    """One line of a comparison: a score for each seed or fold, and the paper's figures; all fractions."""

    method: str
    label: str
    values: tuple[float, ...]
    published: tuple[float, ...] = ()


def comparison(lines: Sequence[Series]) -> Figure:
    """Draw every run as a point, the mean as a bar with its value; an open diamond is the paper's figure."""
    with styled():
        figure = canvas(WIDTH, 1.1 + 0.5 * len(lines))
        axes = figure.subplots()
        everything = [100 * v for line in lines for v in (*line.values, *line.published)]
        for i, line in enumerate(lines):
            values = 100 * np.asarray(line.values)
            colour = method_colour(line.method, ACCENT)
            mean = values.mean()
            axes.plot([values.min(), values.max()], [i, i], color=colour, alpha=0.35, linewidth=5)
            axes.plot(values, np.full(len(values), i), "o", color=colour, alpha=0.75, markersize=6)
            axes.plot([mean, mean], [i - 0.22, i + 0.22], color=colour, linewidth=2.6)
            axes.annotate(
                f"{mean:.1f}", (mean, i - 0.25), ha="center", va="bottom", color=INK, fontsize=8.5, fontweight="bold"
            )
            if line.published:
                paper = 100 * np.asarray(line.published)
                open_diamond: dict[str, Any] = {"markerfacecolor": "none", "markeredgecolor": MUTED}
                axes.plot(paper, np.full(len(paper), i), "D", markersize=6, **open_diamond)
                words = "paper " + ", ".join(f"{value:.1f}" for value in paper)
                axes.text(paper.mean(), i + 0.24, words, ha="center", va="top", color=MUTED, fontsize=7.5)
        percent_axis(axes, min(everything))
        axes.set_yticks(range(len(lines)), [short(line.label, 30) for line in lines], color=INK)
        axes.set(ylim=(len(lines) - 0.35, -0.75), xlabel="macro F1 on the test subjects (%)")
        return figure


def subjects_by_method(table: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
    """Draw {label: {subject: scores over seeds}}: the mean of each line for each subject, to show hard people.

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
            x, y = [value for value, _ in here], [i + shift for _, i in here]
            colour = method_colour(label, fallback[k])
            handles += axes.plot(x, y, MARKERS[k % len(MARKERS)], color=colour, markersize=6)
        percent_axis(axes, min(values))
        for i in range(len(people)):
            axes.axhline(i + 0.5, color=GRID, linewidth=0.8)
        axes.set_yticks(range(len(people)), [short(person, 14) for person in people], color=INK)
        axes.set(ylim=(len(people) - 0.5, -0.5), xlabel="macro F1 within the subject (%)", ylabel="test subject")
        # Handles are given, because matplotlib drops labels that are empty or begin with an underscore.
        labels = [short(method_title(label), 30) or "?" for label in table]
        figure.legend(
            handles, labels, loc="outside upper left", ncols=min(2, len(table)), frameon=False, handletextpad=0.2
        )
        return figure
