"""Recipes in TOML and their strict schema."""

from otolith.recipes.schema import SHIPPED, Recipe, load_recipe, parse_override

__all__ = ["SHIPPED", "Recipe", "load_recipe", "parse_override"]
