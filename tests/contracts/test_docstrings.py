"""Docstrings: their examples run, they open with what is done or given, and every public name has an example."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import re
from pathlib import Path

import pytest

from docs.architecture import SOURCE, files

RIDDLES = re.compile(r"(What|Where|Whether|Of|How|Who|Whom|Whose|Why|When|Which)\b")
"""First words that leave a reader to guess what a thing is."""

WITHOUT_EXAMPLE: dict[str, str] = {}
"""Public names without an example of their own, each with the reason."""

EXTRAS = {
    "cryptography",
    "huggingface_hub",
    "onnx",
    "onnxruntime",
    "onnxscript",
    "ray",
    "segno",
    "starlette",
    "uvicorn",
    "websockets",
}
"""Packages that only some commands need."""


def imported(module: str) -> object:
    """Return a module, or skip the test where a package of an extra is absent."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        if (error.name or "").split(".")[0] not in EXTRAS:
            raise
        pytest.skip(f"{module} needs {error.name}")


def docstrings(path: Path) -> list[tuple[int, str]]:
    """Return line and text of every string that stands as a statement: docstrings, and those of constants."""
    tree = ast.parse(path.read_text("utf-8"))
    statements = [node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)]
    return [(node.lineno, str(node.value)) for node in statements if isinstance(node, ast.Constant)]


def riddles() -> list[str]:
    """Return places of docstrings that open with one of the words of RIDDLES."""
    return [
        f"{path.relative_to(SOURCE)}:{line}: {text.strip().splitlines()[0]}"
        for path in files().values()
        for line, text in docstrings(path)
        if RIDDLES.match(text.strip())
    ]


def public() -> dict[str, object]:
    """Return every public function and class: those of the package, and of each room's `__all__`."""
    found: dict[str, object] = {}
    for name in [module for module, path in files().items() if path.name == "__init__.py" and module.count(".") < 2]:
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        for each in getattr(module, "__all__", ()):
            value = getattr(module, each)
            if inspect.isclass(value) or inspect.isfunction(value):
                found[f"{value.__module__}.{value.__qualname__}"] = value
    return found


def without_example() -> list[str]:
    """Return the public names whose docstring (of a class: with those of its methods) holds no example."""
    return sorted(name for name, value in public().items() if ">>>" not in _texts(value))


def _texts(value: object) -> str:
    parts = [value, *vars(value).values()] if inspect.isclass(value) else [value]
    return "".join(str(getattr(part, "__doc__", None) or "") for part in parts)


@pytest.mark.parametrize("module", [name for name, path in files().items() if ">>>" in path.read_text("utf-8")])
def test_examples_give_what_they_say(module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    runner = doctest.DocTestRunner(optionflags=flags)
    said: list[str] = []
    for example in doctest.DocTestFinder(exclude_empty=True).find(imported(module)):
        runner.run(example, out=said.append)
    assert not runner.failures, "".join(said)


def test_docstrings_open_with_what_is_done_or_given() -> None:
    assert not riddles()


def test_public_names_have_an_example() -> None:
    assert set(without_example()) == set(WITHOUT_EXAMPLE)
