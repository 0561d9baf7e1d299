"""Scores over the number of labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator

from otolith.report.figures.common import MARKERS, WIDTH, short
from otolith.report.names import method_title
from otolith.report.style import INK, METHOD_COLOURS, bare, canvas, palette, styled


def learning_curves(points: Mapping[str, Mapping[int, Mapping[str, Any]]]) -> Figure:
    """{method: {k: {mean, low, high}}} as lines over k with their 95 % intervals (Fig. 6); fractions."""
    ks = sorted({k for by_k in points.values() for k in by_k})
    with styled():
        figure = canvas(1.5 * WIDTH, 3.9)
        axes = figure.subplots()
        fallback = palette(len(points))
        handles = []
        for i, (method, by_k) in enumerate(points.items()):
            colour = METHOD_COLOURS.get(method, fallback[i])
            shift = 1.0 + 0.02 * (i - (len(points) - 1) / 2)  # intervals beside each other, not on top
            x = [k * shift for k in by_k]
            y = [100 * point["mean"] for point in by_k.values()]
            (line,) = axes.plot(x, y, color=colour, marker=MARKERS[i % len(MARKERS)], markersize=5)
            for place, point in zip(x, by_k.values(), strict=True):
                if point["low"] is not None:
                    axes.plot([place, place], [100 * point["low"], 100 * point["high"]], color=colour, alpha=0.45)
            handles.append(line)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator(ks))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xticklabels([str(k) for k in ks], color=INK)
        axes.set(xlabel="labelled windows of each activity", ylabel="macro F1 (%)")
        axes.grid(axis="y")
        bare(axes, "left", "bottom")
        labels = [short(method_title(method), 30) or "?" for method in points]
        figure.legend(handles, labels, loc="outside upper left", ncols=min(2, len(points)), frameon=False)
        return figure
