"""What the frozen teacher knows of the activities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from otolith.report.figures.common import WIDTH, short
from otolith.report.style import (
    ACCENT,
    GRID,
    INK,
    MUTED,
    WARM,
    bare,
    canvas,
    styled,
)


def teacher(separation: Mapping[str, Any]) -> Figure:
    """The teacher's similarity over pairs of one activity and of two, with the area under the ROC curve."""
    histogram = separation["histogram"]
    edges = np.asarray(histogram["edges"], dtype=np.float64)
    with styled():
        figure = canvas(WIDTH, 3.1)
        axes = figure.subplots()
        tops = {}
        for kind, colour, alpha in (("different", WARM, 0.22), ("same", ACCENT, 0.3)):
            counts = np.asarray(histogram[kind], dtype=np.float64)
            share = 100 * counts / max(counts.sum(), 1.0)
            axes.stairs(share, edges, fill=True, color=colour, alpha=alpha, linewidth=0)
            axes.stairs(share, edges, color=colour, linewidth=1.6, baseline=None)
            tops[kind] = (share.max(), colour)
        height = max(top for top, _ in tops.values())
        axes.set_ylim(0, 1.28 * height)
        used = np.flatnonzero(np.asarray(histogram["same"]) + np.asarray(histogram["different"]))
        left, right = (edges[used[0]], edges[used[-1] + 1]) if used.size else (0.0, 1.0)
        axes.set_xlim(max(0.0, left - 0.02), min(1.0, right + 0.02))
        for kind, words, side in (
            ("different", "different activities", "left"),
            ("same", "same activity", "right"),
        ):
            mean, colour = separation[f"mean_{kind}"], tops[kind][1]
            axes.plot([mean, mean], [0, 1.06 * height], color=colour, linewidth=1.0, linestyle=(0, (3, 2)))
            axes.annotate(
                f"{words}\nmean {mean:.2f}",
                (mean, 1.09 * height),
                xytext=(4 if side == "right" else -4, 0),
                textcoords="offset points",
                ha="left" if side == "right" else "right",
                va="bottom",
                color=colour,
                fontweight="bold",
                fontsize=8.5,
                annotation_clip=False,
            )
        axes.set_title(f"Area under the ROC curve {separation['auc']:.3f}", pad=14)
        axes.set(xlabel="angular similarity of two windows, as the teacher sees them", ylabel="share of pairs (%)")
        axes.grid(axis="y")
        bare(axes, "left")
        return figure


def teacher_per_activity(separation: Mapping[str, Any]) -> Figure:
    """The same area for the pairs that involve each activity; 0.5 is chance."""
    scores = separation["auc_per_activity"]
    names = sorted(scores, key=lambda name: -scores[name])
    with styled():
        figure = canvas(WIDTH, max(2.2, 0.95 + 0.27 * len(names)))
        axes = figure.subplots()
        axes.axvline(0.5, color=MUTED, linewidth=1.0, linestyle=(0, (3, 2)))
        values = [scores[name] for name in names]
        axes.hlines(range(len(names)), 0.5, values, color=GRID, linewidth=1.4)
        axes.plot(values, range(len(names)), "o", color=ACCENT, markersize=6.5)
        for i, value in enumerate(values):
            axes.annotate(
                f"{value:.2f}",
                (value, i),
                xytext=(8 if value >= 0.5 else -8, 0),
                textcoords="offset points",
                ha="left" if value >= 0.5 else "right",
                va="center",
                fontsize=8,
            )
        axes.set_xlim(min(0.42, min(values) - 0.08), 1.06)
        axes.set_yticks(range(len(names)), [short(name) for name in names], color=INK)
        axes.set(ylim=(len(names) - 0.4, -0.6), xlabel="area under the ROC curve (dashed: chance)")
        axes.grid(axis="x")
        bare(axes, "left", "bottom")
        return figure
