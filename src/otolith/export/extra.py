"""The packages of the extra `onnx`, imported when they are needed."""

from __future__ import annotations

import importlib
from typing import Any

from otolith.errors import RecipeError

EXTRA = 'python -m pip install "otolith[onnx]"'


def need(module: str) -> Any:
    """The module of that name.

    Raises:
        RecipeError: it is not installed; names the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise RecipeError(f"exporting needs {error.name}, which is not installed: {EXTRA}") from None
