"""Cells of the queue's list, and what the rows in the folders beside it say of them."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from otolith import datasets, methods, rows
from otolith.errors import DataError, OtolithError, unknown
from otolith.jobs.folder import file_name, recipe_title
from otolith.protocols import PROTOCOLS, ProtocolSpec
from otolith.recipes import Recipe, load_recipe
from otolith.rows import Row
from otolith.system.files import write
from otolith.system.reading import read_text
from otolith.system.strict import toml_value

ROWS = "rows.jsonl"
OWN = ("protocol", "datasets", "methods", "recipe", "seeds", "set")
"""Names in a table of the list; what else stands there is an option of its protocol."""

Place = tuple[Any, Any, Any]
"""Fold, k and draw: what tells the rows of one cell apart."""


@dataclass(frozen=True)
class Cell:
    """One method with one seed on one data set under a protocol and a recipe: the piece that the queue does as a whole.

    Attributes:
        recipe: name of a shipped recipe, or path of a TOML file.
        changes: values of the recipe that are replaced, by dotted key.
        options: of the protocol, as the list gives them; the others are its defaults.
    """

    protocol: str
    dataset: str
    method: str
    recipe: str
    seed: int
    changes: Mapping[str, Any]
    options: Mapping[str, Any]

    @property
    def spec(self) -> ProtocolSpec:
        """The description of the protocol."""
        return PROTOCOLS.get(self.protocol)

    @functools.cached_property
    def chosen(self) -> Any:
        """All options of the protocol."""
        kind = self.spec.options
        known = [field.name for field in dataclasses.fields(kind)]
        for name in self.options:
            if name not in known:
                raise DataError(unknown(f"option of {self.protocol}:", name, known))
        return kind(**{name: tuple(v) if isinstance(v, list) else v for name, v in self.options.items()})

    @functools.cached_property
    def source(self) -> str | None:
        """The data set that encoders are pre-trained on, where it is another."""
        return self.spec.source(self.chosen)

    @functools.cached_property
    def resolved(self) -> Recipe:
        """The recipe with all its values."""
        return _resolved(self.recipe, self.source or self.dataset, json.dumps(dict(self.changes)))

    @property
    def recipe_name(self) -> str:
        """The recipe's name in rows and folders."""
        return recipe_title(self.recipe, self.resolved, self.changes or None)

    @property
    def recipe_title(self) -> str:
        """The same for people: `compact, model=logistic`."""
        changed = [f"{name.rpartition('.')[2]}={value}" for name, value in self.changes.items()]
        return ", ".join([Path(self.recipe).stem, *changed])

    @property
    def folder(self) -> str:
        """The folder of the table that the rows stand in: `uci-har-transfer-from-mobifall-compact`."""
        parts = [self.dataset, self.protocol, *(["from", self.source] if self.source else []), self.recipe_name]
        return file_name("-".join(parts))

    @property
    def title(self) -> str:
        """For people, and for --only: `few-labels of uci-har, compact, dynamic, seed 0`."""
        origin = f" from {self.options['source']}" if "source" in self.options else ""
        changed = "".join(f" {name}={value}" for name, value in self.changes.items())
        more = "".join(f", {name} {value}" for name, value in self.options.items() if name != "source")
        recipe = Path(self.recipe).stem + changed
        return f"{self.protocol} of {self.dataset}{origin}, {recipe}, {self.method}, seed {self.seed}{more}"

    @functools.cached_property
    def places(self) -> frozenset[Place]:
        """The rows that the cell has when it is done."""
        chosen = dataclasses.asdict(self.chosen)
        folds = range(chosen["folds"]) if "folds" in chosen else [None]
        draws = range(chosen["draws"]) if "draws" in chosen else [None]
        return frozenset((fold, k, draw) for fold in folds for k in chosen.get("k", [None]) for draw in draws)

    @functools.cached_property
    def _wanted(self) -> dict[str, Any]:
        """What the keys of all its rows have in common."""
        wanted = {"protocol": self.spec.in_rows, "dataset": self.dataset, "method": self.method}
        chosen = {name: value for name, value in vars(self.chosen).items() if name in self.spec.fields}
        return wanted | {"seed": self.seed, "recipe": self.resolved.hash} | chosen

    def found(self, key: Mapping[str, Any]) -> Place | None:
        """Return which of the cell's rows has this key; None if it is none of them."""
        if any(key.get(name) != value for name, value in self._wanted.items()):
            return None
        place = (key.get("fold"), key.get("k"), key.get("draw"))
        return place if place in self.places else None

    def missing(self, done: Iterable[Row]) -> int:
        """Return how many of the cell's rows are not among `done`."""
        return len(self.places - {self.found(row.key) for row in done})

    def as_json(self) -> str:
        """Return the cell as a text that `from_json` reads."""
        return json.dumps({field.name: getattr(self, field.name) for field in dataclasses.fields(self)})

    @staticmethod
    def from_json(text: str) -> Cell:
        """Return the cell of such a text."""
        return Cell(**json.loads(text))


@functools.cache
def _resolved(recipe: str, dataset: str, changes: str) -> Recipe:
    return load_recipe(recipe, dataset, json.loads(changes))


def read(path: Path) -> list[Cell]:
    """Return the cells of a list in their order: within a table by seed, then data set, then method.

    Raises:
        DataError: the list cannot be read; names the table and what is wrong with it. What only a cell's work needs,
            such as its method, is not looked at (see `check`).
    """
    try:
        tables = toml_value(read_text(path))["cells"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is no list of cells ({error}): give a TOML file with [[cells]] tables.") from None
    found: dict[str, Cell] = {}
    for number, table in enumerate(tables, start=1):
        try:
            found |= {cell.as_json(): cell for cell in _expanded(table, path.parent)}
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{path}, table {number}, has no {error}: it needs {', '.join(OWN[:3])}.") from None
        except OtolithError as error:
            raise DataError(f"{path}, table {number}: {error}") from None
    return list(found.values())


def check(cells: Iterable[Cell]) -> None:
    """Refuse cells that this version cannot work.

    Raises:
        DataError, RecipeError: unknown data set, method or recipe.
    """
    for cell in cells:
        datasets.info(cell.dataset)
        methods.spec(cell.method)
        assert cell.resolved is not None


def _expanded(table: Mapping[str, Any], beside: Path) -> Iterator[Cell]:
    options = {name: value for name, value in table.items() if name not in OWN}
    recipe, seeds = str(table.get("recipe", "compact")), table.get("seeds", 1)
    if recipe.endswith(".toml"):
        recipe = str((beside / recipe).absolute())
    for seed in range(seeds) if isinstance(seeds, int) else seeds:
        for dataset in table["datasets"]:
            for method in table["methods"]:
                cell = Cell(table["protocol"], dataset, method, recipe, seed, table.get("set", {}), options)
                assert cell.source != dataset  # looks at protocol and options now, not in the night
                yield cell


def done(results: Path) -> dict[str, list[Row]]:
    """Return the rows of each folder of results."""
    return {path.parent.name: rows.latest(rows.read(path)) for path in sorted(results.glob(f"*/{ROWS}"))}


def prune(results: Path, cells: Iterable[Cell]) -> dict[str, int]:
    """Remove rows that no cell of the list has, from the folders that it fills; returns how many of each folder.

    They are those of other versions of a recipe, and of methods, seeds, folds and draws that are no longer listed.
    """
    return _removed(results, cells, lambda row, its: all(cell.found(row.key) is None for cell in its))


def forget(results: Path, cells: Sequence[Cell], encoders: Path) -> dict[str, int]:
    """Remove rows of these cells and their encoders, so that both are made again; returns how many of each folder."""
    of_cells = {(cell.source or cell.dataset, cell.resolved.hash, cell.method, cell.seed) for cell in cells}
    for card in encoders.glob("*/model/card.json"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # damaged: trained again in any case
            told = json.loads(read_text(card))
            if (told["data"]["dataset"], told["recipe_hash"], told["method"], told["seed"]) in of_cells:
                shutil.rmtree(card.parents[1])
    return _removed(results, cells, lambda row, its: any(cell.found(row.key) is not None for cell in its))


def _removed(results: Path, cells: Iterable[Cell], remove: Callable[[Row, Sequence[Cell]], bool]) -> dict[str, int]:
    removed = {}
    of_folder: dict[str, list[Cell]] = {}
    for cell in cells:
        of_folder.setdefault(cell.folder, []).append(cell)
    for name, its in of_folder.items():
        path = results / name / ROWS
        scanned = rows.scan(path)
        damaged = {damage.line for damage in scanned.damage}
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        whole = [line for number, line in enumerate(lines, start=1) if line.strip() and number not in damaged]
        kept = [
            line.rstrip(b"\n") + b"\n" for line, row in zip(whole, scanned.rows, strict=True) if not remove(row, its)
        ]
        if len(kept) < len(lines):
            removed[name] = len(lines) - len(kept)
            write(path, b"".join(kept))
    return removed
