"""Heads on learned features with hand-made ones beside them: trained, kept, exported, streamed and calibrated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from otolith import methods, pipeline, splits
from otolith.errors import CheckpointError, RecipeError
from otolith.export import check, export_onnx
from otolith.export.trial import Trial
from otolith.finetuning.settings import FinetuneSettings
from otolith.jobs.estimate import estimate
from otolith.model import Model, PretrainedEncoder, bundle
from otolith.model.joining import alone, as_asked
from otolith.nets import HandmadeFeatures, JoinedEncoder, StandardisedHead
from otolith.pipeline.finetuning import end_to_end
from otolith.prediction import predict_recordings
from otolith.preprocessing.sensors import fit_scaler
from otolith.progress import SILENT
from otolith.protocols.cells.learners import Heads, Networks, Votes, learner
from otolith.protocols.cells.study import Study
from otolith.recording import CHANNELS, Recording, Stream
from otolith.streaming import StreamingRecogniser
from otolith.windows import Windows
from tests.helpers import tiny

JOINED = {"finetune__features": "joined", "finetune__standardise": True}


@pytest.fixture(scope="module")
def w() -> Windows:
    return tiny.windows_with_gravity()


def trained(w: Windows, method: str = "random", **recipe: Any) -> Model:
    split = splits.holdout(w, 0)
    return pipeline.finetune(pipeline.pretrain(w, split, tiny.recipe(**JOINED, **recipe), method), w, split)


@pytest.fixture(scope="module")
def model(w: Windows) -> Model:
    torch.set_num_threads(1)
    return trained(w)


def handmade(w: Windows) -> np.ndarray:
    with torch.no_grad():
        features = HandmadeFeatures(w.meta.channels, w.meta.n_steps, w.meta.rate_hz)(torch.tensor(w.x))
    return features.numpy()


def test_features_are_the_learned_ones_and_those_of_the_window_in_its_units(w: Windows, model: Model) -> None:
    network = model.encoder.network
    assert isinstance(network, JoinedEncoder)
    found, plain = model.encoder.features(w.x), alone(model.encoder).features(w.x)
    np.testing.assert_allclose(found[:, : plain.shape[1]], plain, atol=1e-5)
    np.testing.assert_allclose(found[:, plain.shape[1] :], handmade(w), rtol=2e-3, atol=2e-3)


def test_a_head_knows_what_only_hand_made_features_tell(w: Windows) -> None:
    """The scaled windows go through an encoder whose every feature is 0."""
    split = splits.holdout(w, 0)
    recipe = tiny.recipe(**JOINED, finetune__epochs=30, finetune__lr=1e-2)
    encoder = pipeline.pretrain(w, split, recipe, "random")
    for weights in encoder.network.parameters():
        weights.data.zero_()
    assert not alone(encoder).features(w.x).any()
    model = pipeline.finetune(encoder, w, split)
    assert (model.predict(w.x[split.test]) == w.y[split.test]).mean() > 0.9


def test_standards_are_those_of_the_training_windows(w: Windows, model: Model) -> None:
    assert isinstance(model.head, StandardisedHead)
    found = torch.from_numpy(model.encoder.features(w.x[splits.holdout(w, 0).train]))
    expected = model.head.pool(found).numpy().astype(np.float64)
    np.testing.assert_allclose(model.head.mean.numpy(), expected.mean(0), rtol=1e-3, atol=1e-3)


def test_folder_keeps_the_learned_part_and_gives_the_same_answers(w: Windows, model: Model, tmp_path: Path) -> None:
    folder = bundle.save(model, tmp_path / "model")
    again = bundle.load_model(folder, "cpu")
    assert isinstance(again.encoder.network, JoinedEncoder)
    first, second = model.assess(w.x), again.assess(w.x)
    np.testing.assert_array_equal(first.probabilities, second.probabilities)
    np.testing.assert_array_equal(first.unknown, second.unknown)
    encoder = bundle.load_encoder(folder, "cpu")
    assert not isinstance(encoder.network, JoinedEncoder)
    np.testing.assert_array_equal(encoder.features(w.x), alone(model.encoder).features(w.x))


@pytest.mark.parametrize("change", [{"features": "learned"}, {"standardise": False}, {"features": "handmade"}])
def test_card_that_disagrees_with_the_weights_is_refused(change: dict[str, Any], model: Model, tmp_path: Path) -> None:
    folder = bundle.save(model, tmp_path / "model")
    card = json.loads((folder / "card.json").read_text())
    card["finetune"] |= change
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(CheckpointError):
        bundle.load_model(folder, "cpu")


def test_window_without_hand_made_features_is_refused_in_a_card(model: Model, tmp_path: Path) -> None:
    folder = bundle.save(model, tmp_path / "model")
    card = json.loads((folder / "card.json").read_text())
    card["input"] |= {"seconds": 5000.0, "steps": 60_000}
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(CheckpointError):
        bundle.load_model(folder, "cpu")


def test_exported_graph_agrees_and_eight_bits_leave_hand_made_features_as_they_are(
    w: Windows, model: Model, tmp_path: Path
) -> None:
    onnx = pytest.importorskip("onnx")
    split = splits.holdout(w, 0)
    trial = Trial(w.x[split.test], w.y[split.test], w.x[split.val], w.y[split.val], "test windows")
    done = export_onnx(model, tmp_path / "model.onnx", trial=trial, int8=True)
    assert done.float32.largest < 1e-4
    assert done.int8 is not None
    assert done.int8.same > 0.95
    names = {each.name for each in onnx.load(done.path).graph.initializer}
    assert any(name.endswith("handmade._cosines") for name in names)  # not among the quantised
    said, ours = check.run(done.path, model, w.x), model.assess(w.x)
    assert float((said.probabilities.argmax(1) == ours.probabilities.argmax(1)).mean()) > 0.95


def test_stream_gives_what_the_recording_gives(model: Model) -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(0, 3, (6, 120)) + np.array([0, 0, 9.81, 0, 0, 0])[:, None]
    (found,) = predict_recordings(model, [Recording("r", 1, (Stream(CHANNELS, values, 12.0),))], smoothing="none")
    stream = StreamingRecogniser(model, 12.0, smoothing="none")
    came = [*stream.push(values), *stream.finish()]
    assert found.timeline is not None
    np.testing.assert_allclose([p.probabilities for p in came], found.timeline.probabilities, atol=1e-5)


def test_calibration_can_be_fitted_anew(w: Windows, model: Model) -> None:
    again = pipeline.calibrate(model, w, splits.holdout(w, 0))
    assert model.calibration is not None
    assert again.calibration is not None
    assert again.calibration.temperature == pytest.approx(model.calibration.temperature, rel=1e-3)
    np.testing.assert_array_equal(again.predict(w.x), model.predict(w.x))


def test_pooling_leaves_hand_made_features_as_they_are(w: Windows) -> None:
    model = trained(w, finetune__pool=True)
    n = handmade(w).shape[1]
    assert isinstance(model.head, StandardisedHead)
    assert len(model.head.mean) == 3 * 16 + n
    features = torch.from_numpy(model.encoder.features(w.x))
    np.testing.assert_array_equal(model.head.pool(features)[:, -n:], features[:, -n:])


@pytest.mark.parametrize("kind", ["transformer", "conv"])
def test_encoder_may_learn_with_the_head(kind: str, w: Windows, tmp_path: Path) -> None:
    split = splits.holdout(w, 0)
    encoder = pipeline.pretrain(
        w, split, tiny.recipe(**JOINED, encoder__kind=kind, finetune__encoder="trained"), "random"
    )
    before = encoder.features(w.x)
    model = pipeline.finetune(encoder, w, split)
    assert np.abs(alone(model.encoder).features(w.x) - before).max() > 1e-4
    np.testing.assert_array_equal(encoder.features(w.x), before)
    folder = bundle.save(model, tmp_path / "model")
    np.testing.assert_array_equal(bundle.load_model(folder, "cpu").predict_proba(w.x), model.predict_proba(w.x))
    again = pipeline.finetune(model.encoder, w, split, settings=FinetuneSettings(epochs=1, hidden=(8,)))
    assert not isinstance(again.encoder.network, JoinedEncoder)  # settings decide, not the encoder that was given


def test_sensor_that_is_missing_counts_as_its_mean(w: Windows) -> None:
    model = trained(w, robust__may_miss=["gyro"], robust__copies=1)
    x = w.x[:4].copy()
    x[:, 3:] = np.nan
    assert np.isfinite(model.predict_proba(x)).all()
    filled = w.x[:4].copy()
    filled[:, 3:] = model.encoder.scaler.mean[3:, None]
    np.testing.assert_allclose(model.predict_proba(x), model.predict_proba(filled), atol=1e-4)


def test_joined_features_have_to_be_standardised() -> None:
    with pytest.raises(RecipeError, match="head has to standardise them"):
        tiny.recipe(finetune__features="joined", finetune__standardise=False)
    FinetuneSettings(features="joined", standardise=True)


def test_heads_of_few_labels_see_both(w: Windows, tmp_path: Path) -> None:
    split = splits.holdout(w, 0)
    recipe = tiny.recipe(**JOINED, finetune__epochs=2)
    study = Study(w, None, recipe, "tiny", tmp_path, "cpu")  # type: ignore[arg-type]
    encoder = pipeline.pretrain(w, split, recipe, "random", device="cpu")
    heads = Heads(study, split, encoder, recipe.finetune, "last", SILENT)
    train = heads.features[: len(split.train), -handmade(w).shape[1] :]
    assert train.shape[1] + 3 * 16 == heads.features.shape[1]
    raw = torch.from_numpy(handmade(w)[split.train])
    expected = (raw - raw.mean(0)) / raw.std(0, correction=0)
    varies = raw.std(0) > 1e-2
    torch.testing.assert_close(train[:, varies], expected[:, varies], rtol=2e-2, atol=2e-2)
    drawn = [split.train[np.isin(split.train, np.flatnonzero(w.y == c))][:2] for c in range(3)]
    rows = [np.concatenate(drawn)]
    whole = Networks(study, split, encoder, recipe.finetune, "last")
    for way in (heads, whole):
        (found,) = way.logits(rows, [0], lambda n: None)
        assert found.shape == (len(split.test), 3)


def test_encoder_that_is_asked_for_learned_features_is_the_one_given(w: Windows, model: Model) -> None:
    plain = alone(model.encoder)
    assert as_asked(plain, FinetuneSettings()) is plain
    assert isinstance(plain, PretrainedEncoder)
    twice = as_asked(as_asked(plain, model.settings), model.settings)
    np.testing.assert_array_equal(twice.features(w.x), model.encoder.features(w.x))


@pytest.mark.parametrize("name", methods.names())
def test_features_of_every_method_can_be_joined(name: str, w: Windows) -> None:
    split = splits.holdout(w, 0)
    recipe = tiny.recipe(**JOINED, finetune__epochs=1)
    spec = methods.spec(name)
    scaler = fit_scaler(w, split, recipe.sensor_settings, scaled=spec.scaled)
    network = pipeline.build_encoder(name, recipe, w.meta, 0).eval()
    encoder = PretrainedEncoder(network, scaler, w.meta, recipe, name, 0)
    model = pipeline.finetune(encoder, w, split, settings=recipe.finetune, frozen=True)
    n_joined, n_learned = model.encoder.network.n_features, network.n_features
    assert n_joined - n_learned == handmade(w).shape[1]
    np.testing.assert_allclose(model.encoder.features(w.x)[:, n_learned:], handmade(w), rtol=2e-3, atol=2e-3)
    assert np.isfinite(model.predict_proba(w.x)).all()


@pytest.mark.parametrize("kept", ["frozen", "trained"])
def test_estimate_counts_joined_features(kept: str, w: Windows) -> None:
    joined, plain = (
        estimate(tiny.recipe(**changes, finetune__encoder=kept), "random", w.meta, 64, 16, "cpu")
        for changes in (JOINED, {"finetune__standardise": True})
    )
    assert joined.peak_bytes >= plain.peak_bytes
    assert set(joined.seconds) == set(plain.seconds)


def test_a_vote_of_few_labels_trains_the_encoder_of_a_method_that_trains_end_to_end(w: Windows, tmp_path: Path) -> None:
    split = splits.holdout(w, 0)
    recipe = tiny.recipe(method__supervised__head="vote", method__classical__trees=3)
    study = Study(w, None, recipe, "tiny", tmp_path, "cpu")  # type: ignore[arg-type]
    encoder = pipeline.pretrain(w, split, recipe, "supervised", device="cpu")
    for frozen, kind in ((None, Networks), (True, Heads)):
        settings, trained = end_to_end(methods.spec("supervised"), recipe, recipe.settings_of("supervised"), frozen)
        votes = learner(study, split, encoder, settings, trained, "last", SILENT)
        assert isinstance(votes, Votes)
        assert isinstance(votes.linear, kind)
