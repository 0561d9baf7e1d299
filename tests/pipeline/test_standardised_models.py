"""Models whose head standardises and pools: fitted on training windows alone, and the same in every form."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from otolith import metrics, splits
from otolith.errors import CheckpointError
from otolith.finetuning.settings import FinetuneSettings
from otolith.model import Model, PretrainedEncoder, bundle
from otolith.nets import PredictionMLP, StandardisedHead
from otolith.nets.heads import PoolOverTime
from otolith.pipeline import calibrate, finetune, pretrain
from otolith.splits import Split
from otolith.windows import Windows
from tests.helpers import tiny

WAYS: dict[str, dict[str, Any]] = {
    "standardised": {"standardise": True},
    "pooled": {"pool": True},
    "both": {"pool": True, "standardise": True},
    "converged": {"pool": True, "standardise": True, "head": "linear", "solver": "lbfgs"},
}


@pytest.fixture(scope="module")
def w() -> Windows:
    w = tiny.windows(n_subjects=6, per_activity=10)
    y = w.y.copy()
    y[::5] = -1
    return replace(w, y=y)


@pytest.fixture(scope="module")
def split(w: Windows) -> Split:
    return splits.holdout(w, 0)


@pytest.fixture(scope="module")
def encoder(w: Windows, split: Split) -> PretrainedEncoder:
    return pretrain(w, split, tiny.recipe(), "random", seed=5)


@pytest.fixture(scope="module", params=WAYS)
def model(request: pytest.FixtureRequest, encoder: PretrainedEncoder, w: Windows, split: Split) -> Model:
    return finetune(encoder, w, split, settings=settings(**WAYS[request.param]))


def settings(**changes: Any) -> FinetuneSettings:
    return FinetuneSettings(**{"epochs": 3, "hidden": (16,), "lr": 1e-2} | changes)


def test_features_are_standardised_by_all_training_windows(
    encoder: PretrainedEncoder, w: Windows, split: Split
) -> None:
    assert (w.y[split.train] < 0).any()
    head = finetune(encoder, w, split, settings=settings(**WAYS["both"])).head
    assert isinstance(head, StandardisedHead)
    seen = PoolOverTime(12, 16)(torch.from_numpy(encoder.features(w.x[split.train])))
    torch.testing.assert_close(head.mean, seen.mean(0), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(head.std, seen.std(0, unbiased=False), atol=1e-5, rtol=1e-4)


def test_the_head_that_is_returned_sees_what_it_was_trained_on(model: Model, w: Windows, split: Split) -> None:
    """The validation score of training, computed from features that were standardised once, is that of the model."""
    rows = split.val[w.y[split.val] >= 0]
    found = metrics.macro_f1(w.y[rows], model.predict(w.x[rows]), model.training_classes, len(w.meta.activities))
    assert model.validation == pytest.approx(found)


def test_it_is_read_back_as_it_was(model: Model, w: Windows, tmp_path: Path) -> None:
    loaded = bundle.load_model(bundle.save(model, tmp_path / "model"))
    np.testing.assert_array_equal(loaded.predict_proba(w.x), model.predict_proba(w.x))
    assert loaded.calibration is not None
    np.testing.assert_array_equal(loaded.assess(w.x).score, model.assess(w.x).score)
    assert loaded.settings == model.settings


def test_distances_are_between_features_as_the_layers_see_them(model: Model, encoder: PretrainedEncoder) -> None:
    assert model.calibration is not None
    assert model.calibration.projection.shape[1] == (48 if model.settings.pool else 192)


def test_it_can_be_calibrated_anew(model: Model, w: Windows, split: Split) -> None:
    again = calibrate(model, w, split)
    assert again.calibration is not None
    assert model.calibration is not None
    assert again.calibration.temperature == pytest.approx(model.calibration.temperature, rel=1e-3)
    np.testing.assert_allclose(again.assess(w.x).score, model.assess(w.x).score, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
def test_deviations_that_are_none_are_refused(model: Model, value: float, tmp_path: Path) -> None:
    folder = bundle.save(model, tmp_path / "model")
    tensors = load_file(folder / "weights.safetensors")
    tensors["head.std"][3] = value
    save_file(tensors, folder / "weights.safetensors")
    with pytest.raises(CheckpointError, match=r"head\.std holds"):
        bundle.load_model(folder)


def test_windows_of_other_people_are_not_looked_at(encoder: PretrainedEncoder, w: Windows, split: Split) -> None:
    one = finetune(encoder, w, split, settings=settings(standardise=True))
    x = w.x.copy()
    x[np.concatenate([split.val, split.test])] *= 3
    two = finetune(encoder, replace(w, x=x), split, settings=settings(standardise=True))
    assert isinstance(one.head, StandardisedHead)
    assert isinstance(two.head, StandardisedHead)
    assert torch.equal(one.head.mean, two.head.mean)
    assert torch.equal(one.head.std, two.head.std)


def test_a_supervised_network_may_standardise_what_its_encoder_gives_at_first(w: Windows, split: Split) -> None:
    recipe = tiny.recipe(method__supervised__standardise=True)
    start = pretrain(w, split, recipe, "supervised", seed=5)
    model = finetune(start, w, split)
    assert isinstance(model.head, StandardisedHead)
    expected = start.features(w.x[split.train]).mean(0)
    np.testing.assert_allclose(model.head.mean.numpy(), expected, rtol=1e-4, atol=1e-4)
    assert not np.allclose(model.encoder.features(w.x[:5]), start.features(w.x[:5]))


def test_without_any_of_it_the_head_is_the_paper_s(encoder: PretrainedEncoder, w: Windows, split: Split) -> None:
    assert isinstance(finetune(encoder, w, split, settings=settings()).head, PredictionMLP)
