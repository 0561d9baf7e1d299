"""Recipes by name or from a file, with the values that a data set and the user replace."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from otolith import datasets
from otolith.errors import RecipeError, unknown
from otolith.recipes.explaining import explain
from otolith.recipes.sections import Recipe
from otolith.system.reading import read_text
from otolith.system.strict import toml_value

SHIPPED = ("best", "compact", "paper", "portable")


def shipped_text(name: str) -> str:
    """Return the TOML text of a shipped recipe, before any data set's own values.

    Raises:
        RecipeError: no recipe has that name; suggests the nearest.
    """
    if name not in SHIPPED:
        raise RecipeError(unknown("recipe", name, SHIPPED) + ", or the path of a TOML file")
    return (resources.files("otolith.recipes") / "default" / f"{name}.toml").read_text(encoding="utf-8")


def load_recipe(
    recipe: str | Path | Recipe, dataset: str = "arrays", overrides: Mapping[str, Any] | None = None
) -> Recipe:
    """Return a recipe by name, from a TOML file, or as it is, with some values replaced.

    Args:
        recipe: "best", "compact", "paper", "portable", the path of a TOML file, or a recipe.
        dataset: a shipped recipe takes that data set's own values (`DatasetInfo.recipes`); default: of none, as for
            windows in arrays.
        overrides: values by dotted key, as in {"pretrain.epochs": 5, "augment.0.sigma": 0.3}. Values of `[finetune]`
            are meant to hold, so that the recipe's choices go unless they are named, too.

    Raises:
        RecipeError: unknown name, key or value, with the nearest known one.

    >>> load_recipe("paper", "usc-had", {"pretrain.epochs": 5}).encoder.blocks
    10
    >>> load_recipe("compact").windows.rate_hz
    30.0
    """
    own: Mapping[str, Any] = {}
    if isinstance(recipe, Recipe):
        tree, origin = recipe.as_dict(), "the recipe"
    else:
        if Path(recipe).suffix == ".toml":
            text, origin = _text_of(Path(recipe)), str(recipe)
        else:
            text, origin = shipped_text(str(recipe)), f"recipe {recipe} of {dataset}"
            if dataset in datasets.names():
                own = deepcopy(dict(datasets.info(dataset).recipes.get(str(recipe), {})))
        try:
            tree = toml_value(text)
        except ValueError as error:
            raise RecipeError(f"{origin} is not valid TOML: {error}. Correct that place.") from None
    for key, value in own.items():
        _set(tree, key, value, origin)
    given = dict(overrides or {})
    if any(key.startswith("finetune.") for key in given) and not any(key.startswith("choice") for key in given):
        tree.pop("choice", None)
    for key, value in given.items():
        _set(tree, key, value, origin)
    try:
        return Recipe.model_validate(tree)
    except ValidationError as error:
        raise RecipeError(explain(error, origin, Recipe)) from None


def _text_of(path: Path) -> str:
    if not path.is_file():
        raise RecipeError(f"there is no recipe file {path}; give its path, or one of {', '.join(SHIPPED)}")
    try:
        return read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"recipe file {path} cannot be read: {error}. Give a text file in UTF-8.") from None


def parse_override(text: str) -> tuple[str, Any]:
    """Return key and value of what follows `--set`: the value is TOML, and a bare word is a string.

    Raises:
        RecipeError: no equals sign or no key.

    >>> parse_override("pretrain.epochs=5"), parse_override("pretrain.optimizer=larc")
    (('pretrain.epochs', 5), ('pretrain.optimizer', 'larc'))
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise RecipeError(f"--set takes key=value, such as pretrain.epochs=5; got {text!r}")
    try:
        return key.strip(), toml_value(f"value = {value}")["value"]
    except ValueError:
        return key.strip(), value.strip()


def _set(tree: dict[str, Any], key: str, value: Any, origin: str) -> None:
    """Replace one value of nested tables and lists."""
    *parents, last = key.split(".")
    node: Any = tree
    for parent in parents:
        if isinstance(node, list):
            node = node[_index(node, parent, key, origin)]
        elif isinstance(node, dict):
            node = node.setdefault(parent, {})
    if isinstance(node, list):
        node[_index(node, last, key, origin)] = value
    elif isinstance(node, dict):
        node[last] = value
    else:
        raise RecipeError(f"{key}: {'.'.join(parents)} is a value in {origin}, not a section")


def _index(entries: list[Any], text: str, key: str, origin: str) -> int:
    if not text.isdecimal() or int(text) >= len(entries):
        raise RecipeError(f"{key}: {origin} has entries 0 to {len(entries) - 1} there, not {text!r}")
    return int(text)
