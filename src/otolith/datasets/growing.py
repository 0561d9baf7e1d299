"""Recordings of a data set folder that are still being made: samples and labels are lines, which are only appended.

    {"t": [12.0, 12.02], "x": [[0.1, 0.1], [0.2, 0.1], [9.8, 9.7]]}     seconds; a row for each channel
    {"at": 12.01, "activity": "walking"}                                from now on; null: no activity

A process that is killed while it writes leaves half a line at most, which is not read. The card names such a file in
place of a Parquet file, so that whatever takes a data set folder takes this one at any moment.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from otolith.datasets.tables import read_bytes
from otolith.errors import DataError
from otolith.recording import Segment
from otolith.system.strict import json_value

ENDING = ".jsonl"
DECIMALS = 6


@dataclass(frozen=True)
class Grown:
    """Samples and labels of a recording that are on the disk.

    Attributes:
        times: (n,) seconds.
        values: (channels, n) in m/s² and rad/s.
        segments: the labels, each until the next one.
        lost: number of lines at the end that were broken off.
    """

    times: NDArray[np.float64]
    values: NDArray[np.float64]
    segments: tuple[Segment, ...]
    lost: int = 0


def samples_line(t: Sequence[float], x: Sequence[Sequence[float]]) -> str:
    """Return the line of samples: times (n,) in seconds, and a row for each channel.

    >>> samples_line([0.5], [[0.12345678]])
    '{"t":[0.5],"x":[[0.123457]]}\\n'
    """
    rows = [[round(value, DECIMALS) for value in row] for row in (t, *x)]
    return json.dumps({"t": rows[0], "x": rows[1:]}, separators=(",", ":"), allow_nan=False) + "\n"


def label_line(at: float, activity: str | None) -> str:
    """Return the line of a label that holds from `at` seconds on; None: no activity.

    >>> label_line(2.0, "walking")
    '{"at":2.0,"activity":"walking"}\\n'
    """
    found = {"at": round(at, DECIMALS), "activity": activity}
    return json.dumps(found, separators=(",", ":"), ensure_ascii=False, allow_nan=False) + "\n"


def read(path: Path, n_channels: int) -> Grown:
    """Return what the lines of a file hold, up to the first that is broken.

    Raises:
        DataError: the file cannot be read, or holds no sample.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "a.jsonl"
    ...     _ = path.write_text(label_line(0, "sit") + samples_line([0, 0.5], [[1, 2]]) + '{"t":[1')
    ...     found = read(path, 1)
    >>> found.values.tolist(), found.segments, found.lost
    ([[1.0, 2.0]], (Segment(start_s=0.0, stop_s=1.0, activity='sit'),), 1)
    """
    lines = read_bytes(path).split(b"\n")
    times: list[NDArray[np.float64]] = []
    values: list[NDArray[np.float64]] = []
    labels: list[tuple[float, str | None]] = []
    last, n_read = -math.inf, 0
    for line in lines[:-1]:
        found = _parsed(line, n_channels, last)
        if found is None:
            break
        n_read += 1
        if isinstance(found, tuple):
            labels.append(found)
        else:
            times.append(found[0])
            values.append(found[1:])
            last = float(found[0, -1])
    if not times:
        raise DataError(
            f"{path}: no sample is in it yet. Wait until the recording has lasted for some seconds, or remove it from "
            "the page that makes it."
        )
    t = np.concatenate(times)
    return Grown(t, np.concatenate(values, 1), _segments(t, labels), len(lines) - n_read - (lines[-1] == b""))


def _parsed(line: bytes, n_channels: int, last: float) -> NDArray[np.float64] | tuple[float, str | None] | None:
    """Return samples (1 + channels, n), times first; or a label; None where the line is neither."""
    try:
        found: Any = json_value(line)
        if set(found) == {"at", "activity"}:
            at, activity = found["at"], found["activity"]
            good = type(at) in (int, float) and (activity is None or (isinstance(activity, str) and activity != ""))
            return (float(at), activity) if good else None
        if set(found) != {"t", "x"}:
            return None
        rows = np.array([found["t"], *found["x"]], np.float64)
    except (ValueError, TypeError, RecursionError):
        return None
    if rows.ndim != 2 or len(rows) != 1 + n_channels or not rows.shape[1]:
        return None
    return rows if np.all(np.diff(rows[0], prepend=last) > 0) else None


def _segments(times: NDArray[np.float64], labels: Sequence[tuple[float, str | None]]) -> tuple[Segment, ...]:
    """Return labels as segments, each from its moment to that of the next one, within the time of the samples."""
    begin, end = float(times[0]), float(times[-1])
    if len(times) > 1:
        end += (end - begin) / (len(times) - 1)  # the last sample lasts as long as the others
    out: list[Segment] = []
    at = [min(max(moment, begin), end) for moment, _ in labels]
    for (_, activity), start, stop in zip(labels, at, [*at, end][1:], strict=True):
        if activity is None or stop <= start:
            continue
        if out and out[-1].activity == activity and out[-1].stop_s == start:
            start = out.pop().start_s
        out.append(Segment(start, stop, activity))
    return tuple(out)
