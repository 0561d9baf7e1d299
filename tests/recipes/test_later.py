"""Settings that came later: absent from hashes and files at their defaults, wherever they stand."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from otolith.recipes import Recipe, later, load_recipe, sections

COMPACT_AT_FIRST: dict[str, Any] = {
    "pretrain.epochs": 40,
    "finetune.pool": False,
    "finetune.standardise": False,
    "finetune.head": "mlp",
    "finetune.solver": "adam",
    "finetune.penalty": 1.0,
}
"""What `compact` was when the first rows were written, where it is something else today."""


LATER_PLACES = [
    ("windows.sensors", ["acc"]),
    ("robust.copies", 2),
    ("encoder.kind", "conv"),
    ("encoder.width", 64),
    ("finetune.standardise", True),
    ("finetune.penalty", 2.0),
    ("method.supervised.label_smoothing", 0.1),
]


@pytest.mark.parametrize(("key", "value"), LATER_PLACES)
def test_a_later_setting_is_in_the_hash_only_where_it_differs_from_its_default(
    key: str, value: Any, tmp_path: Path
) -> None:
    usual = load_recipe("paper", "uci-har")
    *tables, name = key.split(".")
    node: Any = usual
    for table in tables:
        node = node[table] if isinstance(node, dict) else getattr(node, table)
    same = load_recipe("paper", "uci-har", {key: getattr(node, name)})
    assert same.hash == usual.hash
    assert f"{name} = " not in same.to_toml()
    other = load_recipe("paper", "uci-har", {key: value})
    assert other.hash != usual.hash
    left = other.as_dict()
    for table in tables:
        left = left[table]
    assert left[name] == value
    path = tmp_path / "mine.toml"
    path.write_text(other.to_toml(), encoding="utf-8")
    assert load_recipe(path, "uci-har") == other


def test_hashes_of_rows_before_the_later_settings_stay() -> None:
    assert load_recipe("paper", "uci-har").hash == "9e83704b1573"
    for name, expected in (("uci-har", "9958f1f8ac48"), ("usc-had", "9c0f668d8e23"), ("watch", "0bcca127d877")):
        assert load_recipe("compact", name, COMPACT_AT_FIRST).hash == expected


def test_a_later_setting_is_left_out_at_any_depth_and_in_subclasses() -> None:
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class FinetuneSettings(sections.FinetuneSettings):
        penalty: float = 3.0
        own: int = 0

    tables = [{"one": FinetuneSettings(solver="adam")}, {"two": FinetuneSettings(penalty=1.0)}]
    plain = [{name: dataclasses.asdict(table) for name, table in entry.items()} for entry in tables]
    found = later.without_later(tables, plain)
    assert "penalty" not in found[0]["one"]
    assert found[1]["two"]["penalty"] == 1.0
    assert found[0]["one"]["own"] == 0
    assert {"standardise", "solver"}.isdisjoint(found[1]["two"])


def test_every_later_setting_exists() -> None:
    kinds = {kind.__name__: kind for kind in _kinds_of_tables(load_recipe("paper", "uci-har"))}
    for name, settings in later.LATER.items():
        assert set(settings) <= set(_fields(kinds[name])), name


def _kinds_of_tables(value: Any) -> Iterator[type]:
    if isinstance(value, dict):
        for part in value.values():
            yield from _kinds_of_tables(part)
    elif isinstance(value, Recipe) or dataclasses.is_dataclass(value) or isinstance(value, sections.Section):
        yield type(value)
        for name in _fields(type(value)):
            yield from _kinds_of_tables(getattr(value, name))


def _fields(kind: Any) -> list[str]:
    return list(kind.model_fields) if hasattr(kind, "model_fields") else [f.name for f in dataclasses.fields(kind)]
