"""The history of a search over recipe values, as a table and as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from otolith.report.style import ACCENT, MUTED, WARM, WIDTH, bare, canvas, short, styled, svg
from otolith.report.tables import csv_text, write_text

History = Sequence[tuple[Mapping[str, Any], float | None]]


def write_history(folder: Path, keys: Sequence[str], history: History, metric: str, *, higher: bool = True) -> None:
    """Write `trials.csv` and `history.svg` into a folder that is there.

    Args:
        keys: of the values, in the order of columns.
        history: values by key and score of each trial; None: it failed.
    """
    lines = [[number, score, *(_text(values[key]) for key in keys)] for number, (values, score) in enumerate(history)]
    write_text(folder / "trials.csv", csv_text(["trial", metric, *keys], lines))
    write_text(folder / "history.svg", svg(figure(keys, history, metric, higher=higher)))


def _text(value: Any) -> Any:
    return value if isinstance(value, int | float | str) else str(value)


def figure(keys: Sequence[str], history: History, metric: str, *, higher: bool = True) -> Figure:
    """Draw the score of each trial with the best so far, and below it the score over each value."""
    scored = [(number, values, score) for number, (values, score) in enumerate(history) if score is not None]
    shown = list(keys)[:6]
    with styled():
        drawn = canvas(WIDTH, 2.4 + 1.5 * len(shown))
        panels = drawn.subplots(1 + len(shown), 1, squeeze=False, height_ratios=[1.6, *[1.0] * len(shown)])[:, 0]
        numbers, scores = [number for number, _, _ in scored], [score for _, _, score in scored]
        panels[0].plot(numbers, scores, "o", color=ACCENT, markersize=4)
        running = np.maximum.accumulate(scores) if higher else np.minimum.accumulate(scores)
        panels[0].step(numbers, running if len(scores) else [], where="post", color=WARM, linewidth=1.4)
        panels[0].set(xlabel="trial", ylabel=metric.replace("_", " "))
        panels[0].xaxis.set_major_locator(MaxNLocator(integer=True))
        for axes, key in zip(panels[1:], shown, strict=True):
            values = [each[key] for _, each, _ in scored]
            if values and all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
                axes.plot(values, scores, "o", color=MUTED, markersize=4)
                if min(values) > 0 and max(values) > 30 * min(values):
                    axes.set_xscale("log")
            else:
                names = sorted({str(v) for v in values})
                axes.plot([names.index(str(v)) for v in values], scores, "o", color=MUTED, markersize=4)
                axes.set_xticks(range(len(names)), [short(name) for name in names])
            axes.set_xlabel(short(key, 40))
        for axes in panels:
            axes.grid(axis="y")
            bare(axes, "left")
        return drawn
