"""Training curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from otolith.report.figures.common import WIDTH, short
from otolith.report.names import STAGES, percent
from otolith.report.style import (
    ACCENT,
    WARM,
    bare,
    canvas,
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
        top.set_title(short(STAGES.get(stage, stage), 40))
        top.plot(epochs, loss, color=ACCENT, marker="o" if len(epochs) == 1 else None)
        top.set_ylabel("loss")
        top.annotate(
            f"{loss[-1]:.3g}",
            (epochs[-1], loss[-1]),
            xytext=(0, 6),
            textcoords="offset points",
            ha="right",
            color=ACCENT,
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
                color=WARM,
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
