"""Draw a timeline over its signals: bands of activity, accelerometer, gyroscope, and probability."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from otolith.prediction.timeline import NOT_WORN, Timeline
from otolith.recording import Recording, Stream, unit_of
from otolith.report.colours import of_activities
from otolith.report.style import AXES, GRID, INK, MUTED, UNKNOWN, bands, bare, canvas, in_rows, styled, time_axis

POINTS = 1200
"""Columns of a drawn signal; longer signals are drawn by the smallest and largest value of each column."""
NOT_WORN_COLOUR = "#e9edf1"
SENSORS = (("acc", "Acceleration"), ("gyro", "Rotation"))


def colours_of(states: Sequence[str], n_activities: int) -> dict[str, str]:
    """Return the colour of each state, as on all pages; "unknown" is grey."""
    colours = of_activities(states[:n_activities])
    found = {name: colours[i] if i < n_activities else UNKNOWN for i, name in enumerate(states)}
    return found | {NOT_WORN: NOT_WORN_COLOUR}


def draw(recording: Recording, timeline: Timeline, channels: Sequence[str]) -> Figure:
    """Return the figure of one recording; `channels` are those that the model reads."""
    sensors = [(prefix, title) for prefix, title in SENSORS if any(c.startswith(prefix) for c in channels)]
    with styled():
        figure = canvas(10.5, 2.0 + 1.5 * len(sensors))
        axes = figure.subplots(
            2 + len(sensors), 1, sharex=True, squeeze=False, height_ratios=[0.55, *[1.5] * len(sensors), 0.95]
        )[:, 0]
        colours = colours_of(timeline.states, timeline.probabilities.shape[1])
        intervals = list(timeline.intervals())
        axes[0].set_yticks([])
        axes[0].set_ylabel("activity", rotation=0, ha="right", va="center")
        bare(axes[0], "left", "bottom")
        for each, (prefix, title) in zip(axes[1:], sensors, strict=False):
            _signals(each, recording, [c for c in channels if c.startswith(prefix)], title)
        _probability(axes[-1], timeline)
        seen = dict.fromkeys(name for name in colours if any(i.activity == name for i in intervals))
        for name in seen:
            spans = [(each.start_s, each.stop_s) for each in intervals if each.activity == name]
            bands(axes[0], spans, colours[name])
            for each in axes[1:]:
                bands(each, spans, colours[name], alpha=0.13)
        unit = "seconds"
        if len(timeline):
            start, stop = timeline.spans()
            axes[-1].set_xlim(start[0], stop[-1])
            unit = time_axis(axes[-1], float(start[0]), float(stop[-1]))
        figure.align_ylabels(axes[1:])
        axes[-1].set_xlabel(
            unit if timeline.started is None else f"{unit} after {timeline.started:%Y-%m-%d %H:%M:%S %Z}".strip()
        )
        ncols = min(7, max(1, len(seen)))
        figure.legend(
            handles=in_rows([Patch(color=colours[name], label=name) for name in seen], ncols),
            loc="outside upper center", ncols=ncols, frameon=False, fontsize=8.5,
        )  # fmt: skip
    return figure


def _signals(axes: Axes, recording: Recording, channels: Sequence[str], title: str) -> None:
    for colour, channel in zip(AXES, channels, strict=False):
        stream = next(s for s in recording.streams if channel in s.channels)
        time, values = envelope(stream, stream.channels.index(channel))
        axes.plot(time, values, color=colour, lw=0.7, label=channel.rpartition("_")[2])
    axes.set_ylabel(f"{title}\n{unit_of(channels[0]).replace('^2', '²')}")
    axes.legend(
        loc="lower right", bbox_to_anchor=(1, 0.96), ncols=3, frameon=False, fontsize=7.5, labelcolor=MUTED,
        handlelength=1,
    )  # fmt: skip
    axes.grid(axis="y")
    bare(axes)


def _probability(axes: Axes, timeline: Timeline) -> None:
    start, stop = timeline.spans()
    edges, values = np.empty(2 * len(start)), np.repeat(timeline.probability, 2)
    edges[0::2], edges[1::2] = start, stop
    axes.plot(edges, values, color=INK, lw=0.8)
    axes.set_ylim(0, 1.05)
    axes.set_yticks([0, 0.5, 1])
    axes.set_ylabel("probability")
    axes.grid(axis="y", color=GRID)
    bare(axes)


def envelope(stream: Stream, row: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return time and values of a channel or, of a long one, the extremes of each of `POINTS` columns, in pairs."""
    values = np.asarray(stream.values[row], np.float64)
    times = stream.times
    if times is None:
        times = stream.start_s + np.arange(len(values)) / stream.rate_hz
    if len(values) <= 2 * POINTS:
        return times, values
    first = np.linspace(0, len(values), POINTS, endpoint=False).astype(np.int64)
    low, high = np.minimum.reduceat(values, first), np.maximum.reduceat(values, first)
    return np.repeat(times[first], 2), np.stack([low, high], 1).ravel()
