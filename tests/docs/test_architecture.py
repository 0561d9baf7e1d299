"""ARCHITECTURE.md against the source: the order of the rooms, the size of files, and the drawing of the imports."""

from __future__ import annotations

import ast

import pytest

from docs import architecture
from docs.architecture import Graph, cycles, files, imports, order, room

ROOMS = sorted({room(module) for module in files()} - {"otolith", "__main__"})
MOST_LINES = 300


def against(graph: Graph, allowed: list[str]) -> list[str]:
    """Return the imports of a module from a room that does not stand before its own."""
    place = {name: i for i, name in enumerate(allowed)}
    return [
        f"{module} imports {other}"
        for module, found in graph.items()
        for other in sorted(found)
        if room(module) in place
        and room(other) != room(module)
        and place.get(room(other), len(place)) > place[room(module)]
    ]


def test_every_room_has_its_place_in_the_order() -> None:
    assert sorted(order()) == ROOMS


def test_rooms_import_only_rooms_before_them() -> None:
    assert against(imports(), order()) == []


def test_parts_of_importing_import_only_parts_before_them() -> None:
    parts = order("importing")
    assert parts == [each for each in parts if (architecture.SOURCE / "importing" / each).is_dir()]
    head = "otolith.importing."
    graph = {
        f"otolith.{module.removeprefix(head)}": {f"otolith.{each.removeprefix(head)}" for each in found if part(each)}
        for module, found in imports().items()
        if part(module)
    }
    assert len({room(module) for module in graph}) == len(parts)
    assert against(graph, parts) == []


def part(module: str) -> bool:
    """Tell if a module is in one of the folders of `importing`."""
    return module.startswith("otolith.importing.") and files()[module].parent != architecture.SOURCE / "importing"


def test_an_import_against_the_order_is_seen() -> None:
    graph = {"otolith.windows.cutting": {"otolith.model", "otolith.recording", "otolith", "otolith.windows.value"}}
    assert against(graph, ["recording", "windows", "model"]) == [
        "otolith.windows.cutting imports otolith",
        "otolith.windows.cutting imports otolith.model",
    ]


@pytest.mark.parametrize("name", ROOMS)
def test_files_of_a_room_do_not_import_each_other_in_circles(name: str) -> None:
    own = {m: {d for d in found if room(d) == name} for m, found in imports().items() if room(m) == name}
    assert cycles(own) == []


def test_a_circle_is_seen() -> None:
    assert cycles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"d"}}) == [["b", "c"], ["d"]]


def test_every_room_says_what_lives_there() -> None:
    for name, path in files().items():
        if path.name == "__init__.py":
            assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), name


def test_long_files_give_a_reason() -> None:
    for name, path in files().items():
        lines = path.read_text("utf-8").splitlines()
        assert len(lines) <= MOST_LINES or "lines" in " ".join(lines[:10]), f"{name} has {len(lines)} lines"


def test_the_root_holds_at_most_eight_files() -> None:
    assert len(list(architecture.SOURCE.glob("*.py"))) <= 8


def test_the_drawing_is_that_of_the_imports() -> None:
    assert architecture.PAGE.read_text("utf-8") == architecture.page(), "run: python docs/architecture.py"
