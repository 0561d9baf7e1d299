"""Choice among a recipe's ways to use labels: validation windows decide, or the number of labels alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from otolith import splits
from otolith.finetuning.settings import FinetuneSettings
from otolith.model import Chosen, Model, bundle
from otolith.pipeline import choice, evaluate, finetune, pretrain
from otolith.splits import Split
from otolith.windows import Windows
from tests.helpers import tiny

CHOICES = [
    {"name": "short", "head": "linear", "epochs": 1, "lr": 1e-6},
    {"name": "long", "head": "linear", "epochs": 30, "lr": 0.02},
    {"name": "few", "most": 2, "head": "linear"},
]


@pytest.fixture(scope="module")
def made() -> tuple[Any, Windows, Split]:
    w = tiny.windows()
    split = splits.holdout(w, 0)
    return pretrain(w, split, tiny.recipe(choice=CHOICES), "random", device="cpu"), w, split


def test_the_best_on_validation_windows_is_taken(made: Any) -> None:
    model = finetune(*made)
    assert model.chosen is not None
    assert (model.chosen.name, model.chosen.by) == ("long", "validation")
    assert list(model.chosen.scores) == ["short", "long"]
    assert model.settings.epochs == 30
    assert model.validation == model.chosen.scores["long"] > model.chosen.scores["short"]
    assert model.chosen.labels == pytest.approx(3 * 8)


def test_each_score_is_what_the_candidate_reaches_by_itself(made: Any) -> None:
    encoder, w, split = made
    model = finetune(encoder, w, split)
    for name, settings in encoder.recipe.candidates(24).items():
        alone = finetune(encoder, w, split, settings=settings)
        assert model.chosen.scores[name] == alone.validation
        assert alone.chosen is None
    np.testing.assert_array_equal(model.predict_proba(w.x), alone.predict_proba(w.x))


def test_test_windows_decide_nothing(made: Any) -> None:
    encoder, w, split = made
    y = np.array(w.y)
    y[split.test] = (y[split.test] + 1) % 3
    assert finetune(encoder, replace(w, y=y), split).chosen == finetune(encoder, w, split).chosen


def _fake(scores: dict[str, float]) -> tuple[dict[str, FinetuneSettings], Any, list[str]]:
    """Candidates of known scores, told apart by their number of epochs, and a trainer that notes whom it trained."""
    found = {name: FinetuneSettings(epochs=number + 1) for number, name in enumerate(scores)}
    trained: list[str] = []

    def train(settings: FinetuneSettings, listener: Any) -> Model:
        name = list(scores)[settings.epochs - 1]
        trained.append(name)
        record = {"stage": "finetune", "epoch": 1, "seconds": 1.0}
        if listener is not None:
            listener(record)
        return Model(None, None, (), (), settings, 0, scores[name], [record])  # type: ignore[arg-type]

    return found, train, trained


def test_of_equals_the_last_stands() -> None:
    found, train, trained = _fake({"a": 0.5, "b": 0.7, "c": 0.7})
    model = choice.choose(found, train, 5.0)
    assert trained == ["a", "b", "c"]
    assert model.chosen == Chosen("c", "validation", 5.0, {"a": 0.5, "b": 0.7, "c": 0.7})


@pytest.mark.parametrize(("n", "taken"), [(6, "c"), (40, "b"), (99, "b"), (100, "a"), (1000, "a")])
def test_few_validation_windows_tell_no_small_differences_apart(n: int, taken: str) -> None:
    """Standard errors at 0.9: 0.15 of 6 windows, 0.05 of 40, 0.03 of 99."""
    found, train, _ = _fake({"a": 0.9, "b": 0.88, "c": 0.8})
    assert choice.choose(found, train, 5.0, n).chosen == Chosen(
        taken, "validation", 5.0, {"a": 0.9, "b": 0.88, "c": 0.8}
    )
    found, train, _ = _fake({"a": 1.0, "b": 0.6, "c": 1.0})
    assert choice.choose(found, train, 5.0, n).chosen.name == "c"  # type: ignore[union-attr]


def test_without_validation_labels_the_last_is_trained_alone() -> None:
    found, train, trained = _fake({"a": 0.5, "b": 0.7, "c": 0.1})
    model = choice.choose(found, train, 5.0, 0)
    assert trained == ["c"]
    assert model.chosen == Chosen("c", "labels", 5.0, {})


def test_each_candidate_names_its_epochs() -> None:
    found, train, _ = _fake({"a": 0.9, "b": 0.7})
    told: list[dict[str, Any]] = []
    model = choice.choose(found, train, 5.0, on_epoch=told.append)
    assert [record["stage"] for record in told] == ["finetune: a", "finetune: b"]
    # seconds of all count, and those of the one taken are told apart
    assert [record["stage"] for record in model.records] == ["choice", "finetune"]


def test_few_labels_bring_their_own_candidate(made: Any) -> None:
    encoder, w, split = made
    y = np.array(w.y)
    some = split.train[splits.k_per_class(y[split.train], 2, 0)]
    y[np.setdiff1d(split.train, some)] = -1
    chosen = finetune(encoder, replace(w, y=y), split).chosen
    assert chosen is not None
    assert list(chosen.scores) == ["short", "long", "few"]
    assert chosen.labels == 2


def test_a_frozen_encoder_leaves_out_what_would_train_it() -> None:
    recipe = tiny.recipe(choice=CHOICES)
    assert list(choice.candidates(recipe, 24, frozen=True)) == ["short", "long"]


def test_an_encoder_to_be_trained_leaves_out_what_would_freeze_it() -> None:
    trained = {"name": "end to end", "head": "linear", "encoder": "trained"}
    assert list(choice.candidates(tiny.recipe(choice=[*CHOICES, trained]), 24, frozen=False)) == ["end to end"]
    assert list(choice.candidates(tiny.recipe(choice=CHOICES), 24, frozen=False)) == ["short", "long"]


def test_a_bundle_keeps_the_choice(made: Any, tmp_path: Path) -> None:
    model = finetune(*made)
    folder = bundle.save(model, tmp_path / "model")
    assert bundle.load_model(folder, "cpu").chosen == model.chosen
    assert bundle.read_card(folder)["choice"]["name"] == "long"


def test_a_stopped_choice_goes_on(made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otolith.training.state.EVERY_S", 0.0)
    encoder, w, split = made
    whole = finetune(encoder, w, split)

    class Stopped(Exception):
        pass

    def stop(record: dict[str, Any]) -> None:
        if record["stage"] == "finetune: long" and record["epoch"] == 5:
            raise Stopped

    with pytest.raises(Stopped):
        finetune(encoder, w, split, checkpoints=tmp_path, on_epoch=stop)
    assert len(list(tmp_path.glob("finetune-*"))) == 2
    again = finetune(encoder, w, split, checkpoints=tmp_path)
    assert again.chosen == whole.chosen
    np.testing.assert_array_equal(again.predict_proba(w.x), whole.predict_proba(w.x))
    assert evaluate(again, w, split) == evaluate(whole, w, split)


def test_a_supervised_encoder_that_is_frozen_has_the_same_choice() -> None:
    w = tiny.windows()
    split = splits.holdout(w, 0)
    encoder = pretrain(w, split, tiny.recipe(choice=CHOICES), "supervised", device="cpu")
    assert finetune(encoder, w, split).chosen is None
    frozen = finetune(encoder, w, split, frozen=True)
    assert frozen.chosen is not None
    assert list(frozen.chosen.scores) == ["short", "long"]
