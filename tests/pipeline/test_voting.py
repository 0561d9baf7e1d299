"""Fine-tuning to a vote of a linear head and trees: what votes, what is kept, and that every way out gives the same."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from otolith import splits
from otolith.errors import CheckpointError, TrainingError
from otolith.finetuning.heads import Labelled, build_head
from otolith.finetuning.self_training import WORTH
from otolith.finetuning.settings import FinetuneSettings, TreeSettings
from otolith.finetuning.trees import fit_trees
from otolith.finetuning.unlabelled import RESAMPLED, Pool, resampled
from otolith.model import Model, bundle
from otolith.nets import JoinedEncoder, TreeEnsemble
from otolith.nets.heads import layers_of, seen_by
from otolith.nets.vote import VoteHead
from otolith.pipeline import finetune, pretrain, without_labels
from otolith.pipeline.without_labels import rows_without_labels
from otolith.splits import Split
from otolith.windows import Windows
from tests.helpers import tiny

CONV = {"encoder__kind": "conv", "encoder__width": 8, "method__classical__trees": 7}
FROZEN = {"head": "vote", "solver": "lbfgs", "standardise": True}
TRAINED = {"head": "vote", "encoder": "trained", "epochs": 2, "batch_size": 16, "lr": 1e-2}


@pytest.fixture(scope="module")
def made() -> tuple[Any, Windows, Split]:
    w = tiny.windows(n_unlabelled=6)
    split = splits.holdout(w, 0)
    return pretrain(w, split, tiny.recipe(**CONV), "random", device="cpu"), w, split


WAYS = {
    "frozen, joined": FROZEN | {"features": "joined"},
    "frozen, learned": FROZEN,
    "frozen, raw features": {"head": "vote", "epochs": 2, "lr": 1e-2},
    "with self-training": FROZEN | {"features": "joined", "unlabelled": "self-training"},
    "with propagation, learned": FROZEN | {"unlabelled": "propagation"},
    "trained": TRAINED,
    "trained, standardised": TRAINED | {"standardise": True},
}


@pytest.fixture(scope="module", params=list(WAYS))
def model(request: pytest.FixtureRequest, made: Any) -> Model:
    return finetune(*made, settings=FinetuneSettings(**WAYS[request.param]))


def test_probabilities_are_the_mean_of_both(model: Model, made: Any) -> None:
    _, w, split = made
    assert isinstance(model.encoder.network, JoinedEncoder)
    vote = layers_of(model.head)
    assert isinstance(vote, VoteHead)
    linear, *trees = vote.heads
    assert len(trees) == (1 if model.settings.unlabelled == "none" else 3)  # type: ignore[union-attr]
    assert all(isinstance(each, TreeEnsemble) and each.n_trees == 7 for each in trees)
    x = torch.from_numpy(model.encoder.scaler.transform(w.x[split.test]))
    seen = seen_by(model.head, model.encoder.network(x))
    start, end = model.encoder.network.learned.n_features, model.encoder.network.n_features
    (first, last), *of_trees = vote.columns
    assert (first, last) in ((0, start), (0, end))
    assert set(of_trees) == {(start, end)}
    with torch.no_grad():
        answers = [linear(seen[:, first:last]), *(each(seen[:, start:]) for each in trees)]
        found = torch.softmax(model.head(model.encoder.network(x)), 1)
    torch.testing.assert_close(found, torch.stack([each.softmax(1) for each in answers]).mean(0))


def test_the_validation_score_is_that_of_the_vote(model: Model, made: Any) -> None:
    _, w, split = made
    rows = split.val[w.y[split.val] >= 0]
    right = float((model.predict(w.x[rows]) == w.y[rows]).mean())
    assert model.validation == pytest.approx(right, abs=0.25)  # macro F1 beside accuracy
    assert [record["stage"] for record in model.records][-2:] == ["finetune", "trees"]


def test_a_bundle_gives_the_same_model(model: Model, made: Any, tmp_path: Path) -> None:
    _, w, _ = made
    again = bundle.load_model(bundle.save(model, tmp_path / "model"), "cpu")
    np.testing.assert_array_equal(again.predict_proba(w.x), model.predict_proba(w.x))
    assert again.settings == model.settings
    encoder = bundle.load_encoder(tmp_path / "model", "cpu")
    assert not isinstance(encoder.network, JoinedEncoder)


@pytest.mark.parametrize(("way", "int8"), [("with self-training", True), ("trained", False)])
def test_an_exported_file_gives_the_same_probabilities(way: str, int8: bool, made: Any, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    from otolith.export import Trial, export_onnx

    _, w, split = made
    model = finetune(*made, settings=FinetuneSettings(**WAYS[way]))
    trial = Trial(w.x[split.test], w.y[split.test], w.x[split.val], w.y[split.val], "test windows")
    done = export_onnx(model, tmp_path / "model.onnx", trial=trial, int8=int8)
    assert done.float32.same == 1
    assert done.float32.largest < 1e-4
    assert not int8 or (done.int8 is not None and done.int8.same > 0.9)


def test_the_linear_head_is_the_one_that_stands_alone(made: Any) -> None:
    encoder, w, split = made
    settings = FinetuneSettings(**WAYS["frozen, joined"])
    vote = layers_of(finetune(encoder, w, split, settings=settings).head)
    alone = finetune(encoder, w, split, settings=FinetuneSettings(**WAYS["frozen, joined"] | {"head": "linear"}))
    assert isinstance(vote, VoteHead)
    for name, value in layers_of(alone.head).state_dict().items():
        torch.testing.assert_close(vote.heads[0].state_dict()[name], value)


@pytest.mark.parametrize(("features", "kind"), [("joined", "conv"), ("learned", "transformer")])
def test_trees_learn_from_what_either_features_find(features: str, kind: str) -> None:
    w = tiny.windows(n_unlabelled=6)
    split = splits.holdout(w, 0)
    recipe = tiny.recipe(**CONV | {"encoder__kind": kind})
    asked = FROZEN | {"features": features, "unlabelled": "propagation", "pool": kind == "transformer"}
    settings = FinetuneSettings(**asked)
    model = finetune(pretrain(w, split, recipe, "random", device="cpu"), w, split, settings=settings)
    vote, network = layers_of(model.head), model.encoder.network
    assert isinstance(vote, VoteHead)
    x = torch.from_numpy(model.encoder.scaler.transform(w.x[split.train]))
    with torch.no_grad():
        seen = seen_by(model.head, network(x))
        first = seen_by(vote.heads[0], seen[:, slice(*vote.columns[0])])
    handmade = seen[:, slice(*vote.columns[1])]
    torch.testing.assert_close(handmade.mean(0), torch.zeros(handmade.shape[1]), rtol=0, atol=1e-4)
    y = torch.from_numpy(w.y[split.train])
    known = y >= 0
    expected = [Labelled(handmade[known], y[known])]
    for each in (first, handmade):
        found = Pool([each[~known]], 0).answers(Labelled(each[known], y[known]), settings, 0)
        rows, labels = handmade[~known][found.rows], torch.cat([y[known], found.y])
        weight = torch.cat([torch.ones(int(known.sum())), torch.full((len(rows),), 3 * WORTH / max(1, len(rows)))])
        expected.append(resampled(Labelled(torch.cat([handmade[known], rows]), labels, weight), RESAMPLED))
    for ensemble, windows in zip(vote.heads[1:], expected, strict=True):
        trees = fit_trees(windows, recipe.settings_of("classical"), 0, 3)
        for name, value in trees.state_dict().items():
            torch.testing.assert_close(ensemble.state_dict()[name], value)


def test_an_encoder_that_is_trained_is_the_caller_s_no_more(made: Any) -> None:
    encoder, w, split = made
    before = {name: value.clone() for name, value in encoder.network.state_dict().items()}
    model = finetune(encoder, w, split, settings=FinetuneSettings(**TRAINED))
    assert all(torch.equal(value, before[name]) for name, value in encoder.network.state_dict().items())
    learned = model.encoder.network.learned.state_dict()  # type: ignore[union-attr]
    assert any(not torch.equal(value, before[name]) for name, value in learned.items())


def test_labels_of_a_linear_classifier_do_not_join_training_end_to_end(made: Any) -> None:
    settings = FinetuneSettings(**TRAINED | {"encoder": "frozen", "unlabelled": "self-training", "epochs": 1})
    model = finetune(*made, settings=settings, frozen=False)
    assert isinstance(model.settings, FinetuneSettings)
    assert (model.settings.encoder, model.settings.unlabelled) == ("trained", "none")
    assert sum(isinstance(module, TreeEnsemble) for module in model.head.modules()) == 1


def test_a_solver_without_steps_is_refused_where_the_encoder_is_trained(made: Any) -> None:
    with pytest.raises(
        TrainingError, match=r"with frozen false the encoder is trained: .*got head 'vote', solver 'lbfgs'"
    ):
        finetune(*made, settings=FinetuneSettings(**FROZEN), frozen=False)


def test_a_deviation_of_zero_below_the_vote_is_refused(made: Any, tmp_path: Path) -> None:
    _, w, split = made
    other = pretrain(w, split, tiny.recipe(method__classical__trees=7), "random", device="cpu")
    folder = bundle.save(
        finetune(other, w, split, settings=FinetuneSettings(**FROZEN | {"pool": True})), tmp_path / "m"
    )
    tensors = load_file(folder / bundle.WEIGHTS)
    tensors["head.layers.heads.0.std"].zero_()
    save_file(tensors, folder / bundle.WEIGHTS)
    with pytest.raises(CheckpointError, match=r"head\.layers\.heads\.0\.std holds 0, and a deviation is above zero"):
        bundle.load_model(folder, "cpu")


def test_trees_for_more_features_than_they_take_are_refused(made: Any, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"up to 32,767 features of a window; got 40,000\. Cut shorter"):
        build_head(40_000, 2, TreeSettings(), seed=0)
    _, w, split = made
    flat = pretrain(w, split, tiny.recipe(), "random", device="cpu")
    folder = bundle.save(finetune(flat, w, split, settings=TreeSettings(trees=2)), tmp_path / "m")
    card = json.loads((folder / bundle.CARD).read_text())
    card["input"] |= {"seconds": 5000.0, "steps": round(5000 * card["input"]["rate_hz"])}
    (folder / bundle.CARD).write_text(json.dumps(card))
    with pytest.raises(CheckpointError, match="does not describe a model: trees take up to 32,767 features"):
        bundle.load_model(folder, "cpu")


@pytest.mark.parametrize(
    ("method", "section"),
    [("random", {"finetune__head": "vote"}), ("supervised", {"method__supervised__head": "vote"})],
)
def test_a_vote_that_the_recipe_asks_for_is_one(method: str, section: dict[str, str], tmp_path: Path) -> None:
    w = tiny.windows()
    split = splits.holdout(w, 0)
    encoder = pretrain(w, split, tiny.recipe(**CONV, **section), method, device="cpu")
    model = finetune(encoder, w, split)
    assert isinstance(layers_of(model.head), VoteHead)
    learned = model.encoder.network.learned.state_dict()  # type: ignore[union-attr]
    same = all(torch.equal(value, learned[name]) for name, value in encoder.network.state_dict().items())
    assert same == (method == "random")
    again = bundle.load_model(bundle.save(model, tmp_path / "model"), "cpu")
    np.testing.assert_array_equal(again.predict_proba(w.x), model.predict_proba(w.x))


def test_labels_of_one_activity_are_counted_as_given() -> None:
    w = tiny.windows()
    split = splits.holdout(w, 0)
    y = np.array(w.y)
    y[split.train[1:]] = -1
    encoder = pretrain(w, split, tiny.recipe(**CONV), "random", device="cpu")
    settings = FinetuneSettings(**WAYS["with self-training"])
    with pytest.raises(TrainingError, match="the 1 labelled training windows hold 1 activity"):
        finetune(encoder, replace(w, y=y), split, settings=settings)


def test_of_very_many_windows_without_labels_some_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = tiny.windows()
    w = replace(whole, y=np.where(np.arange(len(whole)) % 5, -1, whole.y))
    split = splits.unlabelled(w)
    assert rows_without_labels(w, split, 0).tolist() == np.flatnonzero(w.y < 0).tolist()
    monkeypatch.setattr(without_labels, "MOST", 10)
    some = rows_without_labels(w, split, 0)
    assert len(some) == 10
    assert (np.diff(some) > 0).all()
    assert (w.y[some] < 0).all()
    assert some.tolist() != rows_without_labels(w, split, 1).tolist()
