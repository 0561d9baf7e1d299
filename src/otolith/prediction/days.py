"""Hours, days and recordings as wide tables: what is covered and worn, each activity's time and bouts, ENMO and MAD."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from otolith.prediction.epochs import EPOCH_S, Epochs
from otolith.prediction.moments import days, hours
from otolith.prediction.timeline import NOT_WORN, Timeline

if TYPE_CHECKING:
    import polars as pl

Cut = Callable[[datetime | None, float, float], Iterator[tuple[str | None, float, float]]]
Key = tuple[str | None, ...]


@dataclass
class Sums:
    """Seconds, bouts and movement of a stretch of time, as they add up.

    Attributes:
        seconds: of each state.
        bouts: lengths in seconds of each state's intervals.
        epochs, enmo, mad: number of worn epochs, and the sums over them in mg.
        files: the files that the time comes from.
        more: values of further columns.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    bouts: dict[str, list[float]] = field(default_factory=dict)
    epochs: int = 0
    enmo: float = 0.0
    mad: float = 0.0
    files: dict[str, None] = field(default_factory=dict)
    more: dict[str, float | None] = field(default_factory=dict)

    def add(self, state: str, seconds: float) -> None:
        self.seconds[state] = self.seconds.get(state, 0.0) + seconds
        self.bouts.setdefault(state, []).append(seconds)


class Wide:
    """A table with a row for each hour, day or recording; it grows by one recording at a time.

    Args:
        names: names of the columns that tell rows apart, all texts but the last two.
        key: gives a row's values for them from the timeline, the calendar's text, and the begin of the stretch.
        cut: cuts a stretch into the parts of rows; None: one row for the whole recording.
        bouts: add the number and the length of bouts.
    """

    def __init__(self, names: tuple[str, ...], key: Callable[..., Key], cut: Cut | None, bouts: bool) -> None:
        self._names, self._key, self._cut, self._bouts = names, key, cut, bouts
        self._rows: dict[Key, Sums] = {}
        self._states: dict[str, None] = {}
        self._more: dict[str, None] = {}

    def add(self, t: Timeline, file: str, epochs: Epochs, more: dict[str, float | None] | None = None) -> None:
        """Add a recording; `more` are values of further columns, the same in each."""
        self._more |= dict.fromkeys(more or {})
        self._states |= dict.fromkeys(t.states)
        for each in t.intervals():
            for name, begin, end in self._parts(t, each.start_s, each.stop_s):
                sums = self._sums(t, file, name, begin)
                sums.add(each.activity, end - begin)
                sums.more |= more or {}
        self._add_epochs(t, file, epochs)

    def _parts(self, t: Timeline, begin: float, end: float) -> Iterator[tuple[str | None, float, float]]:
        if self._cut is None:
            yield None, begin, end
        else:
            yield from self._cut(t.started, begin, end)

    def _sums(self, t: Timeline, file: str, name: str | None, begin: float) -> Sums:
        sums = self._rows.setdefault(self._key(t, file, name, begin), Sums())
        sums.files[file] = None
        return sums

    def _add_epochs(self, t: Timeline, file: str, epochs: Epochs) -> None:
        middle = epochs.start_s + EPOCH_S / 2
        worn = ~within(middle, t.not_worn) & ~np.isnan(epochs.enmo)
        if not worn.any():
            return
        at = middle[worn]
        enmo, mad = np.cumsum(np.r_[0, epochs.enmo[worn]]), np.cumsum(np.r_[0, epochs.mad[worn]])
        for name, begin, end in self._parts(t, float(at[0]), float(at[-1]) + 1e-3):
            first, last = np.searchsorted(at, [begin, end])
            sums = self._sums(t, file, name, begin)
            sums.epochs += int(last - first)
            sums.enmo += float(enmo[last] - enmo[first])
            sums.mad += float(mad[last] - mad[first])

    def frame(self) -> pl.DataFrame:
        """Return the table; hours have four, and mg two decimals."""
        import polars as pl

        rows = [dict(zip(self._names, key, strict=True)) | self._values(sums) for key, sums in self._rows.items()]
        schema: dict[str, Any] = dict.fromkeys(self._names, pl.String)
        schema |= dict.fromkeys(self._values(Sums()), pl.Float64)
        schema |= {name: pl.Int64 for name in schema if name.endswith(" bouts")} | {"file": pl.String}
        return pl.DataFrame(rows, schema=schema)

    def _values(self, sums: Sums) -> dict[str, Any]:
        off = sums.seconds.get(NOT_WORN, 0.0)
        covered = sum(sums.seconds.values())
        out: dict[str, Any] = {
            "hours covered": _hours(covered),
            "hours worn": _hours(covered - off),
            "hours not worn": _hours(off),
            "ENMO mg": round(sums.enmo / sums.epochs, 2) if sums.epochs else None,
            "MAD mg": round(sums.mad / sums.epochs, 2) if sums.epochs else None,
        }
        for state in self._states:
            out[f"{state} hours"] = _hours(sums.seconds.get(state, 0.0))
            if self._bouts:
                lengths = sums.bouts.get(state, [])
                out[f"{state} bouts"] = len(lengths)
                out[f"{state} bout mean min"] = round(sum(lengths) / len(lengths) / 60, 3) if lengths else None
                out[f"{state} bout longest min"] = round(max(lengths) / 60, 3) if lengths else None
        out |= {name: sums.more.get(name) for name in self._more}
        return out | {"file": "; ".join(sums.files)}


def per_hour() -> Wide:
    """Return the table with a row for each hour of each recording; the hour is counted where the date is unknown."""

    def key(t: Timeline, file: str, name: str | None, begin: float) -> Key:
        return str(t.subject), t.recording, name, None if name else str(int(begin // 3600))

    return Wide(("subject", "recording", "hour", "hour of recording"), key, hours, False)


def per_day() -> Wide:
    """Return the table with a row for each subject and day or, where the date is unknown, for each recording."""

    def key(t: Timeline, file: str, name: str | None, begin: float) -> Key:
        return str(t.subject), name, None if name else t.recording, _zone(t)

    return Wide(("subject", "day", "recording", "timezone"), key, days, True)


def per_recording() -> Wide:
    """Return the table with a row for each recording."""

    def key(t: Timeline, file: str, name: str | None, begin: float) -> Key:
        started = None if t.started is None else t.started.isoformat(timespec="seconds")
        return str(t.subject), t.recording, started, _zone(t)

    return Wide(("subject", "recording", "started", "timezone"), key, None, True)


def within(times: np.ndarray[Any, Any], spans: tuple[tuple[float, float], ...]) -> np.ndarray[Any, Any]:
    """Return (n,) True for the times (n,) that lie within one of the spans.

    >>> within(np.array([1.0, 5.0, 9.0]), ((4.0, 6.0),)).tolist()
    [False, True, False]
    """
    inside = np.zeros(len(times), bool)
    for begin, end in spans:
        inside |= (times >= begin) & (times < end)
    return inside


def _zone(t: Timeline) -> str | None:
    return None if t.started is None or t.started.tzinfo is None else str(t.started.tzinfo)


def _hours(seconds: float) -> float:
    return round(seconds / 3600, 4)
