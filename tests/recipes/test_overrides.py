"""Single values of a recipe that are replaced, in Python and on the command line."""

from __future__ import annotations

from typing import Any

import pytest

from otolith.errors import RecipeError
from otolith.recipes import load_recipe, parse_override


def test_overrides_reach_tables_lists_and_entries() -> None:
    recipe = load_recipe(
        "compact",
        "uci-har",
        {
            "pretrain.epochs": 5,
            "encoder.maps": [8, 8, 16],
            "finetune.hidden.0": 7,
            "augment.0.sigma": 0.3,
            "autoencoder.train.lr": 2e-3,
            "method.dynamic.positive_pairs": "views",
            "windows.unlabelled": True,
        },
    )
    assert recipe.pretrain.epochs == 5
    assert recipe.encoder.maps == (8, 8, 16)
    assert recipe.finetune.hidden == (7, 128)
    assert recipe.as_dict()["augment"][0]["sigma"] == 0.3
    assert recipe.autoencoder.train.lr == 2e-3
    assert recipe.settings_of("dynamic").positive_pairs == "views"
    assert recipe.windows.unlabelled
    untouched = load_recipe("compact", "uci-har")
    assert untouched.encoder.maps == (32, 64, 128)
    assert recipe.finetune.epochs == untouched.finetune.epochs


def test_overrides_apply_to_a_recipe_object_and_leave_it() -> None:
    recipe = load_recipe("compact", "uci-har")
    other = load_recipe(recipe, "uci-har", {"pretrain.epochs": 5})
    assert other.pretrain.epochs == 5
    assert recipe.pretrain.epochs != 5
    assert load_recipe(recipe, "anything") == recipe


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pretrain.epochs=5", ("pretrain.epochs", 5)),
        (" pretrain.lr = 1e-3 ", ("pretrain.lr", 1e-3)),
        ("encoder.maps=[8, 8, 16]", ("encoder.maps", [8, 8, 16])),
        ("windows.unlabelled=true", ("windows.unlabelled", True)),
        ("pretrain.optimizer=larc", ("pretrain.optimizer", "larc")),
        ('pretrain.optimizer="larc"', ("pretrain.optimizer", "larc")),
        ("augment.0.name=time-warp", ("augment.0.name", "time-warp")),
        ("a=b=c", ("a", "b=c")),
    ],
)
def test_overrides_from_the_command_line(text: str, expected: tuple[str, Any]) -> None:
    assert parse_override(text) == expected


@pytest.mark.parametrize("text", ["pretrain.epochs", "=5", " =5", ""])
def test_an_override_without_key_or_value_is_refused(text: str) -> None:
    with pytest.raises(RecipeError, match="--set takes key=value"):
        parse_override(text)
