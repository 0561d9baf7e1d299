"""Values of a recipe that `otolith finetune` replaces."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from otolith import splits
from otolith.errors import RecipeError
from otolith.jobs.finetune import with_labels_of, with_values
from otolith.pipeline import pretrain
from otolith.recipes import Recipe, load_recipe
from tests.helpers import tiny

CHOICES = [{"name": "one", "epochs": 2}, {"name": "other", "epochs": 3}]


@pytest.fixture(scope="module")
def encoder() -> Any:
    w = tiny.windows()
    return pretrain(w, splits.holdout(w, 0), tiny.recipe(choice=CHOICES), "random", device="cpu")


def test_values_of_fine_tuning_take_the_choice_away(encoder: Any) -> None:
    found = with_values(encoder, {"finetune.epochs": 7}).recipe
    assert found.choice == ()
    assert found.finetune.epochs == 7


def test_choices_that_are_named_stay(encoder: Any) -> None:
    found = with_values(encoder, {"finetune.batch_size": 7, "choice.1.epochs": 9}).recipe
    assert [way.epochs for way in found.candidates(10).values()] == [2, 9]
    assert {way.batch_size for way in found.candidates(10).values()} == {7}
    assert with_values(encoder, {"choice": []}).recipe.choice == ()
    assert len(with_values(encoder, {}).recipe.choice) == 2


def test_values_of_the_trees_that_vote_may_be_replaced(encoder: Any) -> None:
    found = with_values(encoder, {"method.classical.trees": 7}).recipe
    assert found.settings_of("classical").trees == 7
    assert len(found.choice) == 2


def test_what_is_past_is_refused(encoder: Any) -> None:
    with pytest.raises(RecipeError, match="the encoder is there already"):
        with_values(encoder, {"pretrain.epochs": 7})
    with pytest.raises(RecipeError, match=r"finetune or choice or method\.classical can be replaced"):
        with_values(encoder, {"method.dynamic.high": 0.5})


def test_another_recipe_says_how_labels_are_used(encoder: Any) -> None:
    given = tiny.recipe(finetune__epochs=9, pretrain__epochs=77, method__classical__trees=5)
    found = with_labels_of(encoder, given).recipe
    assert (found.finetune.epochs, found.choice, found.settings_of("classical").trees) == (9, (), 5)
    assert found.pretrain == encoder.recipe.pretrain


def test_votes_of_best_see_joined_features_on_encoders_of_other_recipes(encoder: Any) -> None:
    best = load_recipe("best", "own")

    def features(of: Any, given: Recipe) -> list[str]:
        found = with_labels_of(of, given).recipe
        return [each.settings(found.finetune).features for each in found.choice]

    own = replace(encoder, recipe=best)
    assert features(own, best) == ["joined", "joined", "learned", "learned"]
    assert features(encoder, best) == ["joined", "joined", "joined", "learned"], "the last trains the encoder"
    named = load_recipe("best", "own", {"choice.1.features": "learned"})
    assert features(encoder, named) == ["joined", "learned", "learned", "learned"]
