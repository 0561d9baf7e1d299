"""Layouts of a study: a file in TOML that answers once, for all recordings, what the options of an import answer.

Its keys are the options' names without dashes in front, `time-format` as well as `time_format`; a table `[activities]`
renames and merges activities as `--label-map` does. Paths in it count from its own folder.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from otolith.datasets.tables import read_bytes
from otolith.errors import DataError
from otolith.system.strict import toml_value

ACTIVITIES = "activities"
EXAMPLE = 'time = "t"\nacc = ["ax", "ay", "az"]\nacc-unit = "4096/g"\nlabel = "activity"'


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _columns(value: Any) -> tuple[str, ...] | None:
    several = value.split(",") if isinstance(value, str) else value
    if not isinstance(several, list) or not all(isinstance(each, str) for each in several):
        return None
    return tuple(each.strip() for each in several)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _path(value: Any) -> Path | None:
    return Path(value) if isinstance(value, str) and value else None


KEYS: dict[str, tuple[str, Callable[[Any], Any], str]] = {
    **{
        name: (name.replace("-", "_"), _text, "a text")
        for name in ("time", "place", "label", "recording", "subject-column", "subject", "time-unit", "time-format",
                     "acc-unit", "gyro-unit", "gravity", "timezone")
    },
    "read-as": ("format", _text, "a text"),
    "acc": ("acc", _columns, "three columns"),
    "gyro": ("gyro", _columns, 'three columns, or "none"'),
    "rate": ("rate_hz", _number, "a number"),
    "labels": ("labels", _path, "a path"),
    "label-map": ("label_map", _path, "a path"),
    "subject-folder": ("subject_folder", _flag, "true or false"),
    "keep-case": ("keep_case", _flag, "true or false"),
    "acc-only": ("acc_only", _flag, "true or false"),
    "yes": ("accept_guess", _flag, "true or false"),
}  # fmt: skip
"""Keys of a layout: the field of `ImportOptions`, what makes its value, and the value in words."""


def read_layout(path: Path) -> dict[str, Any]:
    """Return the fields of `ImportOptions` that a layout answers.

    Raises:
        DataError: it cannot be read, is no TOML, or has a key or a value of another kind; says which are known.

    >>> _ = Path("study.toml").write_text('time = "t"\\nacc = ["ax", "ay", "az"]\\nrate = 50\\n')
    >>> read_layout(Path("study.toml"))
    {'time': 't', 'acc': ('ax', 'ay', 'az'), 'rate_hz': 50.0}
    """
    try:
        given = toml_value(read_bytes(path).decode("utf-8"))
    except (ValueError, AttributeError) as error:
        raise DataError(f"{path}: is no layout in TOML ({error}). Write lines such as:\n{EXAMPLE}") from None
    found: dict[str, Any] = {}
    for key, value in dict(given).items():
        if key == ACTIVITIES and isinstance(value, dict):
            found["label_map"] = path
            continue
        name = str(key).replace("_", "-")
        if name not in KEYS:
            near = difflib.get_close_matches(name, KEYS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else "."
            raise DataError(f"{path}: has no key {key!r}{hint} It may have {', '.join(KEYS)} and a table [activities].")
        field, make, words = KEYS[name]
        made = make(value)
        if made is None:
            raise DataError(f"{path}: {key} is {value!r}, expected {words}.")
        found[field] = path.parent / made if isinstance(made, Path) else made
    return found
