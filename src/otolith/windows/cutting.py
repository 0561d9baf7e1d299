"""From recordings to windows: the only place that cuts and lays out signals.

The cutting rule: a segment is one labelled stretch of a recording (or, on request, a stretch between them). A
segment of N samples at f Hz has the windows [round(k h f), round(k h f) + round(s f)) for k = 0, 1, ... while
the end does not exceed N, where s is the window and h = s (1 - overlap) the hop in seconds. Each window is
resampled on its own to round(s * rate) samples, so that a window never sees a sample outside itself, in
training as in streaming.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from otolith.errors import DataError, unknown
from otolith.progress import HERE, Progress
from otolith.recording import Recording, Segment, Stream
from otolith.windows.clock import contiguous
from otolith.windows.resampling import refuse_rate, resample
from otolith.windows.value import WindowMeta, Windows, subject_array

_CHUNK = 4096  # windows resampled at once: bounds the float64 copies of a day-long recording


def cut(
    recordings: Iterable[Recording],
    meta: WindowMeta,
    unlabelled: bool = False,
    progress: Progress = HERE,
) -> Windows:
    """Return the windows of recordings, cut by the rule at the top of this file.

    Args:
        recordings: any rates and clocks (`otolith.windows.clock` makes them regular first); channels of a recording
            that `meta.channels` does not name are left out.
        meta: channels, rate, length and overlap of the windows and the names of the activities.
        unlabelled: also cut what lies outside the labelled segments, with y = -1; these windows may join
        pre-training.
        progress: is told of each recording, and of repaired time stamps.

    Returns:
        Windows in the order of the recordings and, within each, of the segments' times. `meta.n_short` and
        `meta.n_short_unlabelled` count the stretches that were too short for a window.

    Raises:
        DataError: a recording that cannot be used (see `clock.contiguous`), a missing channel, an activity
            without a name in `meta.activities`, overlapping segments, two recordings of one name, or no
            window at all.

    >>> one = Recording("walk", 1, (Stream(("acc_x",), np.zeros((1, 120)), 50.0),), (Segment(0.0, None, "walking"),))
    >>> cut([one], WindowMeta("own", ("walking",), ("acc_x",))).x.shape
    (3, 1, 30)
    """
    log = CutLog()
    parts: list[CutPart] = []
    seen: set[str] = set()
    total = len(recordings) if isinstance(recordings, Sequence) else None
    with progress.stage(f"windows of {meta.dataset}", total, "recordings") as stage:
        for recording in recordings:
            refuse_repeated_name(recording.name, seen)
            parts.extend(cut_recording(recording, meta, unlabelled, log))
            stage.advance()
    say_repairs(meta.dataset, log.repairs, progress)
    if not parts:
        raise DataError(why_empty(meta, unlabelled, len(seen), log))
    counts = [len(p.y) for p in parts]
    return Windows(
        np.concatenate([p.x for p in parts]),
        np.concatenate([p.y for p in parts]),
        np.repeat(subject_array(np.array([p.subject for p in parts], dtype=object)), counts),
        np.repeat(np.array([p.recording for p in parts], dtype=np.str_), counts),
        np.concatenate([p.start for p in parts]),
        replace(meta, n_short=log.n_short, n_short_unlabelled=log.n_short_unlabelled),
    )


def say_repairs(name: str, repairs: Sequence[str], progress: Progress) -> None:
    """Say how many repairs of time stamps reading a data set took, and the first of them."""
    if repairs:
        more = f" (and {len(repairs) - 1:,} more, which `otolith data` lists with --check --deep)"
        progress.say(f"{name}: time stamps were repaired: {repairs[0]}{more if len(repairs) > 1 else ''}")


def refuse_repeated_name(name: str, seen: set[str]) -> None:
    """Add a recording's name to those seen, or raise DataError if it is among them."""
    if name in seen:
        raise DataError(f"Two recordings are named {name!r}; names have to be unique in a data set.")
    seen.add(name)


def window_starts(n_samples: int, rate_hz: float, seconds: float, overlap: float) -> NDArray[np.int64]:
    """Return the first samples of all windows of a segment: round(k h f) while round(k h f) + round(s f) <= n_samples.

    >>> window_starts(120, 50, 1.0, 0.5)
    array([ 0, 25, 50])
    """
    length = round(seconds * rate_hz)
    hop_s = seconds * (1 - overlap)
    if n_samples < length:
        return np.empty(0, np.int64)
    k = np.arange(int((n_samples - length) / (hop_s * rate_hz)) + 2)
    starts = np.rint(k * hop_s * rate_hz).astype(np.int64)
    return starts[starts + length <= n_samples]


@dataclass
class CutLog:
    """Counts of what cutting leaves out and of what says why nothing was left (stretches too short for a window, the
    longest stretch and its recording, labelled segments), and the repairs of time stamps."""

    n_short: int = 0
    n_short_unlabelled: int = 0
    longest_s: float = 0.0
    longest_in: str = ""
    n_segments: int = 0
    repairs: list[str] = field(default_factory=list)

    def add(self, other: CutLog) -> None:
        """Join the log of recordings that come after these."""
        self.n_short += other.n_short
        self.n_short_unlabelled += other.n_short_unlabelled
        self.n_segments += other.n_segments
        self.repairs += other.repairs
        if other.longest_s > self.longest_s:
            self.longest_s, self.longest_in = other.longest_s, other.longest_in


@dataclass
class CutPart:
    """The windows of one gap-free stream of a recording: x (n, channels, time), y (n,) and start (n,)."""

    x: NDArray[np.float32]
    y: NDArray[np.int64]
    start: NDArray[np.float64]
    subject: int | str
    recording: str


def cut_recording(
    recording: Recording, meta: WindowMeta, unlabelled: bool, log: CutLog, most: int | None = None
) -> Iterator[CutPart]:
    """Yield the windows of one recording, by the rule at the top of this file; `log` is told what was left out.

    Args:
        most: windows in one part; None: all of a gap-free stream.

    Raises:
        DataError: as `cut`.
    """
    missing = [c for c in meta.channels if c not in recording.channels]
    if missing:
        raise DataError(
            f"Recording {recording.name!r} has no channel {missing[0]!r} (it has "
            f"{', '.join(recording.channels)}). Leave the recording out, or ask for windows of the channels "
            "that all recordings have."
        )
    segments = _checked_segments(recording, meta)
    # another sensor's clock and gaps are none of ours
    used = tuple(stream for stream in recording.streams if set(stream.channels) & set(meta.channels))
    recording = replace(recording, streams=used)
    log.n_segments += len(segments)
    log.repairs += recording.repairs
    found: set[int] = set()
    pieces = contiguous(recording)
    for stream in used:
        refuse_rate(stream.rate_hz, meta.rate_hz, f"Recording {recording.name!r}, {'/'.join(stream.channels)}")
    for stream in pieces:
        length = _window_length(recording, stream, meta)
        starts, labels = [], []
        for first, stop, number in _stretches(recording, stream, segments):
            if number is not None:
                found.add(number)
            elif not unlabelled:
                continue
            label = -1 if number is None else meta.activities.index(segments[number].activity)
            inside = window_starts(stop - first, stream.rate_hz, meta.seconds, meta.overlap)
            if (stop - first) / stream.rate_hz > log.longest_s:
                log.longest_s, log.longest_in = (stop - first) / stream.rate_hz, recording.name
            if len(inside):
                starts.append(first + inside)
                labels.append(np.full(len(inside), label, np.int64))
            elif number is None:
                log.n_short_unlabelled += 1
            else:
                log.n_short += 1
        if starts:
            every, marks = np.concatenate(starts), np.concatenate(labels)
            step = len(every) if most is None else most
            for i in range(0, len(every), step):
                at = every[i : i + step]
                yield CutPart(
                    _batch(stream, meta, at, length),
                    marks[i : i + step],
                    stream.start_s + at / stream.rate_hz,
                    recording.subject,
                    recording.name,
                )
    log.n_short += len(segments) - len(found)  # segments that lie in a gap, or outside the recording


def _window_length(recording: Recording, stream: Stream, meta: WindowMeta) -> int:
    """Samples of the stream in one window."""
    length = round(meta.seconds * stream.rate_hz)
    if length < 1:
        raise DataError(
            f"Recording {recording.name!r} at {stream.rate_hz:g} Hz has no sample in a window of "
            f"{meta.seconds:g} s; choose longer windows."
        )
    # 1 - 0.9 is a little less than 0.1, hence the tolerance
    if meta.seconds * (1 - meta.overlap) * stream.rate_hz < 1 - 1e-9:
        raise DataError(
            f"overlap {meta.overlap:g} moves a window of {meta.seconds:g} s by less than one sample of "
            f"recording {recording.name!r} ({stream.rate_hz:g} Hz); choose a smaller overlap."
        )
    return length


def _checked_segments(recording: Recording, meta: WindowMeta) -> list[Segment]:
    """The segments in order of time."""
    for segment in recording.segments:
        if segment.activity not in meta.activities:
            raise DataError(f"Recording {recording.name!r}: {unknown('activity', segment.activity, meta.activities)}")
        start, stop = segment.start_s, segment.stop_s
        if not np.isfinite(start) or (stop is not None and not stop >= start):
            raise DataError(
                f"Recording {recording.name!r}: segment {segment.activity!r} lasts from {start} s to {stop} "
                "s; expected a start in seconds and no earlier end."
            )
    return sorted(recording.segments, key=lambda segment: segment.start_s)


def _stretches(recording: Recording, stream: Stream, segments: list[Segment]) -> Iterator[tuple[int, int, int | None]]:
    """All of a stream in order of time: first sample, sample after the last, number of the segment or None."""
    n, f = stream.n_samples, stream.rate_hz
    free = 0  # first sample that no segment has taken
    for number, segment in enumerate(segments):
        # clipped before rounding, since an end may be infinite
        first = round(min(max((segment.start_s - stream.start_s) * f, 0), n))
        stop = n if segment.stop_s is None else round(min(max((segment.stop_s - stream.start_s) * f, 0), n))
        if stop <= first:
            continue  # nothing of it lies in this stream
        if first < free:
            raise DataError(
                f"Recording {recording.name!r}: segment {segment.activity!r} from {segment.start_s} s "
                "overlaps the one before it; a sample can have one activity only."
            )
        if first > free:
            yield free, first, None
        yield first, stop, number
        free = stop
    if free < n:
        yield free, n, None


def _batch(stream: Stream, meta: WindowMeta, starts: NDArray[np.int64], length: int) -> NDArray[np.float32]:
    """(windows, channels, time) of one stream, resampled."""
    rows = [stream.channels.index(c) for c in meta.channels]
    out = np.empty((len(starts), len(meta.channels), meta.n_steps), np.float32)
    for i in range(0, len(starts), _CHUNK):
        some = starts[i : i + _CHUNK]
        first = int(some.min())
        values = stream.values[:, first : int(some.max()) + length]
        if stream.channels != meta.channels:
            values = values[rows]
        chunk = resample(sliding_window_view(values, length, axis=1)[:, some - first], meta.n_steps)
        out[i : i + _CHUNK] = chunk.transpose(1, 0, 2)
    return out


def why_empty(meta: WindowMeta, unlabelled: bool, n_recordings: int, log: CutLog) -> str:
    """Return the error's words where recordings gave no window at all."""
    if not n_recordings:
        return f"Data set {meta.dataset!r} holds no recording; check the folder it was read from."
    if not log.n_segments and not unlabelled:
        return (
            f"None of the {n_recordings} recordings of {meta.dataset!r} has a labelled segment. "
            "Label some of them, let them join the pre-training of another data set (--unlabelled), or, in "
            "Python, pass unlabelled=True to cut them all the same."
        )
    return (
        f"No stretch of {meta.dataset!r} is as long as one window of {meta.seconds:g} s: the longest has "
        f"{log.longest_s:g} s (recording {log.longest_in!r}). Choose shorter windows or record longer."
    )
