"""Errors of validation in words: the key as `--set` would give it, and the nearest known one."""

from __future__ import annotations

import dataclasses
from typing import Any, get_type_hints

from pydantic import ValidationError

from otolith.errors import unknown


def explain(error: ValidationError, origin: str, model: Any, prefix: str = "") -> str:
    """Return all that is wrong with a recipe, one line for each problem.

    Args:
        error: what pydantic found.
        origin: names the recipe.
        model: the class that was validated.
        prefix: path of that class in the recipe, such as "method.dynamic.".
    """
    lines = [f"{origin} cannot be used:"]
    for problem in error.errors():
        *section, key = problem["loc"] or ("",)
        where = prefix + ".".join(str(part) for part in problem["loc"])
        if problem["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
            lines.append(f"  {where}: " + unknown("key", key, _known_keys(model, tuple(section))))
        elif problem["type"] == "missing":
            lines.append(f"  {where} is missing")
        elif problem["type"] == "value_error":  # our own checks, which say what came
            lines.append(f"  {where}: {problem['ctx']['error']}")
        else:
            lines.append(f"  {where}: {problem['msg']} (got {problem['input']!r})")
    if any(problem["type"] == "missing" for problem in error.errors()):
        lines.append("`otolith run --dry-run` prints a whole recipe to start from.")
    return "\n".join(lines)


def _known_keys(model: Any, path: tuple[Any, ...]) -> list[str]:
    for part in path:
        if not isinstance(model, type):
            return []
        model = get_type_hints(model).get(part)
    if dataclasses.is_dataclass(model):
        return [field.name for field in dataclasses.fields(model)]
    return list(getattr(model, "model_fields", {}))
