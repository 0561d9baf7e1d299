"""Packages that only some commands need, imported when they do."""

from __future__ import annotations

import importlib
from typing import Any

from otolith.errors import RecipeError


def need(module: str, doing: str, extra: str) -> Any:
    """Import the module of that name. `doing` is what needs it ("exporting"), `extra` what brings it ("onnx").

    Raises:
        RecipeError: it is not installed; names the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise RecipeError(
            f'{doing} needs {error.name}, which is not installed: python -m pip install "otolith[{extra}]"'
        ) from None
