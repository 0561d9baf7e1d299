"""A real recording played through the server says what prediction of the whole recording says."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from otolith import datasets
from otolith.live.recordings import Playable
from otolith.prediction import predict_recordings
from otolith.streaming import StreamingRecogniser
from tests.helpers.live import hear_all, running_live, say
from tests.helpers.real import beginning, model_for

pytestmark = pytest.mark.realdata


def test_a_real_recording_is_played_as_it_is_predicted(real_root: Path) -> None:
    data = datasets.load("uci-har", real_root)
    recording = replace(beginning(next(itertools.islice(data.recordings(), 3, None)), 60.0), name="real")
    model = model_for(recording, data.info)
    (found,) = predict_recordings(model, [recording], smoothing="causal")
    assert found.timeline is not None, found.why_not
    one = Playable.of(recording, model)
    with running_live(model, recordings={"real": one}) as served, served.talk() as talk:
        say(talk, {"type": "replay", "recording": "real", "speed": 60})
        came = hear_all(talk)
    assert came[-1]["dropped_messages"] == 0
    predictions = [message for message in came if message["type"] == "prediction"]
    assert [p["activity"] for p in predictions] == found.timeline.activity
    np.testing.assert_allclose([p["p"] for p in predictions], found.timeline.probabilities, atol=2e-6)
    np.testing.assert_allclose([p["belief"] for p in predictions], found.timeline.belief, atol=2e-6)
    stream = StreamingRecogniser(model, one.rate_hz, channels=one.channels)
    again = [p for times, values in one.pieces() for p in stream.push(values, times)] + stream.finish()
    assert [p.start_s for p in again] == [p["start_s"] for p in predictions]
