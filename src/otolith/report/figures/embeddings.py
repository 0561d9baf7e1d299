"""Features in the plane, as in Fig. 5."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from otolith.report.colours import of_activities
from otolith.report.names import natural
from otolith.report.style import CENTRED, INK, MARKERS, PAPER, WIDTH, canvas, palette, short, styled


@dataclass(frozen=True, eq=False)
class Panel:
    """One picture of an embedding: n points (n, 2) and the classes (n,) that colour them."""

    title: str
    points: NDArray[np.floating]
    y: NDArray[np.int64]
    activities: Sequence[str]


def _label_spots(groups: Sequence[NDArray[np.floating]], letters: Sequence[int]) -> NDArray[np.float64]:
    """Return the place of each group's name, (groups, 2): over its densest part, pushed apart where names touch."""
    span = float(np.ptp(np.concatenate(groups), axis=0).max()) or 1.0
    width = 0.021 * span * np.add.outer(letters, letters) / 2 + 0.03 * span
    height = 0.062 * span
    spots = np.empty((len(groups), 2))
    for i, points in enumerate(groups):
        # The member whose neighbours are nearest; 300 stand for all, as this only places a word.
        few = points[:300]
        gaps = np.linalg.norm(points[:, None] - few[None], axis=2)
        n_near = max(2, len(points) // 5)
        centre = np.argmin(np.sort(gaps, axis=1)[:, :n_near].mean(axis=1))
        near = few[np.argsort(gaps[centre])[:n_near]]
        spots[i] = near[:, 0].mean(), near[:, 1].max() + 0.7 * height
    for _ in range(200):
        dx = np.abs(spots[:, None, 0] - spots[None, :, 0])
        dy = spots[:, None, 1] - spots[None, :, 1]
        touching = (dx < width) & (np.abs(dy) < height) & ~np.eye(len(groups), dtype=bool)
        if not touching.any():
            break
        # Equal heights need a direction: the earlier class goes down.
        above = np.where(
            dy == 0, np.sign(np.subtract.outer(np.arange(len(groups)), np.arange(len(groups)))), np.sign(dy)
        )
        spots[:, 1] += np.where(touching, above * (height - np.abs(dy)) / 2, 0).sum(axis=1) / 2
    return spots


def _draw_embedding(axes: Axes, panel: Panel) -> None:
    n_classes = max(len(panel.activities), int(panel.y.max()) + 1)
    names = [*panel.activities, *map(str, range(len(panel.activities), n_classes))]
    colours = of_activities(names)
    # Rare classes are drawn over frequent ones, and each point is small and translucent, so that none hides.
    for c in sorted(np.unique(panel.y), key=lambda c: -np.sum(panel.y == c)):
        chosen = panel.points[panel.y == c]
        axes.scatter(
            chosen[:, 0],
            chosen[:, 1],
            s=9,
            color=colours[c],
            alpha=0.65,
            linewidths=0,
            marker=MARKERS[(c // 6) % len(MARKERS)],
            rasterized=True,
        )
    classes = np.unique(panel.y)
    names = [short(panel.activities[c] if c < len(panel.activities) else c) for c in classes]
    spots = _label_spots([panel.points[panel.y == c] for c in classes], [len(name) for name in names])
    for c, name, spot in zip(classes, names, spots, strict=True):
        box = {
            "boxstyle": "round,pad=0.25",
            "facecolor": PAPER,
            "edgecolor": colours[c],
            "linewidth": 1.2,
            "alpha": 0.88,
        }
        axes.text(float(spot[0]), float(spot[1]), name, fontsize=8.5, fontweight="bold", color=INK, bbox=box, **CENTRED)
    # Labels take part in the limits, so that none is cut off.
    axes.update_datalim(spots)
    axes.margins(0.06)


def _plane(title: str) -> tuple[Figure, Axes]:
    """An empty plane without axes; use inside `styled`."""
    figure = canvas(WIDTH, 4.4)
    axes = figure.subplots()
    axes.set_title(short(title, 48))
    axes.set(xticks=[], yticks=[])
    axes.set_aspect("equal", adjustable="datalim")
    for spine in axes.spines.values():
        spine.set_visible(False)
    return figure, axes


def embedding(panel: Panel) -> Figure:
    """Draw one t-SNE picture, coloured by class, as in Fig. 5."""
    with styled():
        figure, axes = _plane(panel.title)
        _draw_embedding(axes, panel)
        return figure


def subjects_embedding(title: str, points: NDArray[np.floating], subject: NDArray[Any]) -> Figure:
    """Draw the same points coloured by person: features that ignore who moves mix the colours."""
    people = sorted(np.unique(subject).tolist(), key=lambda person: natural(str(person)))
    colours = palette(len(people))
    with styled():
        figure, axes = _plane(title)
        order = np.random.default_rng(0).permutation(len(points))  # so that no person lies on top
        index = {person: i for i, person in enumerate(people)}
        shade = [colours[index[person]] for person in np.asarray(subject)[order].tolist()]
        axes.scatter(points[order, 0], points[order, 1], s=9, c=shade, alpha=0.65, linewidths=0, rasterized=True)
        return figure
