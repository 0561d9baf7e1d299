"""Models of residual convolutions, frozen or fine-tuned, wherever models go, on windows of one second and of more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from otolith import Recogniser, pipeline, splits
from otolith.calibration import Assessed
from otolith.finetuning.settings import FinetuneSettings
from otolith.jobs.estimate import estimate
from otolith.model import Model, bundle
from otolith.nets import ResidualEncoder
from otolith.prediction import predict_recordings
from otolith.recording import CHANNELS, Recording, Stream
from otolith.streaming import StreamingRecogniser
from otolith.windows import Windows
from tests.helpers import tiny

SECONDS = [1.0, 31 / 12, 5.0]
"""Lengths of windows at 12 Hz: 12, 31 and 60 steps."""
TRAINED = FinetuneSettings(encoder="trained", epochs=12, batch_size=8, lr=3e-3, hidden=())


def recipe(**overrides: Any) -> Any:
    return tiny.recipe(**{"encoder__kind": "conv", "encoder__layer_norm": True, "pretrain__epochs": 2} | overrides)


def windows(seconds: float) -> Windows:
    """Windows that overlap by half, with gravity along z."""
    w = tiny.windows(n_subjects=6, seconds=seconds)
    x = w.x.copy()
    x[:, 2] += 9.81 - x[:, 2].mean()
    x[:, :2] -= x[:, :2].mean((0, 2), keepdims=True)
    return replace(w, x=x, meta=replace(w.meta, overlap=0.5))


@pytest.fixture(scope="module")
def made() -> Callable[[float, bool], Model]:
    """A calibrated model for windows of some seconds, with a frozen or with a fine-tuned encoder; trained once."""
    torch.set_num_threads(1)
    models: dict[tuple[float, bool], Model] = {}

    def get(seconds: float, finetuned: bool) -> Model:
        if (seconds, finetuned) not in models:
            w = windows(seconds)
            split = splits.holdout(w, 0)
            encoder = pipeline.pretrain(w, split, recipe(), "csshar", seed=1)
            settings = TRAINED if finetuned else None
            models[seconds, finetuned] = pipeline.finetune(encoder, w, split, settings=settings)
        return models[seconds, finetuned]

    return get


both = pytest.mark.parametrize(
    ("seconds", "finetuned"),
    [(seconds, False) for seconds in SECONDS] + [(1.0, True)],
    ids=lambda value: f"{value:.3g} s" if isinstance(value, float) else "fine-tuned" if value else "frozen",
)


def assert_alike(one: Assessed, other: Assessed, within: float) -> None:
    np.testing.assert_allclose(one.probabilities, other.probabilities, atol=within)
    assert one.score is not None
    assert other.score is not None
    np.testing.assert_allclose(one.score, other.score, rtol=100 * within, atol=1000 * within)


@both
def test_a_bundle_brings_it_back(
    seconds: float, finetuned: bool, made: Callable[[float, bool], Model], tmp_path: Path
) -> None:
    model, w = made(seconds, finetuned), windows(seconds)
    network = model.encoder.network
    assert isinstance(network, ResidualEncoder)
    assert (network.n_steps, network.n_features) == (w.meta.n_steps, 39)
    loaded = bundle.load_model(bundle.save(model, tmp_path / "model"))
    assert_alike(loaded.assess(w.x), model.assess(w.x), 0)
    np.testing.assert_array_equal(loaded.encoder.features(w.x), model.encoder.features(w.x))


@both
def test_it_is_calibrated_and_knows_noise(
    seconds: float, finetuned: bool, made: Callable[[float, bool], Model]
) -> None:
    model, w = made(seconds, finetuned), windows(seconds)
    assert model.calibration is not None
    threshold = model.calibration.threshold
    noise = w.x + 300 * np.random.default_rng(0).standard_normal(w.x.shape).astype(np.float32)
    score, odd = model.assess(w.x).score, model.assess(noise).score
    assert score is not None
    assert odd is not None
    assert (odd > threshold).mean() > 0.9
    assert (score > threshold).mean() < 0.5


@both
def test_onnxruntime_says_the_same(
    seconds: float, finetuned: bool, made: Callable[[float, bool], Model], tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime")
    from otolith.export import Trial, check, export_onnx

    model, w = made(seconds, finetuned), windows(seconds)
    split = splits.holdout(w, 0)
    trial = Trial(w.x[split.test], w.y[split.test], w.x[split.val], w.y[split.val], "test windows")
    done = export_onnx(model, tmp_path / "m.onnx", trial=trial, int8=seconds != 5.0)
    assert done.float32.same == done.float32.same_unknown == 1
    assert done.float32.largest < 1e-5
    if done.int8 is None:
        assert_alike(check.run(done.path, model, w.x), model.assess(w.x), 1e-5)
    else:
        assert done.int8.same >= 0.9


@both
def test_a_stream_gives_what_the_whole_recording_gives(
    seconds: float, finetuned: bool, made: Callable[[float, bool], Model]
) -> None:
    model = made(seconds, finetuned)
    rng = np.random.default_rng(1)
    time = np.arange(round(50 * 6 * seconds)) / 50
    values = np.sin(2 * np.pi * 2 * time) * np.arange(1, 7)[:, None] + rng.normal(0, 0.3, (6, len(time)))
    values += np.array([0, 0, 9.81, 0, 0, 0])[:, None]
    (found,) = predict_recordings(model, [Recording("r", 1, (Stream(CHANNELS, values, 50.0),))], smoothing="causal")
    assert found.timeline is not None
    stream = StreamingRecogniser(model, 50.0)
    came = [each for at in range(0, len(time), 7) for each in stream.push(values[:, at : at + 7])]
    came += stream.finish()
    assert len(came) > 8
    np.testing.assert_array_equal([p.start_s for p in came], found.timeline.start_s)
    np.testing.assert_allclose([p.probabilities for p in came], found.timeline.probabilities, atol=1e-6)
    assert [p.activity for p in came] == found.timeline.activity


def test_scikit_learn_s_face_trains_it() -> None:
    w = windows(1.0)
    recogniser = Recogniser(recipe(), method="csshar", rate_hz=tiny.RATE_HZ).fit(w.x, w.y, groups=w.subject)
    assert isinstance(recogniser.model_.encoder.network, ResidualEncoder)
    assert recogniser.transform(w.x).shape == (len(w), 39)
    np.testing.assert_allclose(recogniser.predict_proba(w.x).sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("method", ["dynamic", "masked", "random"])
def test_an_estimate_is_that_of_the_kind(method: str) -> None:
    meta = replace(tiny.meta(), seconds=5.0)
    found = {kind: estimate(recipe(encoder__kind=kind), method, meta, 64, 20) for kind in ("transformer", "conv")}
    for kind, one in found.items():
        encoder = pipeline.build_encoder(method, recipe(encoder__kind=kind), meta, 0)
        assert one.parameters == sum(p.numel() for p in encoder.parameters())
    # features of fine-tuning are 36 numbers a window, and 60 steps of 16 without the pooling
    assert found["conv"].peak_bytes < found["transformer"].peak_bytes
