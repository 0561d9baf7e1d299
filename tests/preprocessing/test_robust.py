"""Turned devices, missing sensors, other rates and lengths: from a recipe to every use of a model."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

import otolith
from otolith import methods, pipeline, splits
from otolith.datasets.base import DatasetInfo
from otolith.datasets.folder import write_folder
from otolith.errors import DataError, RecipeError
from otolith.jobs.prepared import prepare
from otolith.model import Model, bundle
from otolith.model.windows import windows_for_encoder
from otolith.prediction import predict_recordings
from otolith.prediction.folder import Summary
from otolith.preprocessing import perturb
from otolith.recording import CHANNELS, Recording, Segment, Stream
from otolith.streaming import StreamingRecogniser
from otolith.windows import Windows
from tests.helpers import tiny

ACC = CHANNELS[:3]
RATE = 25.0


def windows(channels: tuple[str, ...] = CHANNELS) -> Windows:
    """Windows with gravity, which stands at another angle in each device."""
    w = tiny.windows(n_subjects=6, channels=channels)
    x = w.x - w.x.mean(2, keepdims=True)
    for subject in np.unique(w.subject):
        x[w.subject == subject, :3] += 9.81 * Rotation.random(random_state=int(subject)).as_matrix()[:, 2:]
    return replace(w, x=x.astype(np.float32), meta=replace(w.meta, overlap=0.5))


def trained(w: Windows, method: str = "random", **recipe: Any) -> Model:
    split = splits.holdout(w, 0)
    torch.set_num_threads(1)
    return pipeline.finetune(pipeline.pretrain(w, split, tiny.recipe(**recipe), method), w, split)


def turned(x: np.ndarray, rotation: Rotation) -> np.ndarray:
    matrix = rotation.as_matrix()
    return np.concatenate([matrix @ x[:, i : i + 3] for i in range(0, x.shape[1], 3)], 1).astype(np.float32)


def recording(channels: tuple[str, ...] = CHANNELS, n: int = 300, rate: float = RATE, name: str = "r") -> Recording:
    rng = np.random.default_rng(n)
    x = rng.normal(0, 1.5, (6, n)) + np.array([0, 7.0, 6.9, 0, 0, 0])[:, None]
    stream = Stream(channels, x[[CHANNELS.index(c) for c in channels]], rate)
    return Recording(name, 1, (stream,), (Segment(0, None, "still"),))


def probabilities(model: Model, given: Recording) -> np.ndarray:
    (found,) = predict_recordings(model, [given], smoothing="none")
    assert found.timeline is not None, found.why_not
    return found.timeline.probabilities


def streamed(model: Model, given: Recording) -> np.ndarray:
    (stream,) = given.streams
    recogniser = StreamingRecogniser(model, stream.rate_hz, channels=stream.channels)
    came = [p for i in range(0, stream.n_samples, 7) for p in recogniser.push(stream.values[:, i : i + 7])]
    return np.array([p.probabilities for p in [*came, *recogniser.finish()]])


def exported(model: Model, path: Path, x: np.ndarray) -> np.ndarray:
    pytest.importorskip("onnxruntime")
    from otolith.export import export_onnx
    from otolith.export.check import run

    return run(export_onnx(model, path).path, model, x).probabilities


@pytest.fixture(scope="module")
def w() -> Windows:
    return windows()


@pytest.fixture(scope="module")
def level(w: Windows) -> Model:
    return trained(w, windows__frame="gravity")


@pytest.fixture(scope="module")
def bearing(w: Windows) -> Model:
    """Bears a missing gyroscope."""
    return trained(w, robust__may_miss="gyro")


# --- orientation


def test_a_level_device_and_the_same_one_tilted_are_told_the_same(level: Model, w: Windows) -> None:
    """The smallest rotation undoes exactly a tilt about a horizontal axis, so that not even the heading changes."""
    x = w.x - w.x.mean(2, keepdims=True)
    x[:, 2] += 9.81
    for degrees in (20.0, 90.0, 150.0):
        tilt = Rotation.from_rotvec(np.deg2rad(degrees) * np.array([0.6, 0.8, 0.0]))
        np.testing.assert_allclose(level.predict_proba(turned(x, tilt)), level.predict_proba(x), atol=2e-4)


def test_any_rotation_is_a_heading_for_an_aligned_model_and_not_for_a_plain_one(level: Model, w: Windows) -> None:
    """Between device and network nothing but the angle about the vertical depends on how the device is worn."""
    rotation = Rotation.random(random_state=4)
    scaler = level.encoder.scaler
    ours, theirs = (scaler.inverse(scaler.transform(x)) for x in (w.x, turned(w.x, rotation)))
    np.testing.assert_allclose(ours[:, [2, 5]], theirs[:, [2, 5]], atol=1e-3)
    for i in (0, 3):
        lengths = [np.hypot(each[:, i], each[:, i + 1]) for each in (ours, theirs)]
        np.testing.assert_allclose(*lengths, atol=1e-3)
    assert np.abs(turned(w.x, rotation) - w.x).max() > 1


@pytest.mark.parametrize(
    ("method", "frame"),
    [*((name, "gravity") for name in methods.names()), ("dynamic", "device"), ("supervised", "vertical")],
)
def test_every_method_trains_on_turned_windows(method: str, frame: str, w: Windows) -> None:
    model = trained(w, method, windows__frame=frame, robust__orientation=True, robust__copies=1)
    assert np.isfinite(model.predict_proba(w.x)).all()


def test_a_bundle_aligns_as_its_model_does_everywhere(level: Model, w: Windows, tmp_path: Path) -> None:
    bundle.save(level, tmp_path / "model")
    card = bundle.read_card(tmp_path / "model")
    assert card["input"]["frame"] == "gravity"
    loaded = bundle.load_model(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict_proba(w.x), level.predict_proba(w.x))
    given = recording()
    offline = probabilities(loaded, given)
    np.testing.assert_allclose(streamed(loaded, given), offline, atol=1e-6)
    np.testing.assert_allclose(exported(loaded, tmp_path / "m.onnx", w.x), level.predict_proba(w.x), atol=1e-5)


def test_a_model_of_vertical_parts_answers_the_same_whatever_the_heading(w: Windows, tmp_path: Path) -> None:
    model = trained(w, windows__frame="vertical", robust__may_miss="gyro", robust__copies=1)
    bundle.save(model, tmp_path / "model")
    assert bundle.read_card(tmp_path / "model")["input"]["frame"] == "vertical"
    loaded = bundle.load_model(tmp_path / "model")
    expected = model.predict_proba(w.x)
    np.testing.assert_array_equal(loaded.predict_proba(w.x), expected)
    np.testing.assert_allclose(loaded.predict_proba(turned(w.x, Rotation.random(random_state=1))), expected, atol=1e-3)
    np.testing.assert_allclose(exported(loaded, tmp_path / "m.onnx", w.x), expected, atol=1e-5)
    given = recording()
    np.testing.assert_allclose(streamed(loaded, given), probabilities(loaded, given), atol=1e-6)


def test_alignment_of_removed_gravity_is_refused_in_training_and_prediction(level: Model, w: Windows) -> None:
    still = replace(w, x=w.x - w.x.mean(2, keepdims=True))
    with pytest.raises(DataError, match="needs gravity"):
        trained(still, windows__frame="gravity")
    (stream,) = recording().streams
    bare = Recording("r", 1, (replace(stream, values=stream.values - stream.values.mean(1, keepdims=True)),))
    (found,) = predict_recordings(level, [bare])
    assert "Gravity seems to have been removed" in found.why_not


# --- missing sensors


def test_a_missing_gyroscope_is_refused_unless_the_model_bears_it(level: Model, bearing: Model) -> None:
    (found,) = predict_recordings(level, [recording(ACC)])
    assert "has no gyro_x, gyro_y, gyro_z" in found.why_not
    (found,) = predict_recordings(bearing, [recording(ACC)])
    assert found.timeline is not None
    assert found.timeline.without == ("gyro",)
    summary = Summary()
    summary.add(found.timeline)
    (sentence,) = summary.notes()
    assert "1 of 1 recordings have no gyroscope" in sentence
    (whole,) = predict_recordings(bearing, [recording()])
    assert whole.timeline is not None
    assert whole.timeline.without == ()
    summary = Summary()
    summary.add(whole.timeline)
    assert summary.notes() == []


def test_half_a_gyroscope_and_no_accelerometer_are_refused(bearing: Model) -> None:
    for channels, missing in ((CHANNELS[:5], "gyro_z"), (CHANNELS[3:], "acc_x, acc_y, acc_z")):
        (found,) = predict_recordings(bearing, [recording(channels)])
        assert f"has no {missing}" in found.why_not
        with pytest.raises(DataError, match=f"has no {missing}"):
            StreamingRecogniser(bearing, RATE, channels=channels)


def test_what_is_missing_is_the_training_mean_for_every_use(bearing: Model, w: Windows, tmp_path: Path) -> None:
    gone, mean = w.x.copy(), w.x.copy()
    gone[:, 3:] = np.nan
    mean[:, 3:] = bearing.encoder.scaler.mean[3:, None]
    expected = bearing.predict_proba(mean)
    np.testing.assert_allclose(bearing.predict_proba(gone), expected, atol=1e-6)
    assert np.abs(bearing.predict_proba(w.x) - expected).max() > 1e-4
    bundle.save(bearing, tmp_path / "model")
    assert bundle.read_card(tmp_path / "model")["input"]["may_miss"] == ["gyro"]
    loaded = bundle.load_model(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict_proba(gone), bearing.predict_proba(gone))
    np.testing.assert_allclose(exported(loaded, tmp_path / "m.onnx", gone), expected, atol=1e-5)
    given = recording(ACC)
    np.testing.assert_allclose(streamed(loaded, given), probabilities(loaded, given), atol=1e-6)


def test_missing_samples_are_still_refused(bearing: Model, level: Model, w: Windows) -> None:
    for model, rows, steps in ((bearing, [4], [3]), (bearing, [0], slice(None)), (level, [3, 4, 5], slice(None))):
        x = w.x.copy()
        x[5, rows, steps] = np.nan
        with pytest.raises(DataError, match="window 5 holds nan"):
            model.predict(x)
    x = w.x.copy()
    x[2] = np.nan
    with pytest.raises(DataError, match="window 2 holds nan"):
        bearing.predict(x)


@pytest.mark.parametrize("method", ["dynamic", "masked", "supervised"])
def test_pretext_and_head_meet_windows_without_the_sensor(
    method: str, w: Windows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The encoder is given silent gyroscopes before the head is trained, and the head learns from them too."""
    seen: list[float] = []
    build: Callable[..., torch.nn.Module] = pipeline.build_encoder

    def watched(*args: Any) -> torch.nn.Module:
        network = build(*args)

        def look(_: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            seen.append(float((inputs[0][:, 3:] == 0).flatten(1).all(1).float().mean()))

        network.register_forward_pre_hook(look)
        return network

    monkeypatch.setattr("otolith.pipeline.pretraining.build_encoder", watched)
    split = splits.holdout(w, 0)
    encoder = pipeline.pretrain(w, split, tiny.recipe(robust__may_miss=["gyro"], robust__copies=2), method)
    if method == "dynamic":  # masked windows have zeros of their own, and `supervised` has no pretext
        assert max(seen) > 0.2
    seen.clear()
    pipeline.finetune(encoder, w, split)
    if method != "supervised":  # trained on a copy of the network
        assert max(seen) > 0.2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"robust__may_miss": "gyr"}, "did you mean 'gyro'"),
        ({"robust__may_miss": "acc", "windows__frame": "gravity"}, "needs the accelerometer"),
        ({"windows__frame": "sideways"}, "windows.frame"),
        ({"robust__copies": 0}, "robust.copies"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], message: str, w: Windows) -> None:
    with pytest.raises(RecipeError, match=message):
        trained(w, **settings)


def test_multimodal_needs_both_sensors_in_training(w: Windows) -> None:
    with pytest.raises(RecipeError, match="neither may be missing"):
        trained(w, "multimodal", robust__may_miss="gyro")


# --- what-if


def test_recordings_are_turned_whole_and_by_the_seed(w: Windows) -> None:
    one, again, other = (perturb.turned(w, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.x, again.x)
    assert np.abs(one.x - other.x).max() > 1
    for name in np.unique(w.recording):
        rows = w.recording == name
        before, after = (each.x[rows].reshape(-1, 2, 3, 12).transpose(2, 0, 1, 3).reshape(3, -1) for each in (w, one))
        rotation = Rotation.align_vectors(after.T, before.T)[0].as_matrix()
        np.testing.assert_allclose(rotation @ before, after, atol=1e-3)


def test_a_sensor_is_taken_only_from_models_that_may_miss_it(bearing: Model, level: Model, w: Windows) -> None:
    bare = perturb.without(w, "gyro", bearing.meta, bearing.encoder.scaler)
    assert np.isnan(bare.x[:, 3:]).all()
    assert bearing.predict(bare.x).shape == (len(w),)
    with pytest.raises(DataError, match=r"train one that can: --set robust\.may_miss=gyro"):
        perturb.without(w, "gyro", level.meta, level.encoder.scaler)
    with pytest.raises(DataError, match="unknown sensor 'acc'"):
        perturb.without(w, "acc", bearing.meta, bearing.encoder.scaler)


# --- some of the sensors, another rate, longer windows


def folder(path: Path, channels: tuple[str, ...] = CHANNELS, gravity: str = "included") -> Path:
    """Recordings of four people, as `otolith import` leaves them."""
    info = DatasetInfo(
        path.name, "A test's", RATE, tiny.ACTIVITIES, None, None, "none", "none", "none", "", "", channels=channels,
        own=True, gravity=gravity,
    )  # fmt: skip
    made = []
    for person in range(4):
        for activity in tiny.ACTIVITIES:
            one = recording(channels, 400 + person, name=f"{person}-{activity}")
            made.append(replace(one, subject=person, segments=(Segment(0, None, activity),)))
    return write_folder(path, info, made)


TINY = tiny.SIZES


def test_the_accelerometer_alone_of_a_set_with_both(tmp_path: Path) -> None:
    both, alone = folder(tmp_path / "both"), folder(tmp_path / "alone", ACC)
    prepared = prepare(str(both), recipe="compact", overrides=TINY | {"windows.sensors": "acc"})
    assert prepared.w.meta.channels == ACC
    assert prepared.recipe.windows.sensors == ("acc",)
    np.testing.assert_array_equal(prepared.w.x, otolith.load(str(alone)).windows(RATE).x)
    encoder = pipeline.pretrain(prepared.w, prepared.split, prepared.recipe, "random")
    model = pipeline.finetune(encoder, prepared.w, prepared.split)
    # a recording with both, one without a gyroscope, and data sets of both kinds
    np.testing.assert_array_equal(probabilities(model, recording()), probabilities(model, recording(ACC)))
    np.testing.assert_allclose(streamed(model, recording()), probabilities(model, recording()), atol=1e-6)
    for place in (both, alone):
        assert windows_for_encoder(otolith.load(str(place)), model.encoder).meta.channels == ACC
    with pytest.raises(DataError, match="alone: unknown sensor 'gyro'"):
        prepare(str(alone), recipe="compact", overrides=TINY | {"windows.sensors": "gyro"})


def test_a_recipe_never_silently_takes_other_sensors(w: Windows) -> None:
    with pytest.raises(DataError, match=r"the windows hold acc, gyro, and windows\.sensors names acc alone"):
        trained(w, windows__sensors="acc")


def test_a_set_without_the_sensor_is_scored_by_a_model_that_bears_it(
    bearing: Model, level: Model, tmp_path: Path
) -> None:
    alone = otolith.load(str(folder(tmp_path / "alone", ACC)))
    found = windows_for_encoder(alone, bearing.encoder)
    assert found.meta.channels == CHANNELS
    assert np.isnan(found.x[:, 3:]).all()
    assert pipeline.evaluate(bearing, found, splits.default(found, alone.info))["n_windows"] > 0
    with pytest.raises(DataError, match="alone has no gyro_x, gyro_y, gyro_z, whose mean"):  # another scaler is needed
        pipeline.finetune(bearing.encoder, found, splits.default(found, alone.info))
    with pytest.raises(DataError, match="alone has no gyro_x, gyro_y, gyro_z: it has acc_x"):
        windows_for_encoder(alone, level.encoder)


@pytest.mark.parametrize(
    ("method", "settings"),
    [("dynamic", {}), ("autoencoder", {"windows.frame": "gravity"}), ("cpc", {"robust.may_miss": "gyro"})],
    ids=str,
)
def test_two_and_a_half_seconds_at_20_hz_from_training_to_prediction(
    method: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    chosen = {"windows.rate_hz": 20, "windows.seconds": 2.5, "windows.overlap": 0.6}
    prepared = prepare(str(folder(tmp_path / "own")), recipe="compact", overrides=TINY | chosen | settings)
    assert prepared.w.x.shape[2] == 50
    encoder = pipeline.pretrain(prepared.w, prepared.split, prepared.recipe, method)
    bundle.save(pipeline.finetune(encoder, prepared.w, prepared.split), tmp_path / "model")
    model = bundle.load_model(tmp_path / "model")
    given = recording(rate=50.0, n=400)
    (found,) = predict_recordings(model, [given], smoothing="none")
    assert found.timeline is not None
    np.testing.assert_allclose(found.timeline.start_s, np.arange(6) * 1.0)
    np.testing.assert_allclose(streamed(model, given), found.timeline.probabilities, atol=1e-6)
    x = prepared.w.x[:20]
    np.testing.assert_allclose(exported(model, tmp_path / "m.onnx", x), model.predict_proba(x), atol=1e-5)
    (slow,) = predict_recordings(model, [recording(rate=8.0)])
    assert "8 Hz, and the model expects 20 Hz" in slow.why_not


# --- hashes


def test_new_settings_change_no_hash_at_their_defaults() -> None:
    plain = tiny.recipe()
    spelled = tiny.recipe(windows__sensors=[], windows__frame="device", robust__may_miss=[], robust__orientation=False)
    assert plain.hash == spelled.hash
    assert "robust" not in plain.as_dict()
    changed = [
        tiny.recipe(windows__sensors="acc"),
        tiny.recipe(windows__frame="gravity"),
        tiny.recipe(robust__may_miss="gyro"),
        tiny.recipe(robust__orientation=True),
    ]
    assert len({plain.hash, *(recipe.hash for recipe in changed)}) == 5
    for recipe in changed:
        again = otolith.recipes.load_recipe(_file(recipe), "own")
        assert again == recipe


def _file(recipe: Any) -> Any:
    return type(recipe).model_validate(json.loads(json.dumps(recipe.as_dict())))


def test_what_a_robust_recipe_may_ask_for_leaves_other_hashes_alone() -> None:
    from otolith.recipes import load_recipe

    assert load_recipe("paper", "uci-har").hash == "9e83704b1573"
