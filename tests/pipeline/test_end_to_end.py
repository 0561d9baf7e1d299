"""A pre-trained encoder that is trained on with its head: whatever takes a model takes this one."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from otolith import pipeline, splits
from otolith.estimator import Recogniser
from otolith.export import Trial, export_onnx
from otolith.finetuning.settings import FinetuneSettings
from otolith.model import Model, PretrainedEncoder, bundle
from otolith.prediction import predict_recordings
from otolith.recording import CHANNELS, Recording, Stream
from otolith.splits import Split
from otolith.streaming import StreamingRecogniser
from otolith.windows import Windows
from tests.helpers import tiny

RECIPE = tiny.recipe(
    finetune__encoder="trained",
    finetune__encoder_rate=0.5,
    finetune__optimizer="adamw",
    finetune__schedule="one-cycle",
    finetune__label_smoothing=0.1,
    finetune__weight_decay=0.01,
    finetune__augment=[{"name": "jitter", "sigma": 0.1}],
    finetune__keep="last",
)


@pytest.fixture(scope="module")
def w() -> Windows:
    return tiny.windows_with_gravity()


@pytest.fixture(scope="module")
def split(w: Windows) -> Split:
    return splits.holdout(w, 0)


@pytest.fixture(scope="module")
def encoder(w: Windows, split: Split) -> PretrainedEncoder:
    return pipeline.pretrain(w, split, RECIPE, "csshar", device="cpu")


@pytest.fixture(scope="module")
def model(encoder: PretrainedEncoder, w: Windows, split: Split) -> Model:
    return pipeline.finetune(encoder, w, split)


def test_the_last_epoch_is_kept_and_its_score_is_told(model: Model, w: Windows, split: Split) -> None:
    assert {record["best_epoch"] for record in model.records} == {RECIPE.finetune.epochs}
    assert model.validation == model.records[-1]["val_macro_f1"]
    found = pipeline.evaluate(model, w, dataclasses.replace(split, val=split.test, test=split.val))["macro_f1"]
    assert found == pytest.approx(model.validation)


def test_a_bundle_carries_the_trained_encoder(model: Model, w: Windows, tmp_path: Path) -> None:
    folder = bundle.save(model, tmp_path / "model")
    loaded = bundle.load_model(folder, "cpu")
    np.testing.assert_array_equal(loaded.predict_proba(w.x), model.predict_proba(w.x))
    np.testing.assert_array_equal(bundle.load_encoder(folder, "cpu").features(w.x), model.encoder.features(w.x))
    assert loaded.settings == model.settings == RECIPE.finetune
    assert json.loads((folder / "card.json").read_text())["finetune"]["encoder"] == "trained"


def test_fine_tuning_goes_on_from_a_trained_encoder(model: Model, w: Windows, split: Split) -> None:
    again = pipeline.finetune(model.encoder, w, split, frozen=True)
    assert again.encoder.network is model.encoder.network
    assert again.settings.encoder == "frozen"


def test_frozen_says_it_for_one_fine_tuning(encoder: PretrainedEncoder, w: Windows, split: Split) -> None:
    settings = FinetuneSettings(epochs=1, hidden=(4,))
    assert pipeline.finetune(encoder, w, split, settings=settings).encoder.network is encoder.network
    trained = pipeline.finetune(encoder, w, split, settings=settings, frozen=False)
    assert trained.encoder.network is not encoder.network
    assert trained.settings == dataclasses.replace(settings, encoder="trained")


def test_it_is_calibrated_on_the_features_it_has_in_the_end(model: Model, w: Windows, split: Split) -> None:
    again = pipeline.calibrate(model, w, split)
    assert model.calibration is not None
    assert again.calibration is not None
    assert again.calibration.to_dict() == model.calibration.to_dict()


def test_it_is_exported(model: Model, w: Windows, split: Split, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    trial = Trial(w.x[split.test], w.y[split.test], w.x[split.val], w.y[split.val], "test windows")
    assert export_onnx(model, tmp_path / "model.onnx", trial=trial).float32.same == 1.0


def test_it_recognises_a_stream(model: Model) -> None:
    values = np.random.default_rng(0).normal(0, 1, (6, 60)) + np.array([0, 0, 9.81, 9, 12, 15])[:, None]
    stream = StreamingRecogniser(model, tiny.RATE_HZ)
    came = [*stream.push(values), *stream.finish()]
    recording = Recording("r", "s", (Stream(CHANNELS, values, tiny.RATE_HZ),))
    (found,) = predict_recordings(model, [recording], smoothing="causal")
    assert found.timeline is not None
    np.testing.assert_allclose([p.probabilities for p in came], found.timeline.probabilities, atol=1e-6)


def test_scikit_learn_s_face_trains_it_too(w: Windows) -> None:
    y = np.array(tiny.ACTIVITIES)[w.y]
    found = {
        kept: Recogniser(tiny.recipe(finetune__encoder=kept), "csshar", rate_hz=tiny.RATE_HZ).fit(w.x, y, w.subject)
        for kept in ("frozen", "trained")
    }
    assert not np.allclose(found["frozen"].transform(w.x), found["trained"].transform(w.x))
    assert set(found["trained"].predict(w.x)) <= set(tiny.ACTIVITIES)
