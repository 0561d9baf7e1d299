"""Recordings that an import holds twice: copies, and what one person cannot have recorded at one time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from otolith.importing.sensors.places import ALL
from otolith.windows.pieces import slices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from otolith.importing.findings import Findings
    from otolith.importing.options import ImportOptions
    from otolith.recording import Recording, Stream

COPIES = "The same samples stand in"
"""Words that begin a note that matters for training alone."""
CLOSE = 1e-3
"""Difference of values in m/s² and rad/s up to which samples are the same, written with other digits."""
LOOKED_AT = 256
"""Samples of a recording by which it is compared at first."""
MOST_TOLD = 5
SHARED = 0.1
"""Part of the shorter of two recordings from which on they are of one time."""


def is_copy(one: Recording, other: Recording) -> bool:
    """Tell if two recordings have the same samples."""
    if len(one.streams) != len(other.streams):
        return False
    return all(
        (a.channels, a.values.shape) == (b.channels, b.values.shape)
        and all(np.allclose(a.values[:, at], b.values[:, at], rtol=0, atol=CLOSE) for at in slices(a.n_samples))
        for a, b in zip(one.streams, other.streams, strict=True)
    )


def notes_on_copies(recordings: Sequence[Recording]) -> list[str]:
    """Return what is to be told of recordings that have the same samples under different names."""
    looks = sorted(((*_look(each), number) for number, each in enumerate(recordings)), key=lambda look: look[:2])
    pairs: list[tuple[int, int]] = []
    for at, (n, mean, look, number) in enumerate(looks):
        for n_before, mean_before, look_before, before in reversed(looks[:at]):
            if n_before != n or mean - mean_before > CLOSE:
                break
            near = np.allclose(look, look_before, rtol=0, atol=CLOSE)
            if near and is_copy(recordings[before], recordings[number]):
                pairs.append((min(before, number), max(before, number)))
                break
    if not pairs:
        return []
    return [
        f"{COPIES} {_told(recordings, sorted(pairs))}. They count twice, and as two people's where nothing says whose "
        "they are, so that scores would be too good: if they are copies, leave one of each out."
    ]


def _look(recording: Recording) -> tuple[int, float, NDArray[np.floating]]:
    stream = recording.streams[0]
    at = np.linspace(0, stream.n_samples - 1, min(stream.n_samples, LOOKED_AT)).astype(np.int64)
    look = stream.values[:3, at]
    return stream.n_samples, float(look[0].mean()), look


def notes_on_one_time(
    recordings: Sequence[Recording], findings: Mapping[str, Findings], options: ImportOptions
) -> list[str]:
    """Return what is to be told of recordings that one person made at the same time."""
    if options.place is not None and options.place.strip().lower() == ALL:
        return []
    spans: dict[str, list[tuple[float, float, int]]] = {}
    for number, each in enumerate(recordings):
        start = findings[each.name].started_s
        if start is not None and each.subject != each.name:
            last = max(ends_of(stream)[1] for stream in each.streams)
            spans.setdefault(str(each.subject), []).append((start, start + last, number))
    pairs = []
    for several in spans.values():
        several.sort()
        for (start, end, number), (later, its_end, other) in pairwise(several):
            shared = min(end, its_end) - later
            if shared > SHARED * min(end - start, its_end - later) and shared > 1:
                pairs.append((number, other))
    if not pairs:
        return []
    return [
        f"One person made several recordings at the same time: {_told(recordings, pairs)}. If they are of devices at "
        "several places, take one (--place, or leave the other files out); if they are copies, leave one of each out."
    ]


def ends_of(stream: Stream) -> tuple[float, float]:
    """Return the times of a stream's first and last sample, in seconds on the recording's clock."""
    if stream.times is None:
        return stream.start_s, stream.start_s + (stream.n_samples - 1) / stream.rate_hz
    return float(stream.times[0]), float(stream.times[-1])


def _told(recordings: Sequence[Recording], pairs: Sequence[tuple[int, int]]) -> str:
    more = f" and {len(pairs) - MOST_TOLD:,} more pairs" if len(pairs) > MOST_TOLD else ""
    told = (f"{recordings[a].name!r} and {recordings[b].name!r}" for a, b in pairs[:MOST_TOLD])
    return "; ".join(told) + more
