"""Predict whole recordings, one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from otolith import showing
from otolith.calibration import Assessed
from otolith.errors import DataError, unknown
from otolith.model import Model
from otolith.prediction.cores import on_cores
from otolith.prediction.matching import fitting
from otolith.prediction.smoothing import DWELL_S, SMOOTHERS, HiddenMarkov
from otolith.prediction.timeline import Timeline, state_names
from otolith.preprocessing.sensors import usable
from otolith.progress import HERE, Progress
from otolith.recording import Recording, sensors_of
from otolith.system.memory import release, trim
from otolith.windows import WindowMeta
from otolith.windows.cutting import CutLog, cut_recording

AT_ONCE = 4096
"""Windows in memory at a time; a multiple of the network's batches, so that these are the same for any number."""
TRIMMED = 8
"""Pieces of so many windows after which freed memory goes back: results that stay lie between what networks free."""


@dataclass(frozen=True, eq=False)
class Predicted:
    """A recording with its timeline, or with the reason why it has none.

    >>> Predicted(Recording("r", 1, ()), None, "r has no stream; it needs one.").timeline is None
    True
    """

    recording: Recording
    timeline: Timeline | None
    why_not: str = ""

    def __repr__(self) -> str:
        told = (
            showing.plain(self.why_not, 120) if self.timeline is None else showing.count(len(self.timeline), "window")
        )
        return showing.line("Predicted", self.recording.name, [told])


def predict_recordings(
    model: Model,
    recordings: Iterable[Recording],
    *,
    smoothing: str = "offline",
    dwell_s: float = DWELL_S,
    started: Mapping[str, datetime] | None = None,
    progress: Progress = HERE,
) -> Iterator[Predicted]:
    """Predict recordings, of which one is in memory at a time.

    Windows are cut and resampled as in training, from the first sample of each gap-free stretch on. Labels in a
    recording do not count; they are copied to its timeline.

    Args:
        model: a fine-tuned model.
        recordings: recordings in m/s² and rad/s, of any rate; channels are matched by name (see `matching.fitting`).
        smoothing: "offline" (both ways in time), "causal" (only back) or "none" (each window by itself).
        dwell_s: expected seconds that an activity lasts; see `otolith.prediction.smoothing`.
        started: {recording name: date and time at which its clock was at zero}.

    Yields:
        `Predicted` for each recording; one that cannot be used has a reason instead of a timeline.

    Raises:
        DataError: an unknown smoothing, or a duration that is not positive.

    >>> import otolith
    >>> from otolith.finetuning.settings import FinetuneSettings
    >>> x = np.random.default_rng(0).normal(size=(60, 6, 50)) + [[0], [0], [9.8], [0], [0], [0]]
    >>> w = otolith.Windows.from_arrays(x, np.arange(60) % 2, np.arange(60) // 6, rate_hz=50)
    >>> split = otolith.splits.holdout(w, 0)
    >>> encoder = otolith.pretrain(w, split, method="random")
    >>> model = otolith.finetune(encoder, w, split, settings=FinetuneSettings(epochs=2))
    >>> recording = Recording("noon", 1, (otolith.Stream(w.meta.channels, np.hstack(x[:3]), 50.0),))
    >>> [each.timeline.start_s for each in predict_recordings(model, [recording])]
    [array([0., 1., 2.])]
    """
    machine = hidden_markov(model, dwell_s)
    if smoothing not in SMOOTHERS:
        raise DataError(unknown("smoothing", smoothing, SMOOTHERS))
    for recording in recordings:
        try:
            timeline = _timeline(model, recording, smoothing, machine, (started or {}).get(recording.name), progress)
        except DataError as error:
            yield Predicted(recording, None, str(error))
        else:
            yield Predicted(recording, timeline)


def hidden_markov(model: Model, dwell_s: float = DWELL_S) -> HiddenMarkov:
    """Return the hidden Markov model that offline and streaming prediction of a model share."""
    rate = model.calibration.false_unknowns if model.calibration is not None else None
    return HiddenMarkov(len(model.activities), rate, 1 - model.meta.overlap, dwell_s)


def _timeline(
    model: Model,
    recording: Recording,
    smoothing: str,
    machine: HiddenMarkov,
    started: datetime | None,
    progress: Progress,
) -> Timeline:
    meta = model.meta
    matched = replace(fitting(recording, meta, model.encoder.scaler), segments=())
    there = usable(matched.channels, meta, model.encoder.scaler)
    start, found = _assessed(model, matched, replace(meta, channels=there), progress)
    smoother = SMOOTHERS[smoothing]
    belief = None if smoother is None else smoother(machine, found.probabilities, found.unknown, start)
    return Timeline(
        recording=recording.name,
        subject=recording.subject,
        states=state_names(model.activities, model.calibration is not None),
        start_s=start,
        seconds=meta.seconds,
        hop_s=meta.seconds * (1 - meta.overlap),
        probabilities=found.probabilities,
        score=found.score,
        flagged=found.unknown,
        belief=belief,
        labels=_labels(recording, start, meta.seconds),
        started=started,
        without=tuple(sensor for sensor in sensors_of(meta.channels) if sensor not in sensors_of(there)),
    )


def _assessed(
    model: Model, recording: Recording, meta: WindowMeta, progress: Progress
) -> tuple[NDArray[np.float64], Assessed]:
    """Return starts (n,) and the assessment of a recording's windows, of which `AT_ONCE` are in memory at a time."""
    log = CutLog()
    starts: list[NDArray[np.float64]] = []
    waiting: list[NDArray[np.float32]] = []
    done = 0

    def taken(n: int) -> NDArray[np.float32]:
        x = np.concatenate(waiting) if len(waiting) > 1 else waiting[0]
        waiting[:] = [x[n:]] if len(x) > n else []
        return x[:n]

    def assess(x: NDArray[np.float32]) -> Assessed:
        return model.assess(_widened(x, meta.channels, model.meta.channels))

    with progress.stage("activities", None, "windows") as bar, on_cores(assess, model.encoder.device) as pieces:
        trim()  # of what reading has left
        for part in cut_recording(recording, meta, True, log, AT_ONCE):
            starts.append(part.start)
            waiting.append(part.x)
            for stream in recording.streams:
                release(stream.values)
            while sum(map(len, waiting)) >= AT_ONCE:
                pieces.add(taken(AT_ONCE))
                bar.advance(AT_ONCE)
                done += 1
                if done % TRIMMED == 0:
                    trim()
        if waiting:
            pieces.add(taken(AT_ONCE))
        found = pieces.results()
    if not starts:
        raise DataError(
            f"recording {recording.name!r} is shorter than one window of {meta.seconds:g} s: its longest stretch "
            f"without a gap has {log.longest_s:g} s. Record longer, or take a model with shorter windows."
        )
    scores = [each.score for each in found if each.score is not None]
    return np.concatenate(starts), Assessed(
        np.concatenate([each.probabilities for each in found]),
        np.concatenate(scores) if scores else None,
        np.concatenate([each.unknown for each in found]),
    )


def _widened(x: NDArray[np.float32], there: Sequence[str], wanted: Sequence[str]) -> NDArray[np.float32]:
    """Return windows (n, channels, time) with all wanted channels: NaN throughout where there is none."""
    if tuple(there) == tuple(wanted):
        return x
    out = np.full((len(x), len(wanted), x.shape[2]), np.nan, np.float32)
    out[:, [wanted.index(channel) for channel in there]] = x
    return out


def _labels(recording: Recording, start: NDArray[np.float64], seconds: float) -> NDArray[np.str_]:
    """Return the activity whose segment holds all of a window but for half a sample, "" where none does."""
    found = [""] * len(start)
    slack = 0.5 / max(stream.rate_hz for stream in recording.streams)
    for segment in recording.segments:
        stop = np.inf if segment.stop_s is None else segment.stop_s
        inside = (start >= segment.start_s - slack) & (start + seconds <= stop + slack)
        for i in np.flatnonzero(inside):
            found[i] = segment.activity
    return np.array(found, np.str_)
