"""Pre-train, fine-tune, evaluate: what goes in, what comes out, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import otolith
from otolith import metrics, splits
from otolith.errors import CheckpointError, DataError, RecipeError, TrainingError
from otolith.finetuning.settings import FinetuneSettings
from otolith.model import Model, PretrainedEncoder, check_windows
from otolith.pipeline import build_encoder, evaluate, finetune, pretrain
from otolith.pipeline.evaluation import predictions
from otolith.preprocessing.scaler import Scaler
from otolith.recording import CHANNELS
from otolith.splits import Split
from otolith.system.device import choose_device
from otolith.training import window_source as source_module
from otolith.windows import Windows
from tests.helpers import tiny
from tests.helpers.stops import Stopped


@pytest.fixture(scope="module")
def w() -> Windows:
    return tiny.windows(n_unlabelled=2)


@pytest.fixture(scope="module")
def split(w: Windows) -> Split:
    return splits.holdout(w, 0)


@pytest.fixture(scope="module")
def encoder(w: Windows, split: Split) -> PretrainedEncoder:
    return pretrain(w, split, tiny.recipe(pretrain__epochs=2), "dynamic", seed=0)


@pytest.fixture(scope="module")
def model(encoder: PretrainedEncoder, w: Windows, split: Split) -> Model:
    return finetune(encoder, w, split)


def test_an_encoder_says_what_it_is(encoder: PretrainedEncoder, w: Windows, split: Split) -> None:
    assert (encoder.method, encoder.seed, encoder.meta) == ("dynamic", 0, w.meta)
    assert encoder.scaler.to_dict() == Scaler.fit(w.x, split.train).to_dict()
    assert encoder.recipe.windows.rate_hz == 12  # as the windows were cut, whatever the recipe says
    assert [(r["stage"], r["epoch"]) for r in encoder.records] == [("autoencoder", 1), ("pretrain", 1), ("pretrain", 2)]


def test_features_are_those_of_the_scaled_windows(encoder: PretrainedEncoder, w: Windows) -> None:
    found = encoder.features(w.x[:5])
    scaled = torch.from_numpy(encoder.scaler.transform(w.x[:5]))
    with torch.no_grad():
        expected = encoder.network(scaled).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert found.shape == (5, encoder.network.n_features)


@pytest.mark.parametrize("channels", [CHANNELS[:1], CHANNELS[:3], (*CHANNELS, "baro")])
def test_any_number_of_channels_goes_all_the_way(channels: tuple[str, ...]) -> None:
    w = tiny.windows(channels=channels)
    split = splits.holdout(w, 0)
    model = finetune(pretrain(w, split, tiny.recipe(), seed=0), w, split)
    assert model.predict(w.x).shape == (len(w),)
    assert 0 <= evaluate(model, w, split)["macro_f1"] <= 1


def test_probabilities_and_predictions(model: Model, w: Windows) -> None:
    probabilities = model.predict_proba(w.x)
    assert probabilities.shape == (len(w), 3)
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)
    predicted = model.predict(w.x)
    assert predicted.dtype == np.int64
    np.testing.assert_array_equal(predicted, probabilities.argmax(1))
    np.testing.assert_allclose(model.predict_proba(w.x[3:4]), probabilities[3:4], rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(model.predict(w.x.tolist()), predicted)


def test_evaluation_is_that_of_the_labelled_test_windows(model: Model, w: Windows, split: Split) -> None:
    for part in ("train", "val", "test"):
        rows = getattr(split, part)
        rows = rows[w.y[rows] >= 0]
        found = evaluate(model, w, split, part)
        expected = metrics.evaluate(
            w.y[rows], model.predict(w.x[rows]), w.subject[rows], w.activities, model.training_classes
        )
        assert found == expected | {"metrics": metrics.further(predictions(model, w, split, part))}
        assert found["n_windows"] == len(rows)
    assert evaluate(model, w, split) == evaluate(model, w, split, "test")


def test_validation_is_the_score_of_the_chosen_epoch(model: Model, w: Windows, split: Split) -> None:
    assert model.validation == pytest.approx(evaluate(model, w, split, "val")["macro_f1"])
    assert model.validation == max(record["val_macro_f1"] for record in model.records)


def test_a_recogniser_learns_what_can_be_learned() -> None:
    w = tiny.windows(n_subjects=6, per_activity=16)
    split = splits.holdout(w, 0)
    recipe = tiny.recipe(method__supervised__epochs=25, method__supervised__lr=3e-3)
    model = finetune(pretrain(w, split, recipe, "supervised", seed=0), w, split)
    assert evaluate(model, w, split)["macro_f1"] > 0.85


def test_settings_and_seed_of_fine_tuning(encoder: PretrainedEncoder, w: Windows, split: Split) -> None:
    linear = finetune(encoder, w, split, settings=FinetuneSettings(epochs=1, head="linear"), seed=3)
    assert len(linear.head) == 1  # type: ignore[arg-type]
    assert (linear.seed, linear.settings.head) == (3, "linear")
    default = finetune(encoder, w, split)
    assert default.settings == encoder.recipe.finetune
    again, other = finetune(encoder, w, split, seed=0), finetune(encoder, w, split, seed=1)
    np.testing.assert_array_equal(default.predict_proba(w.x), again.predict_proba(w.x))
    assert not np.array_equal(default.predict_proba(w.x), other.predict_proba(w.x))


def test_supervised_takes_its_own_settings(w: Windows, split: Split) -> None:
    recipe = tiny.recipe(finetune__epochs=5, method__supervised__epochs=1)
    model = finetune(pretrain(w, split, recipe, "supervised"), w, split)
    assert len(model.records) == 1


@pytest.mark.parametrize("method", ["dynamic", "supervised"])
def test_prediction_leaves_the_networks_in_eval_mode(method: str, w: Windows, split: Split) -> None:
    model = finetune(pretrain(w, split, tiny.recipe("paper"), method), w, split)
    for use in (model.predict, model.predict_proba, model.encoder.features):
        use(w.x[:3])
        assert not any(
            module.training for network in (model.encoder.network, model.head) for module in network.modules()
        )


def test_an_activity_without_training_windows_is_noted(encoder: PretrainedEncoder, w: Windows, split: Split) -> None:
    y = w.y.copy()
    y[split.train[y[split.train] == 2]] = -1
    without = replace(w, y=y)
    model = finetune(encoder, without, split)
    assert model.training_classes == (0, 1)
    assert "shake" in evaluate(model, without, split)["notes"][0]


def test_memory_mapped_windows_give_the_same_bits(
    w: Windows, split: Split, encoder: PretrainedEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_module, "RESIDENT_BYTES", 0)
    np.save(tmp_path / "x.npy", w.x)
    mapped = replace(w, x=np.load(tmp_path / "x.npy", mmap_mode="r"))
    again = pretrain(mapped, split, tiny.recipe(pretrain__epochs=2), "dynamic", seed=0)
    np.testing.assert_array_equal(again.features(w.x), encoder.features(w.x))


def test_the_caller_s_random_state_is_left_as_it_was(w: Windows, split: Split) -> None:
    state = torch.get_rng_state()
    finetune(pretrain(w, split, tiny.recipe()), w, split)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_seed_decides_everything(w: Windows, split: Split) -> None:
    torch.manual_seed(1)
    one = evaluate(finetune(pretrain(w, split, tiny.recipe(), seed=3), w, split), w, split)
    torch.manual_seed(2)
    two = evaluate(finetune(pretrain(w, split, tiny.recipe(), seed=3), w, split), w, split)
    assert one == two


@pytest.mark.parametrize("stage", ["autoencoder", "pretrain"])
def test_resumed_pre_training_equals_uninterrupted(
    stage: str, w: Windows, split: Split, encoder: PretrainedEncoder, tmp_path: Path
) -> None:
    """Stopped after the first epoch of either stage, and told all its records again."""

    def stop(record: dict[str, Any]) -> None:
        if (record["stage"], record["epoch"]) == (stage, 1):
            raise Stopped

    recipe = tiny.recipe(pretrain__epochs=2)
    with pytest.raises(Stopped):
        pretrain(w, split, recipe, "dynamic", seed=0, checkpoints=tmp_path, on_epoch=stop)
    told: list[dict[str, Any]] = []
    resumed = pretrain(w, split, recipe, "dynamic", seed=0, checkpoints=tmp_path, on_epoch=told.append)
    np.testing.assert_array_equal(resumed.features(w.x), encoder.features(w.x))
    assert told == resumed.records
    assert [r["loss"] for r in resumed.records] == [r["loss"] for r in encoder.records]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": 1}, "seed 0"),
        ({"recipe": tiny.recipe(pretrain__epochs=3)}, "recipe "),
        ({"split": 1}, "data "),
        ({"w": tiny.windows(seed=5, n_unlabelled=2)}, "data "),
    ],
)
def test_checkpoints_of_another_job_are_refused(
    change: dict[str, Any], named: str, w: Windows, split: Split, tmp_path: Path
) -> None:
    pretrain(w, split, tiny.recipe(), "csshar", seed=0, checkpoints=tmp_path)
    windows = change.get("w", w)
    other = splits.holdout(windows, change.get("split", 0))
    with pytest.raises(CheckpointError, match=f"it has .*{named}"):
        pretrain(
            windows,
            other,
            change.get("recipe", tiny.recipe()),
            "csshar",
            seed=change.get("seed", 0),
            checkpoints=tmp_path,
        )


def test_another_method_s_checkpoints_are_refused(w: Windows, split: Split, tmp_path: Path) -> None:
    pretrain(w, split, tiny.recipe(), "csshar", checkpoints=tmp_path)
    with pytest.raises(CheckpointError, match="it has method 'csshar'; this run has method 'angular'"):
        pretrain(w, split, tiny.recipe(), "angular", checkpoints=tmp_path)


def test_unknown_names_are_refused_before_anything_is_done(w: Windows, split: Split) -> None:
    with pytest.raises(RecipeError, match="did you mean 'dynamic'"):
        pretrain(w, split, tiny.recipe(), "dinamic")
    with pytest.raises(RecipeError, match="did you mean 'compact'"):
        pretrain(w, split, "compakt")
    with pytest.raises(DataError, match="seed is -1"):
        pretrain(w, split, tiny.recipe(), seed=-1)


def test_windows_that_are_too_short_for_the_networks(split: Split) -> None:
    x = np.random.default_rng(0).standard_normal((30, 6, 5)).astype(np.float32)
    short = Windows.from_arrays(x, np.arange(30) % 2, np.arange(30) % 3, rate_hz=5.0)
    for method in ("dynamic", "autoencoder", "random"):
        with pytest.raises(DataError, match=r"windows of 1 s at 5 Hz do not fit .* 5 steps .* at least 8"):
            pretrain(short, splits.holdout(short, 0), tiny.recipe(), method)


def test_weights_depend_on_the_seed_alone(w: Windows) -> None:
    torch.manual_seed(1)
    one = build_encoder("random", tiny.recipe(), w.meta, 3).state_dict()
    state = torch.get_rng_state()
    torch.manual_seed(2)
    two = build_encoder("random", tiny.recipe(), w.meta, 3).state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)
    torch.manual_seed(1)
    build_encoder("random", tiny.recipe(), w.meta, 4)
    assert torch.equal(torch.get_rng_state(), state)


def _others(w: Windows) -> dict[str, tuple[Windows, str]]:
    turned = (*CHANNELS[3:], *CHANNELS[:3])
    return {
        "channels in another order": (replace(w, meta=replace(w.meta, channels=turned)), "channels"),
        "fewer channels": (tiny.windows(channels=CHANNELS[:3]), "channels"),
        "another rate": (replace(w, x=w.x[:, :, :6], meta=replace(w.meta, rate_hz=6.0)), "rate_hz 6.0"),
        "another length": (replace(w, x=w.x[:, :, :6], meta=replace(w.meta, seconds=0.5)), "seconds 0.5"),
    }


@pytest.mark.parametrize("which", _others(tiny.windows()))
def test_windows_of_another_kind_are_refused_everywhere(
    which: str, w: Windows, split: Split, encoder: PretrainedEncoder, model: Model
) -> None:
    other, named = _others(w)[which]
    there = splits.holdout(other, 0)
    with pytest.raises(DataError, match=f"the windows to fine-tune on have {named}"):
        finetune(encoder, other, there)
    with pytest.raises(DataError, match=f"the windows to evaluate on have {named}"):
        evaluate(model, other, there)
    with pytest.raises(DataError, match=f"the unlabelled windows have {named}"):
        pretrain(w, split, tiny.recipe(), unlabelled=[other])


def test_windows_with_other_activities_cannot_be_scored(model: Model, w: Windows, split: Split) -> None:
    other = replace(w, meta=replace(w.meta, activities=("lie", "sit", "stand")))
    with pytest.raises(DataError, match="knows the activities still, swing, shake; the windows are labelled with lie"):
        evaluate(model, other, split)


def test_no_labelled_windows_say_in_which_part(encoder: PretrainedEncoder, w: Windows, split: Split) -> None:
    def without(rows: Any) -> Windows:
        y = w.y.copy()
        y[rows] = -1
        return replace(w, y=y)

    with pytest.raises(TrainingError, match="split holdout has no labelled training windows"):
        finetune(encoder, without(split.train), split)
    with pytest.raises(TrainingError, match="no labelled validation windows"):
        finetune(encoder, without(split.val), split)
    with pytest.raises(DataError, match="no labelled test windows"):
        evaluate(finetune(encoder, w, split), without(split.test), split)
    with pytest.raises(TrainingError, match="hold 1 activity"):
        finetune(encoder, without(split.train[w.y[split.train] > 0]), split)


@pytest.mark.parametrize("shape", [(4, 6), (4, 5, 12), (4, 6, 11), (0, 6, 12), (2, 2, 6, 12)])
def test_arrays_of_another_shape_are_refused(shape: tuple[int, ...], model: Model) -> None:
    with pytest.raises(DataError, match=r"expected windows \(n, 6, 12\).*acc_x.*12 Hz"):
        model.predict(np.zeros(shape, np.float32))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_samples_that_are_not_finite_are_named(value: float, model: Model, encoder: PretrainedEncoder) -> None:
    x = np.zeros((3, 6, 12))
    x[1, 4, 7] = value
    for use in (model.predict, model.predict_proba, encoder.features):
        with pytest.raises(DataError, match=r"window 1 holds .* in gyro_y, step 7"):
            use(x)


def test_whole_numbers_are_windows_too(w: Windows) -> None:
    assert check_windows(np.zeros((2, 6, 12), np.int64), w.meta).dtype == np.float32


def test_a_device_that_is_not_there_is_named() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device("auto").type in ("cpu", "cuda")
    for wrong in ("cuda:99", "gpu"):
        with pytest.raises(TrainingError, match=f"device {wrong} cannot be used here"):
            choose_device(wrong)


def test_a_random_encoder_stays_far_below_dynamic_temperature() -> None:
    """The issue's demand on `synthetic`, with the compact recipe cut down to seconds and the paper's head."""
    data = otolith.load("synthetic")
    w = otolith.cut(data.recordings(), otolith.WindowMeta.of(data.info))
    split = splits.holdout(w, 0)
    recipe = otolith.load_recipe(
        "compact",
        "synthetic",
        {
            "encoder.maps": [16, 32, 64],
            "encoder.blocks": 1,
            "pretrain.epochs": 3,
            "autoencoder.train.epochs": 2,
            "finetune.head": "mlp",
            "finetune.solver": "adam",
            "finetune.pool": False,
            "finetune.standardise": False,
            "finetune.epochs": 15,
            "finetune.lr": 1e-3,
        },
    )
    found = {
        method: evaluate(finetune(pretrain(w, split, recipe, method, seed=0), w, split), w, split)["macro_f1"]
        for method in ("random", "dynamic")
    }
    assert found["dynamic"] - found["random"] > 0.10, found
    assert found["dynamic"] < 0.98
