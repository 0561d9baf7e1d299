"""Streaming against offline prediction on real recordings, regular and irregular."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from otolith import datasets, pipeline
from otolith.finetuning.heads import build_head
from otolith.model import Model, PretrainedEncoder
from otolith.prediction import predict_recordings
from otolith.preprocessing.scaler import Scaler
from otolith.recording import Recording, Segment
from otolith.streaming import StreamingRecogniser
from otolith.windows import WindowMeta, cut
from tests.helpers import tiny

pytestmark = pytest.mark.realdata


def model_for(recording: Recording, info: datasets.DatasetInfo) -> Model:
    """An untrained model with the scaler of one recording: what it says varies, which is all that matters here."""
    torch.set_num_threads(1)
    meta = WindowMeta.of(info)
    recipe = tiny.recipe()
    w = cut([recording], meta)
    network = pipeline.build_encoder("random", recipe, meta, 0).eval()
    encoder = PretrainedEncoder(network, Scaler.fit(w.x), meta, recipe, "random", 0)
    n_features: int = network.n_features  # type: ignore[assignment]
    head = build_head(n_features, len(meta.activities), recipe.finetune, 0).eval()
    return Model(encoder, head, meta.activities, tuple(range(len(meta.activities))), recipe.finetune, 0, 0.0)


def beginning(recording: Recording, seconds: float = 30.0) -> Recording:
    """Its first seconds as one labelled segment."""
    streams = []
    for each in recording.streams:
        times = None if each.times is None else each.times[each.times < each.times[0] + seconds]
        n = round(seconds * each.rate_hz) if times is None else len(times)
        streams.append(replace(each, values=each.values[:, :n], times=times))
    return replace(recording, streams=tuple(streams), segments=(Segment(-1e9, None, recording.segments[0].activity),))


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
