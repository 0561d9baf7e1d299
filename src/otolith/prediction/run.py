"""Prediction of whole recordings, one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from otolith.errors import DataError
from otolith.model import Model
from otolith.prediction.matching import fitting
from otolith.prediction.smoothing import DWELL_S, HiddenMarkov, smooth
from otolith.prediction.timeline import Timeline, as_text, state_names
from otolith.preprocessing.sensors import usable, widened
from otolith.progress import SILENT, Progress
from otolith.recording import Recording, sensors_of
from otolith.windows import cut


@dataclass(frozen=True, eq=False)
class Predicted:
    """A recording and its timeline; or, instead of it, the reason why there is none."""

    recording: Recording
    timeline: Timeline | None
    why_not: str = ""


def predict_recordings(
    model: Model,
    recordings: Iterable[Recording],
    *,
    smoothing: str = "offline",
    dwell_s: float = DWELL_S,
    started: Mapping[str, datetime] | None = None,
    progress: Progress = SILENT,
) -> Iterator[Predicted]:
    """Timelines of recordings, one in memory at a time. Labels in them are not looked at, only handed on.

    Windows are cut and resampled as in training, from the first sample of each gap-free stretch on.

    Args:
        recordings: of any rate; channels are matched by name (see `matching.fitting`).
        smoothing: "offline" looks both ways, "causal" only back, "none" leaves the windows to themselves.
        dwell_s: expected seconds that an activity lasts; see `otolith.prediction.smoothing`.
        started: recording name -> when its clock was at zero.

    Yields:
        `Predicted`; a recording that is too short for a window, or that cannot be used, has no timeline but a reason.

    Raises:
        DataError: another name of smoothing, or a duration that is not positive.
    """
    machine = hidden_markov(model, dwell_s)
    if smoothing != "none":  # refuse a wrong name before the work
        empty = np.empty((0, len(model.activities)))
        smooth(smoothing, machine, empty, np.empty(0, np.bool_), np.empty(0))
    for recording in recordings:
        try:
            timeline = _timeline(model, recording, smoothing, machine, (started or {}).get(recording.name), progress)
        except DataError as error:
            yield Predicted(recording, None, str(error))
        else:
            yield Predicted(recording, timeline)


def hidden_markov(model: Model, dwell_s: float = DWELL_S) -> HiddenMarkov:
    """The model of smoothing that belongs to a recogniser; offline and streaming prediction share it."""
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
    w = widened(cut([matched], replace(meta, channels=there), unlabelled=True), meta)
    said = model.assess(w.x, progress)
    start = np.array(w.start)
    belief = None
    if smoothing != "none":
        belief = smooth(smoothing, machine, said.probabilities, said.unknown, start)
    return Timeline(
        recording=recording.name,
        subject=recording.subject,
        states=state_names(model.activities, model.calibration is not None),
        start_s=start,
        seconds=meta.seconds,
        hop_s=meta.seconds * (1 - meta.overlap),
        probabilities=said.probabilities,
        score=said.score,
        flagged=said.unknown,
        belief=belief,
        labels=_labels(recording, start, meta.seconds),
        started=started,
        without=tuple(sensor for sensor in sensors_of(meta.channels) if sensor not in sensors_of(there)),
    )


def _labels(recording: Recording, start: NDArray[np.float64], seconds: float) -> NDArray[np.str_]:
    """The activity whose segment holds all of a window but for half a sample, "" where none does."""
    found = [""] * len(start)
    slack = 0.5 / max(stream.rate_hz for stream in recording.streams)
    for segment in recording.segments:
        stop = np.inf if segment.stop_s is None else segment.stop_s
        inside = (start >= segment.start_s - slack) & (start + seconds <= stop + slack)
        for i in np.flatnonzero(inside):
            found[i] = segment.activity
    return as_text(found)
