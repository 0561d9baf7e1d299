"""The packages of the extra `onnx`, imported when they are needed."""

from __future__ import annotations

from typing import Any

from otolith.system import extras


def need(module: str) -> Any:
    """The module of that name.

    Raises:
        RecipeError: it is not installed; names the command that installs it.
    """
    return extras.need(module, "exporting", "onnx")
