"""Recipes: everything that decides what a run does, in strict TOML.

`sections` has the schema, `loading` reads a recipe by name or from a file and replaces values, `explaining` says in
words what is wrong with one. `default` holds the two recipes that ship with the package, `paper` and `compact`; a data
set names the values in which it differs from them in its own file (`DatasetInfo.recipes`).
"""

from otolith.recipes.loading import SHIPPED, load_recipe, parse_override
from otolith.recipes.sections import Recipe

__all__ = ["SHIPPED", "Recipe", "load_recipe", "parse_override"]
