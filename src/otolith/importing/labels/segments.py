"""Activities of recordings: from a column of the table, or from intervals (`otolith.importing.labels.intervals`).

Times of intervals are on the recording's clock, or points in time; then a zone has to be named on both sides or on
neither.
"""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Collection, Sequence

import numpy as np

from otolith.errors import DataError, unknown
from otolith.importing.disk_buffer import Texts
from otolith.importing.findings import Findings
from otolith.importing.labels.activities import is_label
from otolith.importing.labels.intervals import Interval
from otolith.importing.labels.no_label import PLAIN, folded_word
from otolith.recording import Segment
from otolith.windows.clock import MAX_GAP_S
from otolith.windows.times import Samples


def segments_of_rows(
    samples: Samples,
    labels: Sequence[str] | Texts,
    rate_hz: float,
    kept: Collection[str] = (),
    findings: Findings | None = None,
) -> tuple[Segment, ...]:
    """Return a segment for each run of equal labels, from its first sample to the first one of the next run.

    A run that is followed by a gap ends one period after its last sample.

    Args:
        kept: see `otolith.importing.labels.activities.is_label`.
        findings: are told of words that may mean an activity to somebody, and here mean none.
    """
    texts = [labels[row] for row in samples.rows.tolist()]
    out = []
    dropped: set[str] = set()
    start = 0
    for stop in range(1, len(texts) + 1):
        if stop < len(texts) and texts[stop] == texts[start]:
            continue
        if not is_label(texts[start], kept):
            dropped.add(texts[start])
        else:
            last = float(samples.times[stop - 1])
            following = float(samples.times[stop]) if stop < len(texts) else np.inf
            end = following if following - last <= MAX_GAP_S else last + 1 / rate_hz
            out.append(Segment(float(samples.times[start]), end, texts[start]))
        start = stop
    words = sorted(word for word in dropped if folded_word(word) not in PLAIN)
    if words and findings is not None:
        findings.decide(
            "no label", ", ".join(words), "words for no activity; a line `WORD,NAME` of --label-map keeps one"
        )
    return tuple(out)


def segments_of_intervals(
    intervals: Sequence[Interval], spans: dict[str, tuple[float, float]], findings: dict[str, Findings]
) -> dict[str, tuple[Segment, ...]]:
    """Return the segments of each recording.

    Args:
        spans: first and last time of each recording on its clock.
        findings: of each recording; tells when it started, and takes what was clipped.

    Raises:
        DataError: an interval of an unknown recording, outside it, without a zone where the other side has one, or one
            that overlaps another; names the line.
    """
    found: dict[str, list[tuple[Segment, str]]] = {name: [] for name in spans}
    for interval in intervals:
        name = _recording_of(interval, spans)
        start, end = _on_clock(interval, name, findings[name])
        lo, hi = spans[name]
        if end <= lo or start >= hi:
            raise DataError(
                f"{interval.where}: from {start:.6g} to {end:.6g} s of recording {name!r}, which runs from {lo:.6g} to "
                f"{hi:.6g} s. Check the recording's name, and the zone of absolute times."
            )
        if start < lo or hi + MAX_GAP_S < end < np.inf:
            findings[name].repair(interval.where, f"{interval.activity!r} was clipped to the recording", 1)
        if interval.until_next:
            findings[name].decide("labels", "each mark until the next", "the file of labels names no ends")
        found[name].append((Segment(max(start, lo), min(end, hi + MAX_GAP_S), interval.activity), interval.where))
    out = {}
    for name, segments in found.items():
        segments.sort(key=lambda each: each[0].start_s)
        for (before, first), (after, second) in itertools.pairwise(segments):
            if after.start_s < (before.stop_s or np.inf) - 1e-9:
                raise DataError(f"{second}: overlaps {first}; a moment can have one activity. Correct one of them.")
        following = [*(segment.start_s for segment, _ in segments[1:]), np.inf]
        out[name] = tuple(
            Segment(segment.start_s, min(segment.stop_s or np.inf, start), segment.activity)
            for (segment, _), start in zip(segments, following, strict=False)  # a recording may have no label
        )
    return out


def those_of(intervals: Sequence[Interval], names: Collection[str]) -> list[Interval]:
    """Return the intervals of these recordings, without those of others."""
    out = []
    for each in intervals:
        with contextlib.suppress(DataError):
            _recording_of(each, names)
            out.append(each)
    return out


def _recording_of(interval: Interval, spans: Collection[str]) -> str:
    if interval.recording is None:
        if len(spans) == 1:
            return next(iter(spans))
        raise DataError(f"{interval.where}: does not say of which recording; there are {len(spans)}.")
    if interval.recording in spans:
        return interval.recording
    stem = re.sub(r"\.(csv|tsv|txt|zip|parquet)$", "", interval.recording, flags=re.IGNORECASE)
    near = [name for name in spans if name == stem or name.split("/")[-1] == stem]
    if len(near) == 1:
        return near[0]
    raise DataError(f"{interval.where}: {unknown('recording', interval.recording, spans)}")


def _on_clock(interval: Interval, name: str, findings: Findings) -> tuple[float, float]:
    if not interval.absolute:
        return interval.start, interval.end
    if findings.started_s is None or findings.started is None:
        raise DataError(
            f"{interval.where}: is a point in time, but recording {name!r} counts from a start that it does not name. "
            "Give seconds since its first sample."
        )
    if interval.zoned != findings.started.endswith("Z"):
        sides = ["the file of intervals", f"recording {name!r}"]
        with_zone, without = sides if interval.zoned else sides[::-1]
        raise DataError(
            f"{interval.where}: {with_zone} names a zone and {without} does not, so their times cannot be compared. "
            "Write times such as 2026-03-01T10:00:00+01:00, or seconds since the recording's first sample."
        )
    return interval.start - findings.started_s, interval.end - findings.started_s
