"""Temperature, threshold and scores: against their definitions, and through a bundle."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from otolith import calibration, pipeline, splits
from otolith.calibration import MIN_WINDOWS, fit_calibration, fit_temperature
from otolith.calibration.scores import PARTS, SCORES
from otolith.errors import CheckpointError, DataError
from otolith.model import Model, bundle
from otolith.pipeline.calibration import calibrate
from otolith.splits import Split
from otolith.windows import Windows
from tests.helpers import tiny


@pytest.fixture(scope="module")
def w() -> Windows:
    return tiny.windows(n_subjects=6)


@pytest.fixture(scope="module")
def split(w: Windows) -> Split:
    return splits.holdout(w, 0)


@pytest.fixture(scope="module")
def model(w: Windows, split: Split) -> Model:
    encoder = pipeline.pretrain(w, split, tiny.recipe(), "dynamic", seed=1)
    return pipeline.finetune(encoder, w, split)


def blobs(n: int = 400, seed: int = 0, width: int = 24) -> tuple[torch.Tensor, torch.Tensor]:
    """Features of three activities around three centres."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    centres = 4 * np.eye(3, width)
    return torch.tensor(centres[y] + rng.standard_normal((n, width)), dtype=torch.float32), torch.tensor(y)


@pytest.mark.parametrize("truth", [0.6, 1.0, 2.5])
def test_the_temperature_that_made_the_labels_is_found(truth: float) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(20000, 4, generator=generator)
    y = torch.multinomial(torch.softmax(logits / truth, 1), 1, generator=generator)[:, 0]
    assert fit_temperature(logits, y) == pytest.approx(truth, rel=0.05)


def test_no_other_temperature_has_a_smaller_loss() -> None:
    logits, y = torch.randn(200, 4, generator=torch.Generator().manual_seed(3)), torch.arange(200) % 4
    best = fit_temperature(logits, y)
    losses = [float(torch.nn.functional.cross_entropy(logits / t, y)) for t in np.geomspace(0.5, 10, 400)]
    assert float(torch.nn.functional.cross_entropy(logits / best, y)) <= min(losses) + 1e-6


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("rate", [0.05, 0.2])
def test_the_threshold_keeps_to_the_stated_rate(score: str, rate: float) -> None:
    train, val = blobs(), blobs(200, 1)
    found = fit_calibration(train, val, val[0][:, 3:6], score=score, false_unknowns=rate)
    assert found is not None
    space = (found.projection, found.offset, found.centres)
    scores = sum(
        factor * PARTS[name](val[0], val[0][:, 3:6], space, found.temperature) for name, factor in found.weights.items()
    )
    assert isinstance(scores, torch.Tensor)
    assert int((scores > found.threshold).sum()) == int(200 * rate)
    assert float((scores - found.threshold).abs().min()) > 0  # between two windows, not upon one


def test_distance_is_mahalanobis_by_its_definition() -> None:
    """With as many components as features nothing is projected away: the textbook formula has to come out."""
    features, y = blobs(width=4)
    found = fit_calibration((features, y), (features, y), features[:, :3], score="distance")
    assert found is not None
    x, labels = features.double().numpy(), y.numpy()
    means = np.stack([x[labels == c].mean(0) for c in range(3)])
    within = sum(np.outer(r, r) for r in x - means[labels]) / (len(x) - 3)
    within = within + np.eye(4) * 1e-3 * np.trace(within) / 4
    inverse = np.linalg.inv(within)
    expected = [min(float((v - m) @ inverse @ (v - m)) for m in means) ** 0.5 for v in x]
    space = (found.projection, found.offset, found.centres)
    np.testing.assert_allclose(PARTS["distance"](features, features, space, 1.0).numpy(), expected, rtol=1e-3)


@pytest.mark.parametrize("score", ["distance", "both"])
def test_what_lies_between_the_activities_is_foreign(score: str) -> None:
    train, val = blobs(), blobs(200, 1)
    found = fit_calibration(train, val, val[0][:, :3], score=score)
    assert found is not None
    far = torch.full((50, 24), 9.0)
    space = (found.projection, found.offset, found.centres)
    scores = calibration.scores.total(found.weights, far, torch.zeros(50, 3), space, found.temperature)
    assert bool((scores > found.threshold).all())


def test_too_few_windows_give_no_calibration(w: Windows, split: Split, model: Model) -> None:
    few = blobs(MIN_WINDOWS - 1, 1)
    assert fit_calibration(blobs(), few, few[0][:, :3]) is None
    alike = (torch.ones(100, 8), torch.arange(100) % 3)
    assert fit_calibration(alike, blobs(100, width=8), torch.randn(100, 3)) is None
    small = dataclasses.replace(split, val=split.val[: MIN_WINDOWS - 1])
    with pytest.raises(DataError, match=f"calibration needs {MIN_WINDOWS}"):
        calibrate(model, w, small)
    plain = pipeline.finetune(model.encoder, w, small)
    assert plain.calibration is None
    assert not plain.assess(w.x).unknown.any()
    assert plain.assess(w.x).score is None


def test_bad_wishes_are_refused(w: Windows, split: Split, model: Model) -> None:
    with pytest.raises(DataError, match="did you mean 'energy'"):
        calibrate(model, w, split, score="enrgy")
    for rate in (0.0, 1.0, float("nan")):
        with pytest.raises(DataError, match="false unknowns"):
            calibrate(model, w, split, false_unknowns=rate)
    other = dataclasses.replace(model, activities=("a", "b", "c"))
    with pytest.raises(DataError, match="knows the activities"):
        calibrate(other, w, split)


def test_finetuning_calibrates_on_validation_windows_alone(w: Windows, split: Split, model: Model) -> None:
    assert model.calibration is not None
    assert model.calibration.n_windows == len(split.val)
    x = w.x.copy()
    x[split.test] = 1e3
    disturbed = dataclasses.replace(w, x=x)
    again = calibrate(model, disturbed, split).calibration
    assert again is not None
    assert again.to_dict() == calibrate(model, w, split).calibration.to_dict()  # type: ignore[union-attr]
    assert again.temperature == pytest.approx(model.calibration.temperature, rel=1e-4)
    assert again.threshold == pytest.approx(model.calibration.threshold, rel=1e-4)


def test_the_activities_stay_what_they_are(w: Windows, model: Model) -> None:
    bare = dataclasses.replace(model, calibration=None)
    np.testing.assert_array_equal(bare.predict(w.x), model.predict(w.x))
    assert not np.array_equal(bare.predict_proba(w.x), model.predict_proba(w.x))
    assert np.allclose(model.predict_proba(w.x).sum(1), 1, atol=1e-5)


def test_end_to_end_models_are_calibrated_too(w: Windows, split: Split) -> None:
    encoder = pipeline.pretrain(w, split, tiny.recipe(), "supervised", seed=1)
    model = pipeline.finetune(encoder, w, split)
    assert model.calibration is not None
    assert model.assess(w.x[split.val]).unknown.mean() <= model.calibration.false_unknowns


def test_a_bundle_carries_it(model: Model, w: Windows, tmp_path: Path) -> None:
    loaded = bundle.load_model(bundle.save(model, tmp_path / "model"))
    assert loaded.calibration is not None
    assert model.calibration is not None
    assert loaded.calibration.to_dict() == model.calibration.to_dict()
    ours, theirs = model.assess(w.x), loaded.assess(w.x)
    np.testing.assert_array_equal(ours.probabilities, theirs.probabilities)
    np.testing.assert_array_equal(ours.score, theirs.score)


def test_a_bundle_from_before_calibration_still_loads(model: Model, w: Windows, tmp_path: Path) -> None:
    folder = bundle.save(dataclasses.replace(model, calibration=None), tmp_path / "model")
    card = json.loads((folder / "card.json").read_text())
    del card["calibration"]
    (folder / "card.json").write_text(json.dumps(card))
    loaded = bundle.load_model(folder)
    assert loaded.calibration is None
    np.testing.assert_array_equal(loaded.predict(w.x), model.predict(w.x))


@pytest.mark.parametrize(
    "change",
    [
        {"temperature": 0},
        {"temperature": "warm"},
        {"threshold": None},
        {"weights": {}},
        {"weights": {"magic": 1.0}},
        {"weights": [1.0]},
    ],
)
def test_a_damaged_calibration_is_refused(change: dict[str, object], model: Model, tmp_path: Path) -> None:
    folder = bundle.save(model, tmp_path / "model")
    card = json.loads((folder / "card.json").read_text())
    card["calibration"] |= change
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(CheckpointError, match=r"card\.json does not describe a model"):
        bundle.load_model(folder)


@pytest.mark.parametrize("name", ["projection", "offset", "centres"])
def test_damaged_tensors_are_refused(name: str, model: Model, tmp_path: Path) -> None:
    folder = bundle.save(model, tmp_path / "model")
    tensors = load_file(folder / "weights.safetensors")
    whole = tensors.pop(f"calibration.{name}")
    for broken in (None, whole[:-1] if name == "offset" else whole[..., :-1], torch.full_like(whole, torch.nan)):
        save_file(
            tensors | ({} if broken is None else {f"calibration.{name}": broken.clone()}),
            folder / "weights.safetensors",
        )
        with pytest.raises(CheckpointError):
            bundle.load_model(folder)
