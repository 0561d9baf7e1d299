"""The hash of a recipe: short, heeding every value, and no order of keys."""

from __future__ import annotations

import copy
from typing import Any

from otolith.recipes import Recipe, load_recipe


def _reversed(tree: Any) -> Any:
    return {key: _reversed(tree[key]) for key in reversed(tree)} if isinstance(tree, dict) else tree


def test_the_hash_is_short_and_heeds_no_order_of_keys() -> None:
    recipe = load_recipe("compact", "uci-har")
    turned = _reversed(recipe.as_dict())
    assert list(turned) != list(recipe.as_dict())
    assert Recipe.model_validate(turned).hash == recipe.hash
    assert len(recipe.hash) == 12
    assert set(recipe.hash) <= set("0123456789abcdef")


def test_the_hash_heeds_the_order_of_augmentations() -> None:
    recipe = load_recipe("compact", "uci-har")
    tree = recipe.as_dict()
    tree["augment"].reverse()
    assert Recipe.model_validate(tree).hash != recipe.hash


OTHER_WORDS = {
    "optimizer": "lamb",
    "schedule": "cosine",
    "precision": "float32",
    "head": "linear",
    "positive_pairs": "views",
}


def _leaves(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(tree, dict):
        return [leaf for key, value in tree.items() for leaf in _leaves(value, (*path, key))]
    if isinstance(tree, list):
        return [leaf for key, value in enumerate(tree) for leaf in _leaves(value, (*path, key))]
    return [path]


def _other(key: Any, value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return OTHER_WORDS[key]
    if key == "kernel":
        return value + 2
    return value / 2 if isinstance(value, float) and value else value * 2 or 0.25


def test_the_hash_changes_with_every_value() -> None:
    recipe = load_recipe("paper", "uci-har")
    tree = recipe.as_dict()
    hashes = {recipe.hash}
    leaves = [leaf for leaf in _leaves(tree) if leaf[-1] != "name"]
    assert len(leaves) > 50
    for leaf in leaves:
        changed = copy.deepcopy(tree)
        node = changed
        for key in leaf[:-1]:
            node = node[key]
        node[leaf[-1]] = _other(leaf[-1], node[leaf[-1]])
        found = Recipe.model_validate(changed).hash
        assert found not in hashes, leaf
        hashes.add(found)


def test_the_hash_heeds_the_names_of_augmentations() -> None:
    one = load_recipe("paper", "uci-har", {"augment.2.name": "flip"})
    assert one.hash != load_recipe("paper", "uci-har").hash
