"""Choices of a recipe: what they replace, for how many labels they stand, and the errors of wrong ones."""

from __future__ import annotations

from typing import Any

import pytest

from otolith.errors import RecipeError
from otolith.finetuning.settings import FinetuneSettings
from otolith.recipes import Recipe, load_recipe
from otolith.recipes.choices import Choice, candidates
from tests.helpers import tiny

TWO = [
    {"name": "few", "most": 10, "head": "linear", "epochs": 3},
    {"name": "many", "least": 5, "hidden": [8]},
]


def recipe(choices: list[dict[str, Any]] | None = None) -> Recipe:
    return tiny.recipe(choice=TWO if choices is None else choices)


@pytest.mark.parametrize(
    ("labels", "names"),
    [(1, ["few"]), (4.9, ["few"]), (5, ["few", "many"]), (10, ["few", "many"]), (10.5, ["many"]), (1e5, ["many"])],
)
def test_those_in_range_stand_in_the_recipes_order(labels: float, names: list[str]) -> None:
    assert list(recipe().candidates(labels)) == names


def test_the_nearest_stands_where_none_is_in_range() -> None:
    apart = [Choice(name="few", most=3), Choice(name="many", least=50)]
    assert list(candidates(apart, FinetuneSettings(), 20)) == ["few"]
    assert list(candidates(apart, FinetuneSettings(), 45)) == ["many"]


def test_a_choice_replaces_what_it_names_and_nothing_else() -> None:
    given = recipe()
    few = given.candidates(1)["few"]
    assert (few.head, few.epochs) == ("linear", 3)
    assert (few.lr, few.hidden) == (given.finetune.lr, given.finetune.hidden)
    assert given.candidates(100)["many"].hidden == (8,)


def test_values_that_are_set_hold_and_take_the_choices_away() -> None:
    assert len(load_recipe("best", "uci-har", {"pretrain.epochs": 3}).choice) > 1
    found = load_recipe("best", "uci-har", {"finetune.penalty": 7.0})
    assert (found.choice, found.finetune.penalty) == ((), 7.0)
    named = load_recipe("best", "uci-har", {"finetune.penalty": 7.0, "choice.0.penalty": 8.0})
    assert len(named.choice) == len(load_recipe("best", "uci-har").choice)
    assert named.choice[0].settings(named.finetune).penalty == 8.0


def test_a_recipe_without_choices_has_its_finetune_section_alone() -> None:
    plain = recipe([])
    assert plain.candidates(7) == {"": plain.finetune}


def test_choices_are_part_of_the_hash_and_their_absence_is_not() -> None:
    plain, chosen = tiny.recipe(), recipe()
    assert recipe([]).hash == plain.hash != chosen.hash
    assert "choice" not in plain.as_dict()
    assert recipe([*reversed(TWO)]).hash != chosen.hash  # the first of equals is taken


def test_a_recipe_with_choices_comes_back_from_its_toml(tmp_path: Any) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(recipe().to_toml(), "utf-8")
    again = load_recipe(path, "own")
    assert again.hash == recipe().hash
    assert again.candidates(100) == recipe().candidates(100)


def test_one_value_of_a_choice_is_set_by_its_number() -> None:
    path = recipe()
    changed = load_recipe(path, "own", {"choice.1.hidden": [4, 4]})
    assert changed.candidates(100)["many"].hidden == (4, 4)
    assert load_recipe(path, "own", {"choice": []}).candidates(100) == {"": path.finetune}


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ([{"name": "few", "epoch": 3}], r"choice\.0\.epoch: unknown key 'epoch'; did you mean 'epochs'"),
        ([{"name": "few", "epochs": 0}], r"choice\.0.*expected epochs >= 1"),
        ([{"name": "few", "epochs": "many"}], r"choice\.0\.epochs"),
        ([{"name": "few"}, {"name": "few"}], "two are called 'few'"),
        ([{"name": "few", "least": 9, "most": 3}], "expected least <= most"),
        ([{"least": 9}], r"choice\.0\.name is missing"),
        ([{"name": "few", "augment": [{"name": "jiter"}]}], "unknown augmentation 'jiter'; did you mean 'jitter'"),
        ([{"name": "few", "augment": [{"name": "jitter", "sgma": 1}]}], r"choice\.0\.augment: unknown option.*'sgma'"),
    ],
)
def test_wrong_choices_are_refused_in_words(choices: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(RecipeError, match=f"(?s){message}"):
        recipe(choices)
