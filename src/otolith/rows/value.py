"""A result row, and the canonical text by which keys and recipes are compared. Standard library only."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from otolith.errors import DataError

SCHEMA = 1
"""Version of the row format that this library writes and reads."""


@dataclass(frozen=True)
class Row:
    """One result: `key`, `result` and `meta` are made of JSON values only.

    Construction brings numpy scalars and tuples into JSON form, so that a row equals itself after writing and reading.

    Raises:
        DataError: NaN or infinity, a name that is not a string, another type, or an absolute path in `key` or `meta`:
            rows are shared, and paths tell about a machine and its user.

    >>> Row({"k": (1, 5)}, {"macro_f1": 0.5}).key
    {'k': [1, 5]}
    """

    key: dict[str, Any]
    result: dict[str, Any]
    meta: dict[str, Any] = field(default_factory=dict)
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        for name in ("key", "result", "meta"):
            value = plain(getattr(self, name), name, paths=name == "result")
            if not isinstance(value, dict):
                raise DataError(f"a row's {name} is a {type(value).__name__}; expected a mapping of names to values")
            object.__setattr__(self, name, value)


def plain(value: Any, where: str, *, paths: bool = True) -> Any:
    """Return `value` in JSON types, or raise a DataError that names `where` it is; `paths` admits absolute paths."""
    if hasattr(value, "tolist"):  # numpy scalars and arrays, without importing numpy
        value = value.tolist()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise DataError(f"{where} is an integer of more than 64 bits; a row holds smaller ones")
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise DataError(f"{where} is {value}; a row holds finite numbers only. Leave out what is not defined")
        return value
    if isinstance(value, str):
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            raise DataError(f"{where} is {value!r}, which is not valid Unicode text; write it anew in UTF-8")
        if not paths and (PurePosixPath(value).is_absolute() or PureWindowsPath(value).is_absolute()):
            raise DataError(f"{where} is an absolute path ({value!r}); rows are shared, so give a name instead")
        return value
    if isinstance(value, Mapping):
        for name in value:
            if not isinstance(name, str):
                raise DataError(f"{where} has the name {name!r}; expected strings, as JSON has no others")
            plain(name, f"a name in {where}")
        return {name: plain(item, f"{where}.{name}", paths=paths) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, f"{where}[{i}]", paths=paths) for i, item in enumerate(value)]
    raise DataError(f"{where} is a {type(value).__name__}; expected numbers, strings, lists and mappings")


def canonical(value: Mapping[str, Any]) -> str:
    """Return the one JSON text of a mapping in any order: names sorted, no spaces.

    Raises:
        DataError: NaN, or values that JSON does not have.

    >>> canonical({"b": 1, "a": (True, None)})
    '{"a":[true,null],"b":1}'
    """
    text = plain(value, "value")
    return json.dumps(text, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def check_of(row: Row) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of a row's canonical JSON, which a changed line has not."""
    text = canonical({"key": row.key, "result": row.result, "meta": row.meta})
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def recipe_hash(recipe: Mapping[str, Any]) -> str:
    """Return the first 12 hexadecimal digits of the SHA-256 of a resolved recipe's canonical JSON.

    >>> recipe_hash({})
    '44136fa355b3'
    """
    return hashlib.sha256(canonical(recipe).encode()).hexdigest()[:12]


def key_hash(key: Mapping[str, Any]) -> str:
    """Return the same digest of a row's key: a short name for its cell, usable as a file name.

    >>> key_hash({"seed": 0}) == key_hash({"seed": 1})
    False
    """
    return recipe_hash(key)


CONTENT = ("data", "source_data", "unlabelled_data")
"""Parts of a key that say by digests what its data sets hold. Rows from before have none, and name data sets alone."""


def without_content(key: Mapping[str, Any]) -> dict[str, Any]:
    """Return a key as rows had it before they told data sets of one name apart.

    >>> without_content({"dataset": "walks", "data": "3fa2"})
    {'dataset': 'walks'}
    """
    return {name: value for name, value in key.items() if name not in CONTENT}


def is_among(key: Mapping[str, Any], hashes: Container[str]) -> bool:
    """Tell whether a row of this key, or one from before keys named content, is among those with these `key_hash`es.

    >>> is_among({"seed": 0, "data": "3fa2"}, {key_hash({"seed": 0})}), is_among({"seed": 0}, {key_hash({"seed": 1})})
    (True, False)
    """
    return key_hash(key) in hashes or key_hash(without_content(key)) in hashes


def find(rows: Iterable[Row], key: Mapping[str, Any]) -> Row | None:
    """Return the row with exactly this key, the last one if there are several, or None.

    Where there is none, one from before keys named the content of data sets is taken.

    >>> find([Row({"seed": 0}, {"macro_f1": 0.5})], {"seed": 0}).result
    {'macro_f1': 0.5}
    """
    found = list(rows)[::-1]
    wanted = plain(key, "key")
    before = without_content(wanted)
    return next((row for each in (wanted, before) for row in found if row.key == each), None)


def latest(rows: Iterable[Row]) -> list[Row]:
    """Return one row for each key, the last one written, in the order in which the keys first came.

    >>> [row.result for row in latest([Row({}, {"a": 1}), Row({}, {"a": 2})])]
    [{'a': 2}]
    """
    return list({key_hash(row.key): row for row in rows}.values())
