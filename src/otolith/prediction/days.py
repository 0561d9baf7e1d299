"""Hours, days and recordings as wide tables: what is covered and worn, each activity's time and bouts, ENMO and MAD."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from otolith.prediction.alongside import Alongside
from otolith.prediction.epochs import EPOCH_S, Epochs
from otolith.prediction.moments import day_around, days, hours, local_text, utc_text, zone_name
from otolith.prediction.timeline import NOT_WORN, Timeline

if TYPE_CHECKING:
    import polars as pl

Key = tuple[str | None, ...]
Cut = Callable[[Timeline, float, float], Iterator[tuple[Key, float, float]]]
"""Cuts a stretch into the parts of rows: what names the row, and begin and end of the part in seconds."""


@dataclass
class Sums:
    """Seconds, bouts and movement of a stretch of time, as they add up.

    Attributes:
        seconds: of each state.
        bouts: lengths in seconds of each state's intervals.
        epochs, enmo, mad: number of worn epochs, and the sums over them in mg.
        files: the files that the time comes from.
        more: values of further columns.
        length: hours of the day on the wall's clock; None where it is unknown.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    bouts: dict[str, list[float]] = field(default_factory=dict)
    epochs: int = 0
    enmo: float = 0.0
    mad: float = 0.0
    files: dict[str, None] = field(default_factory=dict)
    more: dict[str, float | None] = field(default_factory=dict)
    length: float | None = None

    def add(self, state: str, seconds: float) -> None:
        self.seconds[state] = self.seconds.get(state, 0.0) + seconds
        self.bouts.setdefault(state, []).append(seconds)


class Wide:
    """A table with a row for each hour, day or recording; it grows by one recording at a time.

    Args:
        names: names of the columns that tell rows apart, all of them texts.
        cut: cuts a stretch into the parts of rows.
        bouts: add the number and the length of bouts.
        length: gives the hours that the row at a moment can have at most; None: no column says it.
    """

    def __init__(
        self,
        names: tuple[str, ...],
        cut: Cut,
        bouts: bool,
        length: Callable[[Timeline, float], float | None] | None = None,
    ) -> None:
        self._names, self._cut, self._bouts, self._length = names, cut, bouts, length
        self._rows: dict[Key, Sums] = {}
        self._states: dict[str, None] = {}
        self._more: dict[str, None] = {}

    def add(self, t: Timeline, file: str, epochs: Epochs, more: dict[str, float | None] | None = None) -> None:
        """Add a recording; `more` are values of further columns, the same in each."""
        self._more |= dict.fromkeys(more or {})
        self._states |= dict.fromkeys(t.states)
        for each in t.intervals():
            for key, begin, end in self._cut(t, each.start_s, each.stop_s):
                sums = self._sums(t, file, key, begin)
                sums.add(each.activity, end - begin)
                sums.more |= more or {}
        self._add_epochs(t, file, epochs)

    def _sums(self, t: Timeline, file: str, key: Key, begin: float) -> Sums:
        sums = self._rows.get(key)
        if sums is None:
            sums = self._rows[key] = Sums(length=None if self._length is None else self._length(t, begin))
        sums.files[file] = None
        return sums

    def _add_epochs(self, t: Timeline, file: str, epochs: Epochs) -> None:
        middle = epochs.start_s + EPOCH_S / 2
        worn = ~within(middle, t.not_worn) & ~np.isnan(epochs.enmo)
        if not worn.any():
            return
        at = middle[worn]
        enmo, mad = np.cumsum(np.r_[0, epochs.enmo[worn]]), np.cumsum(np.r_[0, epochs.mad[worn]])
        for key, begin, end in self._cut(t, float(at[0]), float(at[-1]) + 1e-3):
            first, last = np.searchsorted(at, [begin, end])
            if first == last:  # nothing was recorded then
                continue
            sums = self._sums(t, file, key, begin)
            sums.epochs += int(last - first)
            sums.enmo += float(enmo[last] - enmo[first])
            sums.mad += float(mad[last] - mad[first])

    def frame(self) -> pl.DataFrame:
        """Return the table; hours have six decimals, so that they add up, and mg two."""
        import polars as pl

        rows = [dict(zip(self._names, key, strict=True)) | self._values(sums) for key, sums in self._rows.items()]
        schema: dict[str, Any] = dict.fromkeys(self._names, pl.String)
        schema |= dict.fromkeys(self._values(Sums()), pl.Float64)
        schema |= {name: pl.Int64 for name in schema if name.endswith(" bouts")} | {"file": pl.String}
        return pl.DataFrame(rows, schema=schema)

    def _values(self, sums: Sums) -> dict[str, Any]:
        off = sums.seconds.get(NOT_WORN, 0.0)
        covered = sum(sums.seconds.values())
        out: dict[str, Any] = {} if self._length is None else {"hours in day": sums.length}
        out |= {
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

    def cut(t: Timeline, start_s: float, stop_s: float) -> Iterator[tuple[Key, float, float]]:
        for hour, begin, end in hours(t.started, start_s, stop_s):
            number = None if t.started else str(int(hour // 3600))
            yield (str(t.subject), t.recording, *_texts(t, hour), number), begin, end

    return Wide(("subject", "recording", "start_local", "start_utc", "hour of recording"), cut, False)


def per_day() -> Wide:
    """Return the table with a row for each subject and day or, where the date is unknown, for each recording.

    A recording of time that another one of the same subject has covered has rows of its own (`Alongside`).
    """
    alongside = Alongside()

    def cut(t: Timeline, start_s: float, stop_s: float) -> Iterator[tuple[Key, float, float]]:
        for day, begin, end in days(t.started, start_s, stop_s):
            midnight = (None, None) if t.started is None else _texts(t, day_around(t.started, begin)[0])
            yield (str(t.subject), day, alongside.own(t), zone_name(t.started), *midnight), begin, end

    def length(t: Timeline, at: float) -> float | None:
        if t.started is None:
            return None
        begin, end = day_around(t.started, at)
        return round((end - begin) / 3600, 4)

    return Wide(("subject", "day", "recording", "timezone", "start_local", "start_utc"), cut, True, length)


def per_recording() -> Wide:
    """Return the table with a row for each recording, from its first window to its last."""

    def cut(t: Timeline, start_s: float, stop_s: float) -> Iterator[tuple[Key, float, float]]:
        begins, ends = _texts(t, float(t.start_s[0])), _texts(t, float(t.start_s[-1] + t.seconds))
        yield (str(t.subject), t.recording, zone_name(t.started), *begins, *ends), start_s, stop_s

    moments = ("start_local", "start_utc", "stop_local", "stop_utc")
    return Wide(("subject", "recording", "timezone", *moments), cut, True)


def within(times: np.ndarray[Any, Any], spans: tuple[tuple[float, float], ...]) -> np.ndarray[Any, Any]:
    """Return (n,) True for the times (n,) that lie within one of the spans.

    >>> within(np.array([1.0, 5.0, 9.0]), ((4.0, 6.0),)).tolist()
    [False, True, False]
    """
    inside = np.zeros(len(times), bool)
    for begin, end in spans:
        inside |= (times >= begin) & (times < end)
    return inside


def _texts(t: Timeline, at: float) -> tuple[str | None, str | None]:
    """Return a moment on the wall's clock and in UTC, to the second, which rounding moves into no other one."""
    return local_text(t.started, at + 1e-3, "seconds"), utc_text(t.started, at + 1e-3, "seconds")


def _hours(seconds: float) -> float:
    return round(seconds / 3600, 6)
