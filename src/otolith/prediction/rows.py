"""Rows of days, bars of hours and tables of one recording, as its page shows them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from otolith.prediction.colours import State
from otolith.prediction.moments import changes, day_around, days, hours, local_text, moment, utc_text
from otolith.prediction.timeline import NOT_WORN, Interval, Timeline

DAY_S = 86_400.0
SHORT_S = 6 * 3600.0
"""Recordings up to so long are drawn from their begin to their end; longer ones as days, from midnight."""
CELLS = 1440
"""Columns of a row: the minutes of a day."""
SAMPLES = 6
"""Looks at each column, whose most frequent state is drawn."""


def is_full(t: Timeline, intervals: Sequence[Interval]) -> bool:
    """Tell if rows are whole days."""
    return intervals[-1].stop_s - intervals[0].start_s > SHORT_S


def rows_of(t: Timeline, intervals: Sequence[Interval], states: Sequence[State]) -> list[dict[str, Any]]:
    """Return a row for each day: its begin and end in seconds on the recording's clock, and the areas of its states."""
    begin, end = intervals[0].start_s, intervals[-1].stop_s
    spans: list[tuple[str, float, float]]
    if not is_full(t, intervals):
        spans = [(_label(t, begin, 0), begin, end)]
    elif t.started is None:
        first = DAY_S * (begin // DAY_S)
        spans = [(f"Day {i + 1}", first + i * DAY_S, first + (i + 1) * DAY_S) for i in range(int(end // DAY_S) + 1)]
    else:
        spans = []
        for count, (_, a, _) in enumerate(days(t.started, begin, end)):
            spans.append((_label(t, a, count), *day_around(t.started, a)))
    starts = np.array([each.start_s for each in intervals])
    stops = np.array([each.stop_s for each in intervals])
    number = {state.name: i for i, state in enumerate(states)}
    codes = np.array([number[each.activity] for each in intervals])
    out = []
    for label, a, b in spans:
        times = a + (b - a) * (np.arange(CELLS * SAMPLES) + 0.5) / (CELLS * SAMPLES)
        if b - a != DAY_S and t.started is not None and is_full(t, intervals):
            times = _on_the_wall(t, a, b)
        cells = _cells(times, starts, stops, codes, len(states))
        seconds = _seconds(intervals, a, b)
        worn = sum(s for name, s in seconds.items() if name != NOT_WORN)
        spoken = ", ".join(f"{name} {s / 3600:.1f} h" for name, s in seconds.items())
        out.append(
            {
                "label": label,
                "from": a,
                "to": b,
                "width": CELLS,
                "paths": list(_paths(cells, states)),
                "worn": f"{worn / 3600:.1f} h" if worn >= 3600 else f"{worn / 60:.0f} min",
                "spoken": f"{label}: {spoken or 'nothing recorded'}",
            }
        )
    return out


def ticks(t: Timeline, row: dict[str, Any], full: bool) -> list[dict[str, Any]]:
    """Return the marks of the axis below the rows, in percent of their width."""
    if full:
        return [{"at": f"{100 * hour / 24:.2f}", "text": f"{hour}"} for hour in (0, 3, 6, 9, 12, 15, 18, 21, 24)]
    out = []
    for i in range(5):
        at = row["from"] + (row["to"] - row["from"]) * i / 4
        text = f"{at:.0f} s" if t.started is None else moment(t.started, at).strftime("%H:%M:%S")
        out.append({"at": f"{25 * i}", "text": text})
    return out


def hour_bars(t: Timeline, intervals: Sequence[Interval], states: Sequence[State]) -> list[dict[str, Any]]:
    """Return stacked bars of each day's hours, 60 high for 60 minutes, at 10 for each hour of the day.

    An hour that comes twice has two bars of half the width.
    """
    out: dict[str, dict[str, Any]] = {}
    found = _hours(t, intervals)
    places = {begin: _place(t, begin) for begin in found}
    pieces: dict[tuple[str, int], list[float]] = {}
    for begin in sorted(found):
        pieces.setdefault(places[begin][1:], []).append(begin)
    for begin, seconds in found.items():
        label, day, hour = places[begin]
        figure = out.setdefault(day, {"label": label, "bars": []})
        same = pieces[day, hour]
        w = 8.5 / len(same)
        x, y = 10 * hour + 0.75 + w * same.index(begin), 60.0
        for state in states:
            high = seconds.get(state.name, 0.0) / 60
            if high >= 0.05:
                y -= high
                figure["bars"].append(
                    {"x": f"{x:g}", "w": f"{w:g}", "y": f"{max(y, 0):.1f}", "h": f"{high:.1f}", "fill": state.far}
                )
    return list(out.values())


def hour_table(t: Timeline, intervals: Sequence[Interval], names: Sequence[str]) -> list[list[str]]:
    """Return minutes of each state in each hour, after its begin as `at` has it."""
    return [
        [*at(t, begin, "minutes"), *(f"{seconds[name] / 60:.1f}" if seconds.get(name) else "" for name in names)]
        for begin, seconds in _hours(t, intervals).items()
    ]


def at(t: Timeline, seconds: float, unit: str = "seconds") -> list[str]:
    """Return a moment as tables of the page show it: on the wall and in UTC, as far as these are known."""
    if t.started is None:
        hour = int(seconds // 3600)
        return [f"Day {hour // 24 + 1} {hour % 24:02d}:00" if unit == "minutes" else f"{seconds:.2f} s"]
    texts = (text(t.started, seconds + 1e-3, unit) for text in (local_text, utc_text))
    return [text.replace("T", " ") for text in texts if text is not None]


def heads(t: Timeline, name: str) -> list[str]:
    """Return the heads of the columns that `at` fills."""
    if t.started is None:
        return [name]
    known = [("local", local_text), ("UTC", utc_text)]
    return [f"{name} ({said})" for said, text in known if text(t.started, 0.0) is not None]


def day_table(
    t: Timeline, intervals: Sequence[Interval], names: Sequence[str], shown: Callable[[float], str]
) -> list[list[str]]:
    """Return the time of each state on each day, and in all."""
    sums: dict[str, dict[str, float]] = {}
    for each in intervals:
        for day, begin, end in days(t.started, each.start_s, each.stop_s):
            place = sums.setdefault(day or t.recording, {})
            place[each.activity] = place.get(each.activity, 0.0) + end - begin
    if len(sums) > 1:
        whole: dict[str, float] = {}
        for day_sums in sums.values():
            for name, seconds in day_sums.items():
                whole[name] = whole.get(name, 0.0) + seconds
        sums["all"] = whole
    return [
        [
            label,
            shown(sum(s for name, s in seconds.items() if name != NOT_WORN)),
            *(shown(seconds[name]) if seconds.get(name) else "" for name in names),
        ]
        for label, seconds in sums.items()
    ]


def _hours(t: Timeline, intervals: Sequence[Interval]) -> dict[float, dict[str, float]]:
    """Return the seconds of each state in each hour, by the hour's begin in seconds on the recording's clock."""
    out: dict[float, dict[str, float]] = {}
    for each in intervals:
        for hour, begin, end in hours(t.started, each.start_s, each.stop_s):
            place = out.setdefault(round(hour, 3), {})
            place[each.activity] = place.get(each.activity, 0.0) + end - begin
    return out


def _place(t: Timeline, begin: float) -> tuple[str, str, int]:
    """Return the label of an hour's day, what tells that day from others, and the hour of the day."""
    if t.started is None:
        day, hour = divmod(int(begin // 3600), 24)
        return f"Day {day + 1}", str(day), hour
    here = moment(t.started, begin + 1e-3)
    return f"{here:%a %d %b}", here.date().isoformat(), here.hour


def _label(t: Timeline, at: float, number: int) -> str:
    return f"Day {number + 1}" if t.started is None else f"{moment(t.started, at):%a %d %b}"


def _on_the_wall(t: Timeline, begin: float, end: float) -> NDArray[np.float64]:
    """Return the moments of a day on which clocks change, by the hour that the clock on the wall shows.

    NaN in an hour that is not there; one that comes twice is drawn twice as dense, so that nothing of it is lost.
    """
    assert t.started is not None
    wall = DAY_S * (np.arange(CELLS * SAMPLES) + 0.5) / (CELLS * SAMPLES)
    first = moment(t.started, begin)
    wall -= 3600 * first.hour + 60 * first.minute + first.second  # a day may begin after midnight
    times: NDArray[np.float64] = begin + wall
    times[wall < 0] = np.nan
    for changed, forward in changes(t.started, begin, end):
        if changed >= end:
            break
        since = begin + wall - changed  # on a clock that nobody changes
        if forward > 0:
            times[(since >= 0) & (since < forward)] = np.nan
            times -= np.where(since >= forward, forward, 0.0)
        else:
            twice = (since >= forward) & (since < 0)
            times[twice] += since[twice] - forward
            times -= np.where(since >= 0, forward, 0.0)
    return times


def _cells(
    times: NDArray[np.float64],
    starts: NDArray[np.float64],
    stops: NDArray[np.float64],
    codes: NDArray[np.int64],
    n_states: int,
) -> NDArray[np.int64]:
    """Return the most frequent state of each column; `n_states` where nothing was recorded in most of it."""
    at = np.clip(np.searchsorted(starts, times, "right") - 1, 0, len(starts) - 1)
    inside = (times >= starts[at]) & (times < stops[at])
    found = np.where(inside, codes[at], n_states).reshape(CELLS, SAMPLES)
    counts = np.stack([(found == state).sum(1) for state in range(n_states + 1)], 1)
    out: NDArray[np.int64] = counts.argmax(1)
    return out


def _paths(cells: NDArray[np.int64], states: Sequence[State]) -> list[dict[str, str]]:
    """Return an SVG path of each state's runs of columns."""
    edges = np.flatnonzero(np.diff(cells, prepend=-1, append=-1))
    out = []
    for number, state in enumerate(states):
        runs = [(a, b) for a, b in pairwise(edges.tolist()) if cells[a] == number]
        if runs:
            path = "".join(f"M{a} 0h{b - a}v10h{a - b}z" for a, b in runs)
            out.append({"path": path, "fill": "url(#far)" if state.hatched else state.colour})
    return out


def _seconds(intervals: Sequence[Interval], begin: float, end: float) -> dict[str, float]:
    out: dict[str, float] = {}
    for each in intervals:
        part = min(each.stop_s, end) - max(each.start_s, begin)
        if part > 0:
            out[each.activity] = out.get(each.activity, 0.0) + part
    return out
