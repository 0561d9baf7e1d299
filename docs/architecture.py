"""Draw the picture of ARCHITECTURE.md from the imports of the source:  python docs/architecture.py

Every import counts, also those inside functions and for type checkers only. A room is a folder of src/otolith, or a
file at its root. The order of the rooms stands in ARCHITECTURE.md and nowhere else.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "otolith"
PAGE = ROOT / "ARCHITECTURE.md"
BEGIN, END = "<!-- drawn by docs/architecture.py -->\n", "<!-- end of the drawing -->\n"
ANY = ("__version__",)
"""Names of the package itself that every room may import."""

Graph = dict[str, set[str]]
"""Each name and the names that it imports."""


def files() -> dict[str, Path]:
    """Return each module of the package, by its dotted name."""
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports() -> Graph:
    """Return the modules that each module imports from the package.

    `from otolith.windows import cut` is an import of `otolith.windows.cut` where that is a module, else of
    `otolith.windows`.
    """
    known = files()
    graph: Graph = {}
    for name, path in known.items():
        graph[name] = set()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                graph[name] |= {each.name for each in node.names if each.name in known}
            elif isinstance(node, ast.ImportFrom) and node.module in known:
                for each in node.names:
                    inner = f"{node.module}.{each.name}"
                    if node.module != "otolith" or each.name not in ANY:
                        graph[name].add(inner if inner in known else node.module)
    return graph


def room(module: str) -> str:
    """Return the room of a module: `windows` for `otolith.windows.cache`, `otolith` for the package itself."""
    return module.split(".")[1] if "." in module else module


def rooms() -> Graph:
    """Return the rooms that each room imports."""
    graph: Graph = {}
    for module, found in imports().items():
        own = room(module)
        graph.setdefault(own, set()).update({room(each) for each in found} - {own})
    return graph


def order(block_name: str = "order") -> list[str]:
    """Return the rooms in the order that ARCHITECTURE.md gives: each may import only rooms before it."""
    block = re.search(rf"```{block_name}\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert block is not None, f"ARCHITECTURE.md has no block ```{block_name}"
    return re.findall(r"\w+", block[1])


def cycles(graph: Graph) -> list[list[str]]:
    """Return the groups of names that import each other, directly or through others."""
    reached = {name: _reached(graph, name) for name in graph}
    groups = {frozenset(other for other in reached[name] if name in reached.get(other, ())) for name in graph}
    return sorted(sorted(group) for group in groups if group)


def _reached(graph: Graph, name: str) -> set[str]:
    found: set[str] = set()
    ahead = list(graph[name])
    while ahead:
        if (each := ahead.pop()) not in found:
            found.add(each)
            ahead += graph.get(each, ())
    return found


def lives(name: str) -> str:
    """Return the first sentence of a room's docstring."""
    path = SOURCE / name / "__init__.py"
    text = ast.get_docstring(ast.parse((path if path.is_file() else SOURCE / f"{name}.py").read_text("utf-8"))) or ""
    first = " ".join(text.split("\n\n")[0].split())
    return re.split(r"(?<=\.)\s+(?=[A-Z])", first)[0].rstrip(".").replace("|", "\\|")


def drawing() -> str:
    """Return the levels of the rooms, lowest last, and the table of what each imports, in Markdown."""
    graph = {name: found for name, found in rooms().items() if name not in ("otolith", "__main__")}
    in_order = [name for name in order() if name in graph]
    level: dict[str, int] = {}
    for name in in_order:
        level[name] = 1 + max((level[each] for each in graph[name] if each in level), default=-1)
    text = "```\n"
    for height in range(max(level.values()), -1, -1):
        text += f"{height:>2}  {'   '.join(name for name in in_order if level[name] == height)}\n"
    text += "```\n\n| room | what lives there | imports |\n|---|---|---|\n"
    for name in in_order:
        used = ", ".join(each for each in in_order if each in graph[name])
        text += f"| `{name}` | {lives(name)} | {used or 'nothing'} |\n"
    return text


def page() -> str:
    """Return ARCHITECTURE.md with the drawing of today's source."""
    text = PAGE.read_text("utf-8")
    before, rest = text.split(BEGIN)
    return before + BEGIN + drawing() + END + rest.split(END)[1]


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
