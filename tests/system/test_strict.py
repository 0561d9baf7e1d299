"""What comes from outside as JSON or TOML holds nothing that arithmetic or pages choke on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otolith.system.strict import json_value, toml_value

PLAIN = st.none() | st.booleans() | st.integers(-(10**300), 10**300) | st.floats(allow_nan=False, allow_infinity=False)


@given(st.recursive(PLAIN | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=9))
def test_what_is_sound_comes_back(value: Any) -> None:
    assert json_value(json.dumps(value)) == value
    assert json_value(json.dumps(value, ensure_ascii=False).encode()) == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("NaN", "NaN, which is not a finite number"),
        ("[-Infinity]", "-Infinity"),
        ("1e999", "1e999, which is too large"),
        ('{"a": 1' + "0" * 301 + "}", "a number of 302 digits"),
        ("9" * 5000, "digits"),
        ("[" * 100_000, "nested too deeply"),
        ('"\\ud800"', "surrogates"),
        ("{", "Expecting"),
    ],
)
def test_what_is_not_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        json_value(text)


def test_toml_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        toml_value("a = " + "[" * 100_000)
