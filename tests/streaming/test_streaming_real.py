"""Streaming against offline prediction on real recordings, regular and irregular."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from otolith import datasets
from otolith.prediction import predict_recordings
from otolith.streaming import StreamingRecogniser
from tests.helpers.real import beginning, model_for

pytestmark = pytest.mark.realdata


@pytest.mark.parametrize(("name", "pieces"), [("uci-har", 1), ("uci-har", 997), ("mobifall", 1), ("mobifall", 64)])
def test_real_recordings_in_pieces(name: str, pieces: int, real_root: Path) -> None:
    data = datasets.load(name, real_root)
    recording = beginning(next(iter(data.recordings())))
    model = model_for(recording, data.info)
    (found,) = predict_recordings(model, [recording], smoothing="causal")
    timeline = found.timeline
    assert timeline is not None, found.why_not
    sensors = {str(i): stream.channels for i, stream in enumerate(recording.streams)}
    rates = {str(i): stream.rate_hz for i, stream in enumerate(recording.streams)}
    stream = StreamingRecogniser(model, rates, sensors=sensors)
    came, at = [], [0] * len(sensors)
    seconds = 0.0
    while any(a < s.n_samples for a, s in zip(at, recording.streams, strict=True)):
        seconds += pieces / 200
        for i, each in enumerate(recording.streams):
            times = each.times if each.times is not None else np.arange(each.n_samples) / each.rate_hz
            stop = int(np.searchsorted(times - times[0], seconds))
            piece = slice(at[i], stop)
            came += stream.push(each.values[:, piece], None if each.times is None else each.times[piece], str(i))
            at[i] = max(at[i], stop)
    came += stream.finish()
    np.testing.assert_array_equal([p.start_s for p in came], timeline.start_s)
    np.testing.assert_allclose([p.probabilities for p in came], timeline.probabilities, atol=1e-6)
    np.testing.assert_allclose([p.belief for p in came], timeline.belief, atol=1e-6)
