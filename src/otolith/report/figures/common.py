"""What the figures share."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from otolith.report.style import (
    bare,
)

WIDTH = 4.7
"""Inches of an ordinary figure: two fit side by side on a laptop, one fills a phone and stays legible."""

MARKERS = "osD^vP"


def short(name: object, most: int = 18) -> str:
    """A name that fits beside an axis."""
    shown = "".join(c if c.isprintable() else " " for c in str(name).replace("_", " "))
    text = " ".join(shown.split())
    return text if len(text) <= most else text[: most - 1] + "…"


def percent_axis(axes: Axes, lowest: float) -> None:
    """The x axis in percent, from a round number below `lowest`, or zero where that is low, to 100."""
    start = 0.0 if lowest < 40 else 10 * np.floor((lowest - 5) / 10)
    axes.set_xlim(start, 100.5)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.grid(axis="x")
    bare(axes, "left", "bottom")
