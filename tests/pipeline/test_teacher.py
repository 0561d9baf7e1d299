"""Pre-training with hand-made features as the teacher of dynamic temperature."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from otolith.errors import DataError, RecipeError
from otolith.finetuning.features import encode
from otolith.jobs.estimate import estimate
from otolith.losses import angular_similarity
from otolith.methods.contrastive import Contrastive
from otolith.model.joining import handmade_features
from otolith.nets import HandmadeFeatures
from otolith.pipeline import pretrain
from otolith.preprocessing.scaler import Scaler
from otolith.protocols.cells.arrays import judge_teacher
from otolith.recipes import Recipe
from otolith.splits import holdout
from otolith.training.window_source import Part, Source
from tests.helpers import tiny


def recipe(**more: object) -> Recipe:
    return tiny.recipe(method__dynamic__teacher="handmade", **more)


def test_instances_are_standardised_features_of_the_training_windows_in_their_units(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    w = tiny.windows()
    split = holdout(w, 0)
    seen = {}

    def spy(method: Contrastive, source: Source, settings: object, seed: int, **more: object) -> list[object]:
        seen[more["stage"]] = more["instances"]
        return []

    monkeypatch.setattr("otolith.pipeline.pretraining.train", spy)
    pretrain(w, split, recipe(), device="cpu")
    assert list(seen) == ["pretrain"]  # no autoencoder is trained
    raw = HandmadeFeatures(w.meta.channels, w.meta.n_steps, w.meta.rate_hz)(torch.tensor(w.x[split.train])).double()
    std = raw.std(0, correction=0)
    varies = std > 1e-5 * raw.mean(0).abs() + 1e-12
    expected = (raw - raw.mean(0)) / torch.where(varies, std, torch.ones_like(std))
    torch.testing.assert_close(seen["pretrain"].double(), expected, rtol=2e-3, atol=2e-3)


def test_teacher_of_the_encoder_sees_windows_as_the_loss_saw_them() -> None:
    w = tiny.windows()
    split = holdout(w, 0)
    encoder = pretrain(w, split, recipe(), device="cpu")
    assert encoder.teacher is not None
    assert [record["stage"] for record in encoder.records] == ["pretrain"]
    h = encode(encoder.teacher, Source([Part(w.x, split.train)], encoder.scaler, encoder.device))
    assert h.mean(0).abs().max() < 1e-3
    found = judge_teacher(encoder, w, split, seed=0)
    assert found is not None
    assert found["auc"] > 0.7  # activities differ by their frequency
    similarity = angular_similarity(h)
    assert similarity.min() < 0.4 < 0.6 < similarity.fill_diagonal_(0).max()  # temperatures differ between pairs


def test_teacher_takes_scaled_windows_back_to_their_units() -> None:
    w = tiny.windows()
    scaler = Scaler.fit(w.x)
    features = handmade_features(w.meta, scaler)
    plain = HandmadeFeatures(w.meta.channels, w.meta.n_steps, w.meta.rate_hz)
    x = torch.tensor(w.x[:9])
    torch.testing.assert_close(features(scaler.transform(x)), plain(x), rtol=2e-3, atol=2e-3)


def test_training_goes_on_after_a_stop_with_the_same_weights(tmp_path: Path) -> None:
    w = tiny.windows()
    split = holdout(w, 0)
    whole = pretrain(w, split, recipe(pretrain__epochs=3), device="cpu")
    recorded: list[dict[str, object]] = []

    class Stop(Exception):
        pass

    def stop(record: dict[str, object]) -> None:
        recorded.append(record)
        if len(recorded) == 2:
            raise Stop

    with pytest.raises(Stop):
        pretrain(w, split, recipe(pretrain__epochs=3), device="cpu", checkpoints=tmp_path, on_epoch=stop)
    resumed = pretrain(w, split, recipe(pretrain__epochs=3), device="cpu", checkpoints=tmp_path)
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name
    assert [record["loss"] for record in resumed.records] == [record["loss"] for record in whole.records]


def test_teacher_is_part_of_the_recipe_only_where_it_is_not_the_papers() -> None:
    assert tiny.recipe(method__dynamic__teacher="autoencoder").hash == tiny.recipe().hash
    assert "teacher" not in str(tiny.recipe(method__dynamic__teacher="autoencoder").as_dict())
    assert recipe().hash != tiny.recipe().hash
    with pytest.raises(RecipeError, match=r"method\.dynamic\.teacher"):
        tiny.recipe(method__dynamic__teacher="nobody")
    with pytest.raises(RecipeError, match="teacher"):  # its teacher is the other sensor
        tiny.recipe(method__multimodal__teacher="handmade")


def test_estimate_counts_the_features_and_no_autoencoder() -> None:
    w = tiny.windows()
    found = estimate(recipe(), "dynamic", w.meta, 64, 16, "cpu")
    assert set(found.seconds) >= {"instance features", "pretrain"}
    assert "autoencoder" not in found.seconds
    assert "autoencoder" in estimate(tiny.recipe(), "dynamic", w.meta, 64, 16, "cpu").seconds


def test_windows_that_are_too_long_are_refused_with_a_cure() -> None:
    w = tiny.windows()
    meta = replace(w.meta, seconds=2000.0)
    with pytest.raises(DataError, match=r"2000 s at 12 Hz have no hand-made features: .* at most 16384"):
        handmade_features(meta, Scaler(np.zeros(6), np.ones(6)))
