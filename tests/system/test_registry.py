"""The registry: what it finds, in which order, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from otolith.errors import OtolithError, RecipeError
from otolith.system.registry import Registry

SHAPE = "from types import SimpleNamespace\n"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An importable package `shapes2` with one entry as SPEC, two as SPECS, and one that registers itself."""
    folder = tmp_path / "shapes2"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "from otolith.errors import RecipeError\n"
        "from otolith.system.registry import Registry\n"
        "REGISTRY = Registry('shape', __name__, RecipeError)\n"
    )
    (folder / "circle.py").write_text(SHAPE + "SPEC = SimpleNamespace(name='circle')\n")
    (folder / "many.py").write_text(SHAPE + "SPECS = [SimpleNamespace(name=n) for n in ('square', 'cube')]\n")
    (folder / "own.py").write_text(
        "from shapes2 import REGISTRY\n@REGISTRY.register\nclass Ball:\n    name = 'ball'\nSPEC = Ball\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield "shapes2"
    for name in [name for name in sys.modules if name.split(".")[0] == "shapes2"]:
        del sys.modules[name]


def registry(package: str) -> Registry[Any]:
    found: Registry[Any] = __import__(package).REGISTRY
    return found


def test_the_files_of_a_package_are_found_and_sorted(package: str) -> None:
    shapes = registry(package)
    assert shapes.names() == ["ball", "circle", "cube", "square"]
    assert shapes.get("circle").name == "circle"
    assert "circle" in shapes
    assert "cirle" not in shapes
    with pytest.raises(RecipeError, match="unknown shape 'cirle'; did you mean 'circle'"):
        shapes.get("cirle")


def test_entries_keep_the_order_that_was_asked_for() -> None:
    shapes: Registry[Any] = Registry("shape", None, OtolithError, order=lambda shape: shape.size)
    for name, size in (("a", 3), ("b", 1), ("c", 2)):
        shapes.register(SimpleNamespace(name=name, size=size))
    assert shapes.names() == ["b", "c", "a"]


def test_a_file_from_anywhere_is_added_and_forgotten(package: str, tmp_path: Path) -> None:
    shapes, path = registry(package), tmp_path / "star.py"
    path.write_text(SHAPE + "SPEC = SimpleNamespace(name='star2', corners=5)\n")
    with shapes.preserved():
        assert shapes.add_file(path) == ["star2"]
        assert shapes.get("star2").corners == 5
        path.write_text(SHAPE + "SPEC = SimpleNamespace(name='star2', corners=50)\n")
        assert shapes.add_file(str(path)) == ["star2"]
        assert shapes.get("star2").corners == 50
    assert "star2" not in shapes


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("SPEC = SimpleNamespace(name='circle')", ValueError, "two shapes are named 'circle'.*rename"),
        ("SPECS = [SimpleNamespace(name='a'), SimpleNamespace(name='a')]", ValueError, "two shapes are named 'a'"),
        ("import shapes2\nfor _ in 'ab':\n    shapes2.REGISTRY.register(SimpleNamespace(name='a'))", ValueError, "'a'"),
        ("x = 1", RecipeError, "star.py holds no shape: expected a SPEC"),
        ("x = ", RecipeError, "star.py cannot be loaded as a shape: SyntaxError"),
        ("import nothing_of_that_name", RecipeError, "star.py cannot be loaded as a shape: ModuleNotFoundError"),
    ],
)
def test_a_file_that_cannot_be_used_changes_nothing(
    package: str, tmp_path: Path, text: str, error: type[Exception], message: str
) -> None:
    shapes, path = registry(package), tmp_path / "star.py"
    before = list(shapes)
    path.write_text(SHAPE + text + "\n")
    with pytest.raises(error, match=message):
        shapes.add_file(path)
    assert list(shapes) == before


def test_a_file_that_is_not_there_is_named(package: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"nowhere.py cannot be loaded as a shape: FileNotFoundError"):
        registry(package).add_file(tmp_path / "nowhere.py")


def test_a_package_that_cannot_be_imported_says_so_each_time(package: str, tmp_path: Path) -> None:
    (tmp_path / package / "broken.py").write_text("import nothing_of_that_name\n")
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError):
            registry(package).names()


def test_two_entries_of_one_name_are_refused() -> None:
    shapes: Registry[Any] = Registry("shape", None, OtolithError)
    first = shapes.register(SimpleNamespace(name="circle"))
    with pytest.raises(ValueError, match="two shapes are named 'circle'"):
        shapes.register(SimpleNamespace(name="circle"))
    assert shapes.get("circle") is first


def test_the_registry_needs_no_torch() -> None:
    code = "import sys; sys.modules['torch'] = None; import otolith.system.registry"
    subprocess.run([sys.executable, "-c", code], check=True)
