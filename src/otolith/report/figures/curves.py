"""Curves over epochs and over the number of labels, and the similarities that a teacher gives to pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullFormatter, NullLocator

from otolith.report.names import method_colour, method_title, percent, stage_title
from otolith.report.style import (
    ACCENT,
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
    short,
    styled,
)


def training_curve(stage: str, points: Sequence[Mapping[str, Any]]) -> Figure:
    """Loss of one stage over its epochs; below it the validation macro F1 where they carry `val_macro_f1`."""
    epochs = [int(point["epoch"]) for point in points]
    loss = [float(point.get("loss", np.nan)) for point in points]
    scored = [(int(p["epoch"]), float(p["val_macro_f1"])) for p in points if p.get("val_macro_f1") is not None]
    with styled():
        figure = canvas(WIDTH, 3.9 if scored else 2.5)
        panels = figure.subplots(2 if scored else 1, 1, sharex=True, squeeze=False)[:, 0]
        top = panels[0]
        top.set_title(short(stage_title(stage), 40))
        top.plot(epochs, loss, color=ACCENT, marker="o" if len(epochs) == 1 else None)
        top.set_ylabel("loss")
        top.annotate(
            f"{loss[-1]:.3g}",
            (epochs[-1], loss[-1]),
            xytext=(0, 6),
            textcoords="offset points",
            ha="right",
            color=SAID[ACCENT],
            fontweight="bold",
        )
        if scored:
            x, y = zip(*scored, strict=True)
            shown = [100 * value for value in y]
            best = int(np.argmax(y))
            panels[1].plot(x, shown, color=WARM)
            panels[1].plot(x[best], shown[best], "o", color=WARM, markersize=6)
            late = x[best] > (x[0] + x[-1]) / 2
            panels[1].annotate(
                f"best {percent(y[best])} in epoch {x[best]}",
                (x[best], shown[best]),
                xytext=(0, -26),
                textcoords="offset points",
                ha="right" if late else "left",
                color=SAID[WARM],
                fontweight="bold",
            )
            panels[1].set_ylabel("validation macro F1 (%)")
        for panel in panels:
            panel.grid(axis="y")
            bare(panel, "left")
            panel.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))
            panel.margins(x=0.02, y=0.15)
        panels[-1].set_xlabel("epoch")
        return figure


def learning_curves(points: Mapping[str, Mapping[int, Mapping[str, Any]]]) -> Figure:
    """Draw {method: {k: {mean, low, high}}} as lines over k with their 95 % intervals (Fig. 6); fractions."""
    ks = sorted({k for by_k in points.values() for k in by_k})
    with styled():
        figure = canvas(1.5 * WIDTH, 3.9)
        axes = figure.subplots()
        fallback = palette(len(points))
        handles = []
        for i, (method, by_k) in enumerate(points.items()):
            colour = method_colour(method, fallback[i])
            shift = 1.0 + 0.02 * (i - (len(points) - 1) / 2)  # intervals beside each other, not on top
            x = [k * shift for k in by_k]
            y = [100 * point["mean"] for point in by_k.values()]
            handles += axes.plot(x, y, color=colour, marker=MARKERS[i % len(MARKERS)], markersize=5)
            for place, point in zip(x, by_k.values(), strict=True):
                if point["low"] is not None:
                    axes.plot([place, place], [100 * point["low"], 100 * point["high"]], color=colour, alpha=0.45)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator(ks))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xticklabels([str(k) for k in ks], color=INK)
        axes.set(xlabel="labelled windows of each activity", ylabel="macro F1 (%)")
        low, high = axes.get_ylim()
        axes.set_ylim(max(low, 0.0), min(high, 101.0))  # an interval over few draws reaches farther than scores do
        axes.grid(axis="y")
        bare(axes, "left", "bottom")
        labels = [short(method_title(method), 30) or "?" for method in points]
        figure.legend(handles, labels, loc="outside upper left", ncols=min(2, len(points)), frameon=False)
        return figure


def teacher(separation: Mapping[str, Any]) -> Figure:
    """Draw the teacher's similarity over pairs of one activity and of two, with the area under the ROC curve."""
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
        for kind, words, ha, aside in (
            ("different", "different activities", "right", -4),
            ("same", "same activity", "left", 4),
        ):
            mean, colour = separation[f"mean_{kind}"], tops[kind][1]
            axes.plot([mean, mean], [0, 1.06 * height], color=colour, linewidth=1.0, linestyle=(0, (3, 2)))
            axes.annotate(
                f"{words}\nmean {mean:.2f}",
                (mean, 1.09 * height),
                xytext=(aside, 0),
                textcoords="offset points",
                ha=ha,
                va="bottom",
                color=SAID[colour],
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
    """Draw the same area for the pairs that involve each activity; 0.5 is chance."""
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
