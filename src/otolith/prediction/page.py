"""Pages of predictions: one for a recording, from a week down to seconds, and an index where there are several."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from otolith import __version__
from otolith.prediction import rows
from otolith.prediction.colours import HATCH, State, states_of
from otolith.prediction.moments import changes, local_text, moment, utc_text, zone_name
from otolith.prediction.store import Stored
from otolith.prediction.timeline import NOT_WORN, Interval, Timeline
from otolith.report.html import environment
from otolith.report.tables import write_text

MOST_INTERVALS = 200
"""Intervals of one recording that are written out on the page; the table beside it has all of them."""
SPANS = ((604_800, "Week"), (86_400, "Day"), (3600, "Hour"), (600, "10 min"), (60, "Minute"))


@dataclass(frozen=True)
class Entry:
    """A recording in the index; `seconds` are those of each state, `started` its begin on the wall, `utc` in UTC."""

    name: str
    href: str
    subject: str
    started: str
    seconds: Mapping[str, float]
    utc: str = ""


def week(
    path: Path,
    stored: Stored,
    *,
    index: str | None = None,
    facts: Sequence[tuple[str, str]] = (),
    terms: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> Path:
    """Write the page of one recording; `index` is the address of the page of all."""
    t = stored.timeline
    intervals = list(t.intervals())
    states = states_of(t.states, t.probabilities.shape[1])
    days = rows.rows_of(t, intervals, states)
    full = rows.is_full(t, intervals)
    script = _script()
    begin, end = intervals[0].start_s, intervals[-1].stop_s
    names = [state.name for state in states]
    content = {
        "name": t.recording,
        "subject": f"subject {t.subject}",
        "started": None if t.started is None else moment(t.started, begin).strftime("%A %d %B %Y, %H:%M"),
        "index": index,
        "notes": notes,
        "facts": facts,
        "terms": terms,
        "about": _about(stored, intervals),
        "states": states,
        "hatch": HATCH,
        "days": days,
        "ticks": rows.ticks(t, days[0], full),
        "full": full,
        "repeated": full and any(forward < 0 for _, forward in changes(t.started, begin, end)),
        "spans": [
            {"seconds": seconds, "name": name}
            for seconds, name in ((end - begin, "All"), *SPANS)
            if seconds < end - begin or name == "All"
        ],
        "n_seconds": end - begin,
        "hours": rows.hour_bars(t, intervals, states),
        "hour_header": [*rows.heads(t, "Hour"), *names],
        "hour_lines": rows.hour_table(t, intervals, names),
        "day_header": ["Day" if t.started else "Recording", "Worn", *names],
        "day_lines": rows.day_table(t, intervals, names, duration),
        "clocks": len(rows.heads(t, "")),
        "interval_header": [
            *(head for name in ("From", "To") for head in rows.heads(t, name)),
            *("Activity", "Time", "Probability"),
        ],
        "n_intervals": len(intervals),
        "intervals": [_line(t, each) for each in intervals[:MOST_INTERVALS]],
        "data": _data(stored, intervals, states, days),
        "script": script,
        "script_hash": "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        "version": __version__,
    }
    return write_text(path, environment().get_template("week.html.j2").render(content))


def entry(stored: Stored, href: str) -> Entry:
    """Return what the index shows of a recording."""
    t = stored.timeline
    seconds: dict[str, float] = {}
    for each in t.intervals():
        seconds[each.activity] = seconds.get(each.activity, 0.0) + each.stop_s - each.start_s
    at = float(t.start_s[0])
    local, utc = ((text(t.started, at, "minutes") or "").replace("T", " ") for text in (local_text, utc_text))
    return Entry(t.recording, quote(href), str(t.subject), local, seconds, utc)


def write_index(
    path: Path,
    entries: Sequence[Entry],
    states: Sequence[State],
    facts: Sequence[tuple[str, str]],
    terms: Sequence[str],
    notes: Sequence[str],
) -> Path:
    """Write the page that leads to those of the recordings."""
    totals: dict[str, float] = {}
    for each in entries:
        for name, seconds in each.seconds.items():
            totals[name] = totals.get(name, 0.0) + seconds
    off = totals.pop(NOT_WORN, 0.0)
    worn = sum(totals.values())
    lines = [
        [name, duration(seconds), f"{100 * seconds / worn:.1f} %"]
        for name, seconds in sorted(totals.items(), key=lambda item: -item[1])
    ]
    content = {
        "recordings": [_indexed(each, states) for each in entries],
        "hours": f"{worn / 3600:,.1f}",
        "totals": [*lines, *([[NOT_WORN, duration(off), ""]] if off else [])],
        "states": states,
        "hatch": HATCH,
        "facts": facts,
        "terms": terms,
        "notes": notes,
        "version": __version__,
    }
    return write_text(path, environment().get_template("timeline.html.j2").render(content))


def duration(seconds: float) -> str:
    """Return seconds as a clock shows them, below a minute with a decimal.

    >>> duration(3725.4), duration(75), duration(12.5)
    ('1:02:05', '1:15 min', '12.5 s')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d} min"


def _script() -> str:
    found = environment().loader
    assert found is not None
    return found.get_source(environment(), "week.js")[0]


def _indexed(each: Entry, states: Sequence[State]) -> dict[str, Any]:
    whole, x, bars = sum(each.seconds.values()) or 1.0, 0.0, []
    for state in states:
        width = 1000 * each.seconds.get(state.name, 0.0) / whole
        if width:
            bars.append({"x": f"{x:.1f}", "w": f"{width:.1f}", "fill": state.far})
        x += width
    off = each.seconds.get(NOT_WORN, 0.0)
    spoken = ", ".join(f"{name} {duration(seconds)}" for name, seconds in each.seconds.items())
    return {
        "name": each.name,
        "href": each.href,
        "subject": each.subject,
        "started": each.started,
        "utc": each.utc,
        "worn": duration(whole - off),
        "bars": bars,
        "spoken": spoken,
    }


def _about(stored: Stored, intervals: Sequence[Interval]) -> list[tuple[str, str]]:
    t, epochs = stored.timeline, stored.epochs
    covered = sum(each.stop_s - each.start_s for each in intervals)
    off = sum(each.stop_s - each.start_s for each in intervals if each.activity == NOT_WORN)
    lines = [("File", stored.file), ("Recorded", duration(covered)), ("Worn", duration(covered - off))]
    if len(epochs) and not np.isnan(epochs.enmo).all():
        lines.append(("Mean ENMO, MAD", f"{np.nanmean(epochs.enmo):.1f}, {np.nanmean(epochs.mad):.1f} mg"))
    if stored.level is not None:
        lines.append(("Accelerometer", stored.level.told()))
    if t.started is not None:
        lines.append(("Time zone", zone_name(t.started) or "unknown; times are local"))
    return lines if t.started is not None else [*lines, ("Clock", "no date")]


def _line(t: Timeline, each: Interval) -> list[str]:
    return [
        *rows.at(t, each.start_s),
        *rows.at(t, each.stop_s),
        each.activity,
        duration(each.stop_s - each.start_s),
        "" if each.probability != each.probability else f"{100 * each.probability:.0f} %",
    ]


def _data(
    stored: Stored, intervals: Sequence[Interval], states: Sequence[State], days: Sequence[Mapping[str, Any]]
) -> str:
    """Return what the script reads, as JSON that cannot end its element."""
    t, signals = stored.timeline, stored.signals
    number = {state.name: i for i, state in enumerate(states)}
    flat: list[int] = []
    at = zero = intervals[0].start_s
    for each in intervals:
        gap, length = round(10 * (each.start_s - at)), max(1, round(10 * (each.stop_s - each.start_s)))
        flat += [gap, length, number[each.activity]]
        at += (gap + length) / 10
    found = {
        "from": intervals[0].start_s,
        "to": intervals[-1].stop_s,
        "zero": zero,
        "intervals": flat,
        "states": [{"name": s.name, "colour": s.colour, "text": s.text, "hatched": s.hatched} for s in states],
        "hatch": HATCH,
        "days": [{"label": each["label"], "from": each["from"], "to": each["to"]} for each in days],
        "epoch": _epoch(t),
        "shifts": _shifts(t, days),
        "step": signals.step_s,
        "sig0": signals.start_s,
        "acc": _packed(signals.acc),
        "acc_range": signals.acc_range,
        "gyro": _packed(signals.gyro),
        "gyro_range": signals.gyro_range,
    }
    return json.dumps(found, separators=(",", ":")).replace("<", "\\u003c").replace("&", "\\u0026")


def _packed(values: NDArray[np.uint8]) -> str | None:
    return base64.b64encode(zlib.compress(values.tobytes(), 9)).decode() if values.size else None


def _epoch(t: Timeline) -> float | None:
    if t.started is None:
        return None
    return (t.started if t.started.tzinfo else t.started.replace(tzinfo=UTC)).timestamp()


def _shifts(t: Timeline, days: Sequence[Mapping[str, Any]]) -> list[list[float]]:
    """Return from which second on the clock on the wall is how many seconds ahead of UTC."""
    if t.started is None or t.started.tzinfo is None:
        return [[-1e12, 0]]
    begin, end = days[0]["from"], days[-1]["to"]
    ahead = (moment(t.started, begin).utcoffset() or timedelta(0)).total_seconds()
    out = [[-1e12, ahead]]
    for at, forward in changes(t.started, begin, end):
        ahead += forward
        out.append([at, ahead])
    return out
