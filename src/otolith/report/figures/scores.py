"""Where a model is right: by activity, by pair of activities, by person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from otolith.report.figures.common import WIDTH, percent_axis, short
from otolith.report.names import natural, percent
from otolith.report.style import (
    ACCENT,
    GRID,
    INK,
    MUTED,
    PAPER,
    WARM,
    bare,
    canvas,
    styled,
)


def confusion(matrix: Sequence[Sequence[int]], activities: Sequence[str]) -> Figure:
    """Confusion matrix, rows true: colour and large number are the row's share in percent, below the count.

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
                axes.add_patch(Rectangle((j, i), 1, 1, facecolor=colour, alpha=float(shares[i, j]), edgecolor="none"))
                if not counts[i, j]:
                    continue
                text = PAPER if shares[i, j] > 0.55 else INK
                axes.text(
                    j + 0.5,
                    i + 0.44,
                    f"{100 * shares[i, j]:.0f}" if shares[i, j] >= 0.005 else "<1",
                    ha="center",
                    va="center",
                    color="white" if text == PAPER else text,
                    fontsize=8 if small else 11,
                    fontweight="bold" if i == j else "normal",
                )
                axes.text(
                    j + 0.5,
                    i + 0.78,
                    str(counts[i, j]),
                    ha="center",
                    va="center",
                    color="white" if text == PAPER else MUTED,
                    fontsize=5.5 if small else 7,
                )
        for line in range(n + 1):
            axes.axhline(line, color=GRID, linewidth=0.8)
            axes.axvline(line, color=GRID, linewidth=0.8)
        axes.set(xlim=(0, n), ylim=(n, 0), aspect="equal", xlabel="recognised as", ylabel="true activity")
        axes.set_xticks(np.arange(n) + 0.5, names, rotation=40, ha="right", rotation_mode="anchor", color=INK)
        axes.set_yticks(np.arange(n) + 0.5, names, color=INK)
        bare(axes, "left", "bottom")
        return figure


def per_class(scores: Mapping[str, float], support: Mapping[str, int]) -> Figure:
    """F1 of each activity as a bar from zero with its value and its number of test windows."""
    names = list(scores)
    with styled():
        figure = canvas(WIDTH, 0.8 + 0.34 * len(names))
        axes = figure.subplots()
        values = [100 * scores[name] for name in names]
        axes.barh(range(len(names)), values, height=0.62, color=ACCENT)
        for i, (name, value) in enumerate(zip(names, values, strict=True)):
            inside = value > 25
            axes.text(
                value - 1.5 if inside else value + 1.5,
                i,
                f"{value:.1f}",
                va="center",
                ha="right" if inside else "left",
                color="white" if inside else INK,
                fontweight="bold",
            )
            axes.text(101.5, i, f"{support.get(name, 0):,}", va="center", ha="left", color=MUTED, fontsize=8)
        axes.text(101.5, -0.78, "windows", va="center", ha="left", color=MUTED, fontsize=8)
        axes.set_yticks(range(len(names)), [short(name) for name in names], color=INK)
        axes.set(ylim=(len(names) - 0.45, -0.55), xlabel="F1 (%)")
        axes.set_xlim(0, 100)
        axes.grid(axis="x")
        bare(axes, "left", "bottom")
        return figure


def per_subject(scores: Mapping[str, float], macro_f1: float, interval: Mapping[str, float] | None = None) -> Figure:
    """Macro F1 within each test subject, the best on top, with the score over all and its 95 % interval."""
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
        axes.set_title(label, color=WARM, loc="right", fontsize=9, pad=6)
        axes.set_yticks(range(len(people)), [short(person, 14) for person in people], color=INK)
        axes.set(ylim=(len(people) - 0.4, -0.6), xlabel="macro F1 within the subject (%)", ylabel="test subject")
        return figure
