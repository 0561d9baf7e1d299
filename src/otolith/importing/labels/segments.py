"""Activities of recordings: from a column of the table, or from intervals (`otolith.importing.labels.intervals`).

Times of intervals are on the recording's clock, or points in time; then a zone has to be named on both sides or on
neither.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence

import numpy as np

from otolith.errors import DataError
from otolith.importing.disk_buffer import Texts
from otolith.importing.findings import Findings
from otolith.importing.labels.activities import is_label
from otolith.importing.labels.by_time import recordings_at
from otolith.importing.labels.intervals import Interval
from otolith.importing.labels.no_label import PLAIN, folded_word
from otolith.importing.labels.readings import on_clock
from otolith.importing.labels.which import recordings_of
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
    intervals: Sequence[Interval],
    spans: dict[str, tuple[float, float]],
    findings: dict[str, Findings],
    timezone: str | None = None,
) -> dict[str, tuple[Segment, ...]]:
    """Return the segments of each recording.

    Args:
        spans: first and last time of each recording on its clock.
        findings: of each recording; tells when it started, and takes what was clipped.
        timezone: of times that name none, see `otolith.importing.options.ImportOptions`.

    Raises:
        DataError: an interval of an unknown recording, outside it, without a zone where the other side has one, or one
            that overlaps another; names the line.
        Undecided: times that may mean several moments of the recording.
    """
    placed: dict[str, list[Interval]] = {name: [] for name in spans}
    by_time = [each for each in intervals if each.recording is None and each.absolute and len(spans) > 1]
    for interval in by_time:
        for name in recordings_at(interval, spans, findings, timezone):
            placed[name].append(interval)
    named = (
        intervals if not by_time else [each for each in intervals if each.recording is not None or not each.absolute]
    )
    for interval, name in zip(named, recordings_of(named, spans), strict=True):
        placed[name].append(interval)
    out = {}
    for name, ours in placed.items():
        read = on_clock(ours, name, spans[name], findings[name], timezone)
        last = spans[name][1]
        found = [
            (_segment(each, name, spans[name], findings[name]), each)
            for each in read
            if not (
                each.every_s and last <= each.start <= last + each.every_s
            )  # the last of labels at a rate, of no sample or one
        ]
        found.sort(key=lambda each: each[0].start_s)
        for (before, first), (after, second) in itertools.pairwise(found):
            if after.start_s < (before.stop_s or np.inf) - 1e-9:
                raise DataError(
                    f"{second.where}: overlaps {first.where}; a moment can have one activity. Correct one of them."
                )
        following = [*(segment.start_s for segment, _ in found[1:]), np.inf]
        kept: list[Segment] = []
        for (segment, interval), start in zip(found, following, strict=False):  # a recording may have no label
            segment = Segment(segment.start_s, min(segment.stop_s or np.inf, start), segment.activity)
            if (
                interval.until_next
                and kept
                and kept[-1].activity == segment.activity
                and (kept[-1].stop_s or np.inf) >= segment.start_s - 1e-6
            ):
                segment = Segment(kept.pop().start_s, segment.stop_s, segment.activity)
            kept.append(segment)
        out[name] = tuple(kept)
    return out


def _segment(interval: Interval, name: str, span: tuple[float, float], findings: Findings) -> Segment:
    """Return an interval on the recording's clock, clipped to the recording."""
    start, end, (lo, hi) = interval.start, interval.end, span
    if end <= lo or start >= hi:
        raise DataError(
            f"{interval.where}: from {start:.6g} to {end:.6g} s of recording {name!r}, which runs from {lo:.6g} to "
            f"{hi:.6g} s. Check the recording's name, the unit (a column start_ms holds milliseconds), and the zone of "
            "absolute times."
        )
    if start < lo or hi + MAX_GAP_S < end < np.inf:
        findings.repair(interval.where, f"{interval.activity!r} was clipped to the recording", 1)
    if interval.every_s:
        findings.decide(
            "labels", f"one every {interval.every_s:.4g} s", "they stand at even distances; none fills a gap"
        )
    elif interval.until_next:
        findings.decide("labels", "each mark until the next", "the file of labels names no ends")
    return Segment(max(start, lo), min(end, hi + MAX_GAP_S), interval.activity)
