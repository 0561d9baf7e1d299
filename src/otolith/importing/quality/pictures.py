"""Pictures of an imported recording: its signals with labels, gaps and flags, and the regularity of its samples."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle, pairwise
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from numpy.typing import NDArray

from otolith.recording import Recording, Stream
from otolith.report.colours import of_activities
from otolith.report.style import (
    ACCENT,
    AXES,
    GRID,
    INK,
    MUTED,
    WARM,
    WIDTH,
    bands,
    bare,
    canvas,
    in_rows,
    short,
    styled,
    time_axis,
)
from otolith.system.memory import release
from otolith.windows.clock import MAX_GAP_S
from otolith.windows.pieces import steps_of, where_step

if TYPE_CHECKING:
    from otolith.importing.findings import Findings

BUCKETS = 1500
"""Stretches of time across the picture; each shows the least and the greatest value in it, so that no peak is lost."""
FLAG_COLOURS = {"still": "#8a96a3", "saturated": "#c0392b", "frozen": "#00b3a4"}


def overview(recording: Recording, activities: Sequence[str], findings: Findings) -> Figure:
    """Draw the signals over time, the activities under them, gaps as bands and flags in a strip of their own.

    `activities` fixes their colours for all recordings.
    """
    shown = _panels_of(recording)
    flags = list(dict.fromkeys(flag.kind for flag in findings.flags))
    strips = bool(recording.segments) + bool(flags)
    heights = [2.0] * len(shown) + [0.45] * strips
    colours = dict(zip(activities, of_activities(activities), strict=True))
    with styled():
        figure = canvas(2 * WIDTH, 0.9 + 0.75 * sum(heights))
        panels = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
        for axes, (title, unit, stream, rows) in zip(panels, shown, strict=False):
            _signals(axes, stream, rows)
            axes.set_title(title)
            axes.set_ylabel(unit)
            bands(axes, [(gap.start_s, gap.stop_s) for gap in findings.gaps], GRID)
        if recording.segments:
            end = end_of(recording)
            for name in dict.fromkeys(segment.activity for segment in recording.segments):
                mine = [each for each in recording.segments if each.activity == name]
                spans = [(each.start_s, end if each.stop_s is None else each.stop_s) for each in mine]
                bands(panels[len(shown)], spans, colours[name])
            panels[len(shown)].set(yticks=[0.5], yticklabels=["activity"], ylim=(0, 1))
        if flags:
            for kind in flags:
                spans = [(flag.start_s, flag.stop_s - flag.start_s) for flag in findings.flags if flag.kind == kind]
                # a moment too short to be seen is still drawn a hair wide
                panels[-1].broken_barh(spans, (0, 1), color=FLAG_COLOURS[kind], lw=1.2)
            panels[-1].set(yticks=[0.5], yticklabels=["flags"], ylim=(0, 1))
        for axes in panels:
            bare(axes, "left", "bottom")
            axes.margins(x=0)
        first = min(float(each.times[0]) if each.times is not None else each.start_s for each in recording.streams)
        panels[-1].set_xlabel(f"{time_axis(panels[-1], first, end_of(recording))} since the first sample")
        handles: list[Artist] = [
            Line2D([], [], color=colour, label=axis) for axis, colour in zip("xyz", AXES, strict=True)
        ]
        handles += [Patch(color=GRID, label="gap")] if findings.gaps else []
        handles += [Patch(color=FLAG_COLOURS[kind], label=kind) for kind in flags]
        here = dict.fromkeys(segment.activity for segment in recording.segments)
        handles += [Patch(color=colours[name], label=short(name)) for name in here]
        columns = min(8, len(handles))
        shown = in_rows(handles, columns)
        figure.legend(handles=shown, loc="outside upper left", ncols=columns, frameon=False, labelcolor=INK)
        return figure


def end_of(recording: Recording) -> float:
    """Return the time of the last sample; one period later where samples are regular."""
    return max(
        float(each.times[-1]) if each.times is not None else each.start_s + each.n_samples / each.rate_hz
        for each in recording.streams
    )


def intervals(recording: Recording) -> Figure:
    """Draw how many samples are so many milliseconds apart, gaps at the right: a panel for each sensor with times."""
    timed = [(each, each.times) for each in recording.streams if each.times is not None and each.n_samples > 1]
    n = max(1, len(timed))
    with styled():
        figure = canvas(WIDTH, 1.0 + 1.5 * n)
        panels = figure.subplots(n, 1, sharex=True, sharey=True, squeeze=False)[:, 0]
        for axes, (stream, times), colour in zip(panels, timed, cycle((ACCENT, WARM)), strict=False):
            extremes = [(1000 * float(steps.min()), 1000 * float(steps.max())) for steps in steps_of(times)]
            least, most = min(low for low, _ in extremes), max(high for _, high in extremes)
            edges = np.geomspace(max(0.05, least * 0.9), max(300.0, most * 1.1), 90)
            counts = sum(
                np.histogram(np.clip(1000 * steps, edges[0], edges[-1]), edges)[0] for steps in steps_of(times)
            )
            axes.stairs(counts, edges, fill=True, alpha=0.65, color=colour)
            sensors = "Both sensors" if len(stream.channels) == 6 else _title(stream.channels[0])
            axes.set_title(f"{sensors}, {stream.rate_hz:g} Hz")
        panels[0].set(xscale="log", yscale="log")
        for axes in panels:
            axes.axvline(1000 * MAX_GAP_S, color=MUTED, lw=1, ls=":")
            axes.set_ylabel("samples")
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_locator(LogLocator(numticks=6))
                axis.set_major_formatter(
                    FuncFormatter(lambda value, _: f"{value:,g}" if value < 1e6 else f"{value:.0e}")
                )
                axis.set_minor_locator(NullLocator())
            axes.grid(axis="y")
            bare(axes, "left", "bottom")
        panels[0].set_ylim(bottom=0.7)
        panels[-1].set_xlabel("milliseconds to the next sample")
        return figure


def _panels_of(recording: Recording) -> list[tuple[str, str, Stream, list[int]]]:
    found = []
    for kind, unit in (("acc", "m/s²"), ("gyro", "rad/s")):
        for stream in recording.streams:
            rows = [i for i, channel in enumerate(stream.channels) if channel.startswith(kind)]
            if rows:
                found.append((_title(kind), unit, stream, rows))
    return found


def _title(channel: str) -> str:
    return "Accelerometer" if channel.startswith("acc") else "Gyroscope"


def _signals(axes: Axes, stream: Stream, rows: list[int]) -> None:
    times = stream.sample_times
    ends = [0, *(where_step(times, lambda steps: steps > MAX_GAP_S) + 1).tolist(), len(times)]
    for colour, row in zip(AXES, rows, strict=False):  # one shape of each kind, as there may be thousands of parts
        lines: list[NDArray[np.floating]] = []
        areas: list[NDArray[np.floating]] = []
        for a, b in pairwise(ends):
            at, low, high = _envelope(times[a:b], stream.values[row, a:b], max(2, BUCKETS * (b - a) // len(times)))
            (lines if len(at) == b - a else areas).append(np.stack([at, low, high]))
            release(stream.values)
        if lines:
            at, _, high = _with_pauses(lines)
            axes.plot(at, high, color=colour, lw=0.8, rasterized=True)
        if areas:
            axes.fill_between(*_with_pauses(areas), color=colour, alpha=0.6, lw=0.3, rasterized=True)
    axes.grid(axis="y")


def _with_pauses(parts: Sequence[NDArray[np.floating]]) -> NDArray[np.floating]:
    """Return (rows, n) parts in a row, with a value that is no number between them."""
    pause = np.full((len(parts[0]), 1), np.nan)
    return np.concatenate([piece for part in parts for piece in (part, pause)], 1)


def _envelope(
    times: NDArray[np.float64], values: NDArray[np.floating], buckets: int
) -> tuple[NDArray[np.float64], NDArray[np.floating], NDArray[np.floating]]:
    if len(times) <= 2 * buckets:
        return times, values, values
    starts = np.linspace(0, len(times), buckets, endpoint=False).astype(np.int64)
    ends = [*starts.tolist(), len(times)]
    low, high = (np.empty(buckets, values.dtype) for _ in range(2))
    for number, (a, b) in enumerate(pairwise(ends)):
        low[number], high[number] = values[a:b].min(), values[a:b].max()
        if not number % 64:
            release(values)
    return times[starts], low, high
