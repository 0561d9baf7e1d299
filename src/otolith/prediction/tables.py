"""Timelines as tables: a row for each window, for each interval, and for each activity in a day or a recording."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from otolith.errors import DataError
from otolith.prediction.alongside import Alongside
from otolith.prediction.moments import days, local_text, utc_text, zone_name
from otolith.prediction.timeline import NOT_WORN, Timeline
from otolith.system.files import whole_file

if TYPE_CHECKING:
    import polars as pl

SUFFIXES = (".csv", ".parquet", ".json")


def windows(timelines: Sequence[Timeline]) -> pl.DataFrame:
    """Return a table with one row for each window.

    Columns: recording, subject, start_s, stop_s, start_local and start_utc (ISO 8601; null where they are unknown),
    activity, probability, unknown_score, label (null where there is none), worn, and `p NAME` for each state after
    smoothing, without smoothing for each activity.
    """
    import polars as pl

    frames = []
    for t in timelines:
        table = t.probabilities.astype(np.float64) if t.belief is None else t.belief
        names = t.states[: table.shape[1]]
        score = np.full(len(t), np.nan) if t.score is None else t.score.astype(np.float64)
        columns = {
            "recording": pl.Series([t.recording] * len(t), dtype=pl.String),
            "subject": pl.Series([str(t.subject)] * len(t), dtype=pl.String),
            "start_s": pl.Series(t.start_s),
            "stop_s": pl.Series(t.start_s + t.seconds),
            "start_local": pl.Series([local_text(t.started, s) for s in t.start_s], dtype=pl.String),
            "start_utc": pl.Series([utc_text(t.started, s) for s in t.start_s], dtype=pl.String),
            "activity": pl.Series(t.activity, dtype=pl.String),
            "probability": pl.Series(t.probability).fill_nan(None),
            "unknown_score": pl.Series(score).fill_nan(None),
            "label": pl.Series([label or None for label in t.labels.tolist()], dtype=pl.String),
            "worn": pl.Series(~t.off()),
        }
        columns |= {f"p {name}": pl.Series(np.ascontiguousarray(table[:, i])) for i, name in enumerate(names)}
        frames.append(pl.DataFrame(columns))
    return pl.concat(frames)


def intervals(timelines: Sequence[Timeline], file: str | None = None) -> pl.DataFrame:
    """Return a row for each interval: whose it is, begin and end, activity, probability, windows.

    Columns of time are start_s and stop_s, on the recording's clock; start_local and stop_local, on the wall's, with
    the distance from UTC where the zone is known; start_utc and stop_utc. Those of the last four that are unknown are
    null.
    `file`, where it is given, is one column more: the file that holds the recordings.
    """
    rows = [
        (
            t.recording,
            str(t.subject),
            each.start_s,
            each.stop_s,
            *(text(t.started, at) for at in (each.start_s, each.stop_s) for text in (local_text, utc_text)),
            each.activity,
            None if np.isnan(each.probability) else each.probability,
            each.n_windows,
        )
        for t in timelines
        for each in t.intervals()
    ]
    moments = ("start_local", "start_utc", "stop_local", "stop_utc")
    names = ("recording", "subject", "start_s", "stop_s", *moments, "activity", "probability", "windows")
    found = _table(names, (str, str, float, float, *[str] * len(moments), str, float, int), rows)
    if file is None:
        return found
    import polars as pl

    return found.with_columns(pl.lit(file).alias("file"))


class Totals:
    """Seconds of each activity in a subject's day or, where the date is unknown, in a recording; sums as it goes."""

    def __init__(self) -> None:
        self._seconds: defaultdict[tuple[str | None, ...], dict[str, float]] = defaultdict(dict)
        self._alongside = Alongside()

    def add(self, t: Timeline) -> None:
        """Add a recording."""
        for each in t.intervals():
            if each.activity == NOT_WORN:
                continue
            for day, begin, end in days(t.started, each.start_s, each.stop_s):
                place = self._seconds[str(t.subject), day, self._alongside.own(t), zone_name(t.started)]
                place[each.activity] = place.get(each.activity, 0.0) + end - begin

    def frame(self) -> pl.DataFrame:
        """Return the table that `totals` describes."""
        rows = [
            (*key, activity, part, part / sum(place.values()))
            for key, place in self._seconds.items()
            for activity, part in sorted(place.items(), key=lambda item: -item[1])
        ]
        names = ("subject", "day", "recording", "timezone", "activity", "seconds", "share")
        return _table(names, (str, str, str, str, str, float, float), rows)


def totals(timelines: Sequence[Timeline]) -> pl.DataFrame:
    """Return the seconds of each activity in a subject's day or, where the date is unknown, in a recording.

    Columns: subject, day (ISO 8601, null), recording (null where there is a day and no other
    recording of it), timezone, activity, seconds, share.
    Time in which the device was not worn is left out. Days are cut as those of `otolith.prediction.days`.
    """
    found = Totals()
    for t in timelines:
        found.add(t)
    return found.frame()


class Growing:
    """A table that is written part by part, so that memory holds one of them.

    Args:
        path: the file to make, by its suffix CSV, Parquet or JSON.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._parts = path.with_name(f".{path.name}.parts")
        self._n = 0

    def add(self, frame: pl.DataFrame) -> None:
        """Add rows; every part has the same columns."""
        if self._path.suffix == ".csv":
            with open(self._path, "ab") as file:
                frame.write_csv(file, include_header=not self._n)
        else:
            self._parts.mkdir(exist_ok=True)
            frame.write_parquet(self._parts / f"{self._n:08d}.parquet")
        self._n += 1

    def close(self) -> None:
        """Finish the file."""
        import polars as pl

        if self._path.suffix == ".csv" or not self._n:
            return
        lazy = pl.scan_parquet(self._parts / "*.parquet")
        if self._path.suffix == ".parquet":
            lazy.sink_parquet(self._path)
        else:
            lazy.collect().write_json(self._path)
        shutil.rmtree(self._parts)


def write(frame: pl.DataFrame, path: Path) -> Path:
    """Write a table as CSV, Parquet or JSON (a list of objects), by the suffix of `path`.

    Raises:
        DataError: another suffix.
        StorageError: the file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError(f"{path} has another ending than those of tables; give the file one of {', '.join(SUFFIXES)}")
    with whole_file(path) as partial:
        if suffix == ".csv":
            frame.write_csv(partial)
        elif suffix == ".parquet":
            frame.write_parquet(partial)
        else:
            frame.write_json(partial)
    return path


def _table(names: Sequence[str], types: Sequence[type], rows: Sequence[tuple[Any, ...]]) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame(rows, schema=dict(zip(names, types, strict=True)), orient="row")
