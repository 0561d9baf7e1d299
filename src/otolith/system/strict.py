"""JSON and TOML from outside, parsed strictly: whatever no file of ours holds is a ValueError."""

from __future__ import annotations

import json
import math
import tomllib
from typing import Any, NoReturn


def json_value(content: bytes | str) -> Any:
    """Return the value of a JSON text in UTF-8.

    Raises:
        ValueError: it is not JSON, nested too deeply, a number that is not finite or too long, or invalid characters
            (lone surrogates, which no page or terminal can show).
    """
    text = content.decode("utf-8") if isinstance(content, bytes) else content
    try:
        value = json.loads(text, parse_constant=_refuse, parse_float=_finite, parse_int=_short)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if "\\u" in text:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    return value


def toml_value(text: str) -> dict[str, Any]:
    """Return the tables of a TOML text.

    Raises:
        ValueError: it is not TOML, nested too deeply, or a number that is too long.
    """
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"it holds {name}, which is not a finite number")


def _short(text: str) -> int:
    value = int(text)
    if abs(value) > 10**300:  # no float can follow it, nor the sum of some
        raise ValueError(f"it holds a number of {len(text)} digits")
    return value


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"it holds {text[:40]}, which is too large")
    return value
