"""Hand-made features under trees or a logistic regression, wherever models go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from otolith import Recogniser, methods, pipeline, splits
from otolith.calibration import Assessed
from otolith.errors import CheckpointError, TrainingError
from otolith.export.trees import has_trees
from otolith.finetuning.settings import FinetuneSettings, TreeSettings
from otolith.jobs.estimate import estimate
from otolith.model import Model, bundle, weights
from otolith.nets import HandmadeFeatures
from otolith.prediction import predict_recordings
from otolith.recording import CHANNELS, Recording, Stream
from otolith.streaming import StreamingRecogniser
from otolith.windows import Windows
from tests.helpers import tiny

MODELS = ["extra-trees", "forest", "boosting", "logistic"]


def windows() -> Windows:
    """Windows that overlap by half, with gravity along z."""
    w = tiny.windows(n_subjects=6)
    x = w.x.copy()
    x[:, 2] += 9.81 - x[:, 2].mean()
    x[:, :2] -= x[:, :2].mean((0, 2), keepdims=True)
    return replace(w, x=x, meta=replace(w.meta, overlap=0.5))


W = windows()
SPLIT = splits.holdout(W, 0)


def recipe(model: str, **overrides: Any) -> Any:
    return tiny.recipe(method__classical__model=model, **overrides)


@pytest.fixture(scope="module")
def made() -> Callable[[str], Model]:
    """A calibrated model of each kind, fitted once."""
    torch.set_num_threads(1)
    models: dict[str, Model] = {}

    def get(model: str) -> Model:
        if model not in models:
            models[model] = pipeline.finetune(pipeline.pretrain(W, SPLIT, recipe(model), "classical", 1), W, SPLIT)
        return models[model]

    return get


each = pytest.mark.parametrize("model", MODELS)


def assert_alike(one: Assessed, other: Assessed, within: float) -> None:
    np.testing.assert_allclose(one.probabilities, other.probabilities, atol=within)
    assert one.score is not None
    assert other.score is not None
    np.testing.assert_allclose(one.score, other.score, rtol=100 * within, atol=1000 * within)


@each
def test_it_tells_activities_of_new_people_apart_without_an_epoch(model: str, made: Callable[[str], Model]) -> None:
    told: list[Any] = []
    encoder = pipeline.pretrain(W, SPLIT, recipe(model), "classical", 1, on_epoch=told.append)
    again = pipeline.finetune(encoder, W, SPLIT, on_epoch=told.append)
    assert told == []
    assert isinstance(encoder.network, HandmadeFeatures)
    assert not encoder.scaler.applied  # features are taken in m/s² and rad/s
    assert pipeline.evaluate(again, W, SPLIT)["macro_f1"] > 0.9
    assert again.settings == TreeSettings(model=model, trees=10)  # type: ignore[arg-type]
    assert has_trees(again.head) == (model != "logistic")
    np.testing.assert_array_equal(again.predict_proba(W.x), made(model).predict_proba(W.x))


@each
def test_a_bundle_brings_it_back(model: str, made: Callable[[str], Model], tmp_path: Path) -> None:
    loaded = bundle.load_model(bundle.save(made(model), tmp_path / "model"))
    assert loaded.settings == made(model).settings
    assert_alike(loaded.assess(W.x), made(model).assess(W.x), 0)
    np.testing.assert_array_equal(loaded.encoder.features(W.x), made(model).encoder.features(W.x))


@each
def test_it_is_calibrated_and_knows_noise(model: str, made: Callable[[str], Model]) -> None:
    calibration = made(model).calibration
    assert calibration is not None
    noise = W.x + 300 * np.random.default_rng(0).standard_normal(W.x.shape).astype(np.float32)
    other = pipeline.calibrate(made(model), W, SPLIT, false_unknowns=0.2, score="distance")
    assert other.calibration is not None
    # linear logits grow with the noise, and with them the energy, which trees bound
    judge = other if model == "logistic" else made(model)
    assert judge.assess(noise).unknown.mean() > 0.9
    assert judge.assess(W.x).unknown.mean() < 0.5
    assert other.calibration.temperature == pytest.approx(calibration.temperature, rel=1e-6)


@pytest.mark.parametrize("model", ["extra-trees", "logistic"])  # the other trees: tests/export/test_export_trees.py
def test_onnxruntime_says_the_same(model: str, made: Callable[[str], Model], tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    import onnx

    from otolith.export import Trial, check, export_onnx

    trial = Trial(W.x[SPLIT.test], W.y[SPLIT.test], W.x[SPLIT.val], W.y[SPLIT.val], "test windows")
    done = export_onnx(made(model), tmp_path / "m.onnx", trial=trial)
    assert done.float32.same == done.float32.same_unknown == 1
    assert done.float32.largest < 1e-5
    assert_alike(check.run(done.path, made(model), W.x), made(model).assess(W.x), 1e-5)
    operators = [(node.domain, node.op_type) for node in onnx.load(str(done.path)).graph.node]
    assert operators.count(("ai.onnx.ml", "TreeEnsembleRegressor")) == (model != "logistic")


@each
def test_a_stream_gives_what_the_whole_recording_gives(model: str, made: Callable[[str], Model]) -> None:
    rng = np.random.default_rng(1)
    time = np.arange(300) / 50
    values = np.sin(2 * np.pi * 2 * time) * np.arange(1, 7)[:, None] + rng.normal(0, 0.3, (6, len(time)))
    values += np.array([0, 0, 9.81, 0, 0, 0])[:, None]
    recording = Recording("r", 1, (Stream(CHANNELS, values, 50.0),))
    (found,) = predict_recordings(made(model), [recording], smoothing="causal")
    assert found.timeline is not None
    stream = StreamingRecogniser(made(model), 50.0)
    came = [one for at in range(0, len(time), 7) for one in stream.push(values[:, at : at + 7])] + stream.finish()
    assert len(came) > 8
    np.testing.assert_array_equal([p.start_s for p in came], found.timeline.start_s)
    np.testing.assert_allclose([p.probabilities for p in came], found.timeline.probabilities, atol=1e-6)
    assert [p.activity for p in came] == found.timeline.activity


@each
def test_scikit_learn_s_face_fits_it(model: str) -> None:
    recogniser = Recogniser(recipe(model), method="classical", rate_hz=tiny.RATE_HZ).fit(W.x, W.y, groups=W.subject)
    assert (recogniser.predict(W.x) == W.y).mean() > 0.9
    np.testing.assert_allclose(recogniser.predict_proba(W.x).sum(axis=1), 1, atol=1e-6)


def test_a_sensor_may_be_missing() -> None:
    built = recipe("extra-trees", robust__may_miss=["gyro"])
    model = pipeline.finetune(pipeline.pretrain(W, SPLIT, built, "classical", 1), W, SPLIT)
    gone = W.x.copy()
    gone[:, 3:] = np.nan
    assert (model.predict(gone) == W.y).mean() > 0.6
    assert (model.predict(W.x) == W.y).mean() > 0.9


def test_a_recipe_s_choices_are_for_other_methods() -> None:
    """They replace settings of `finetune`, of which a method with a head of its own takes none."""
    built = recipe("forest", choice=[{"name": "few", "head": "linear"}, {"name": "many"}])
    model = pipeline.finetune(pipeline.pretrain(W, SPLIT, built, "classical", 1), W, SPLIT)
    assert model.chosen is None
    assert isinstance(model.settings, TreeSettings)


def test_other_heads_stand_on_hand_made_features_too() -> None:
    encoder = pipeline.pretrain(W, SPLIT, recipe("forest"), "classical", 1)
    settings = FinetuneSettings(head="linear", solver="lbfgs", standardise=True)
    model = pipeline.finetune(encoder, W, SPLIT, settings=settings)
    assert pipeline.evaluate(model, W, SPLIT)["macro_f1"] > 0.9


def test_trees_stand_on_a_learned_encoder_too(tmp_path: Path) -> None:
    built = recipe("extra-trees", finetune__head="trees")
    encoder = pipeline.pretrain(W, SPLIT, built, "csshar", 1)
    model = pipeline.finetune(encoder, W, SPLIT)
    assert has_trees(model.head)
    assert pipeline.evaluate(model, W, SPLIT)["macro_f1"] > 0.5
    loaded = bundle.load_model(bundle.save(model, tmp_path / "model"))
    assert_alike(loaded.assess(W.x), model.assess(W.x), 0)
    found = estimate(built, "csshar", W.meta, 100, 20)
    assert set(found.seconds) == {"pretrain", "features", "finetune"}
    supervised = pipeline.pretrain(W, SPLIT, built, "supervised", 1)
    with pytest.raises(TrainingError, match="supervised trains its encoder, which trees cannot"):
        pipeline.finetune(supervised, W, SPLIT, settings=FinetuneSettings(head="trees"))
    assert has_trees(pipeline.finetune(supervised, W, SPLIT, settings=FinetuneSettings(head="trees"), frozen=True).head)
    for wrong in ({"features": "joined"}, {"unlabelled": "self-training"}):
        with pytest.raises(ValueError, match="head 'trees' is fitted to the encoder's own features"):
            FinetuneSettings(head="trees", **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("feature", -2, "features from 0 to"),
        ("leaf", 30_000, "leaves that name rows"),
        ("table", 2.0, "leaf values of at most 1"),
        ("threshold", float("nan"), "not finite"),
    ],
)
def test_trees_of_a_stranger_are_looked_at(
    name: str, value: float, told: str, made: Callable[[str], Model], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = replace(made("extra-trees"), head=_copy_of(made("extra-trees")))
    getattr(model.head.layers, name).view(-1)[0] = value
    folder = bundle.save(model, tmp_path / "model")
    with pytest.raises(CheckpointError, match=told):
        bundle.load_model(folder)


def test_sizes_of_a_stranger_s_trees_are_bounded(made: Callable[[str], Model], tmp_path: Path) -> None:
    model = replace(made("extra-trees"), head=_copy_of(made("extra-trees")))
    model.head.layers.threshold = model.head.layers.threshold[:-1]
    folder = bundle.save(model, tmp_path / "model")
    with pytest.raises(CheckpointError, match="trees have up to"):
        bundle.load_model(folder)
    assert weights.FILE in {path.name for path in folder.iterdir()}


def _copy_of(model: Model) -> Any:
    import copy

    return copy.deepcopy(model.head)


def test_unknown_settings_are_told_with_the_nearest() -> None:
    with pytest.raises(Exception, match=r"method\.classical\.tres.*trees"):
        recipe("forest", method__classical__tres=5)
    assert methods.spec("classical").own_head
