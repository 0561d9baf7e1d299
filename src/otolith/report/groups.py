"""Rows of several runs grouped by what may be compared, with the paper's figures beside ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from otolith.metrics import spread
from otolith.report import published
from otolith.report.folder import RunFolder
from otolith.report.names import WITHIN_PERSON, dataset_title, listed, method_order, method_title, natural, split_title
from otolith.rows import CONTENT, Row, key_hash

OWN = ("protocol", "dataset", "split", "recipe", "method", "seed", "fold", "draw")
"""Fields of a key that tables show in places of their own; the others are conditions."""
BESIDE = (*CONTENT, "plugins")
"""Fields of a key that say by digests what a name stands for, and that tables do not show."""


@dataclass(frozen=True, eq=False)
class Line:
    """All rows of one method under one recipe (a hash): seeds and folds of the same cell, in order."""

    method: str
    recipe: str
    rows: tuple[Row, ...]
    published: tuple[published.Published, ...]

    @property
    def title(self) -> str:
        return method_title(self.method)

    @property
    def spread(self) -> dict[str, Any]:
        """Mean, min, max, sd and n of the macro F1 over seeds and folds (`metrics.spread`)."""
        return spread(row.result["macro_f1"] for row in self.rows)

    @property
    def per_subject(self) -> dict[str, list[float]]:
        """{subject: scores over the seeds and folds that tested this subject}."""
        found: dict[str, list[float]] = {}
        for row in self.rows:
            for person, score in row.result.get("per_subject", {}).items():
                found.setdefault(person, []).append(score)
        return found

    @property
    def seeds(self) -> str:
        """`seeds 0, 1, 2`, with the folds if there are any."""
        seeds, folds, draws = (
            sorted({str(row.key[name]) for row in self.rows if row.key.get(name) is not None}, key=natural)
            for name in ("seed", "fold", "draw")
        )
        parts = [f"{'seed' if len(seeds) == 1 else 'seeds'} {listed(seeds)}"] if seeds else []
        parts += [f"{'fold' if len(folds) == 1 else 'folds'} {listed(folds)}"] if folds else []
        parts += [f"{len(draws)} {'draw' if len(draws) == 1 else 'draws'} of labels"] if draws else []
        return ", ".join(parts) or "no seed given"


@dataclass(frozen=True, eq=False)
class Group:
    """Lines that may stand in one table: same data set, split, protocol, named recipe and conditions."""

    dataset: str
    split: str
    protocol: str
    recipe_name: str
    conditions: str
    lines: tuple[Line, ...]

    @property
    def place(self) -> tuple[str, ...]:
        """The texts that groups are sorted by."""
        return (self.dataset, self.split, self.protocol, self.recipe_name, self.conditions)

    @property
    def title(self) -> str:
        parts = [dataset_title(self.dataset), split_title(self.split)]
        parts += [f"{self.recipe_name} recipe"] if self.recipe_name else []
        parts += [self.conditions] if self.conditions else []
        return ", ".join(parts)

    @property
    def rows(self) -> list[Row]:
        return [row for line in self.lines for row in line.rows]

    @property
    def subjects(self) -> list[str]:
        return sorted({person for line in self.lines for person in line.per_subject}, key=natural)

    def label(self, line: Line) -> str:
        """The line's method, with its recipe where the group holds the method under several."""
        several = sum(other.method == line.method for other in self.lines) > 1
        return f"{line.title} ({line.recipe})" if several else line.title


def protocol_of(key: Mapping[str, Any]) -> str:
    """Return the protocol of a key; a key that names none is of the plain one."""
    return str(key.get("protocol") or "representation")


def recipe_name(row: Row) -> str:
    """`compact`, `paper` or a file's name, from the row's meta; empty where it is not known."""
    return str(row.meta.get("recipe_name") or "")


def conditions(key: Mapping[str, Any]) -> str:
    """Return the parts of a key beyond OWN, as `k 5, split seed 0`; what is None, false or empty is not said."""
    parts = []
    for name, value in sorted(key.items()):
        if name in OWN or name in BESIDE or value is None or value is False or value in ([], {}, ""):
            continue
        text = listed(value) if isinstance(value, list) else str(value)
        parts.append(name.replace("_", " ") if value is True else f"{name.replace('_', ' ')} {text}")
    return ", ".join(parts)


def published_beside(key: Mapping[str, Any]) -> tuple[published.Published, ...]:
    """Return the paper's figures for the cell of a key, if its test subjects are the authors' or folds."""
    protocol = protocol_of(key)
    if protocol != "cross-validation" and key.get("split") != "fixed":
        return ()
    return tuple(published.beside(str(key.get("dataset")), str(key.get("method")), protocol))


def gather(runs: Sequence[RunFolder]) -> tuple[list[Row], list[str]]:
    """Return all rows, the last for each key, and a sentence for each key that folders answer differently."""
    found: dict[str, tuple[Row, str]] = {}
    problems = []
    for run in runs:
        for row in run.rows:
            name = key_hash(row.key)
            if name in found and found[name][0].result != row.result:
                problems.append(
                    f"{found[name][1]} and {run.name} hold different results for one key ({row.key}); "
                    f"that of {run.name} is shown."
                )
            found[name] = (row, run.name)
    return told_apart([row for row, _ in found.values()]), problems


def told_apart(rows: Sequence[Row]) -> list[Row]:
    """Return rows in which data sets of one name and other content have names of their own.

    >>> rows = [Row({"dataset": "walks", "data": each}, {}) for each in ("3fa29900", "77e0aa00")]
    >>> [row.key["dataset"] for row in told_apart(rows)]
    ['walks (content 3fa299)', 'walks (content 77e0aa)']
    """
    pairs = [("dataset", "data"), ("source", "source_data")]
    named = [(row.key.get(name), row.key.get(data)) for row in rows for name, data in pairs if row.key.get(name)]
    contents: dict[Any, set[Any]] = {}
    for name, data in named:
        contents.setdefault(name, set()).update([data] if data else [])

    def renamed(row: Row) -> Row:
        key = dict(row.key)
        for name, data in pairs:
            if len(contents.get(key.get(name), ())) > 1:
                digest = key.get(data)
                key[name] = f"{key[name]} (content {str(digest)[:6] if digest else 'not named'})"
        return row if key == row.key else replace(row, key=key)

    return [renamed(row) for row in rows]


def group(rows: Iterable[Row]) -> list[Group]:
    """Return groups by data set and split, their lines in the order of the methods, rows by seed and fold."""
    tree: dict[tuple[str, str, str, str, str], dict[tuple[str, str], list[Row]]] = {}
    for row in rows:
        key = row.key
        dataset, split = str(key.get("dataset", "?")), str(key.get("split", "?"))
        where = (dataset, split, protocol_of(key), recipe_name(row), conditions(key))
        line = (str(key.get("method", "?")), str(key.get("recipe", "")))
        tree.setdefault(where, {}).setdefault(line, []).append(row)
    groups = []
    for where, lines in sorted(tree.items(), key=lambda item: [natural(part) for part in item[0]]):
        order = sorted(lines, key=lambda line: (method_order(line[0]), line[1]))
        made = (
            Line(*line, tuple(sorted(lines[line], key=_place)), published_beside(lines[line][0].key)) for line in order
        )
        groups.append(Group(*where, lines=tuple(made)))
    return groups


def _place(row: Row) -> list[tuple[int, int, str]]:
    return natural(" ".join(str(row.key.get(name)) for name in ("seed", "fold", "draw")))


def warnings_of(rows: Iterable[Row]) -> list[str]:
    """Return the warnings of the rows' splits, each once."""
    found: list[str] = []
    for row in rows:
        warning = str(row.meta.get("warning") or "")
        if not warning and str(row.key.get("split")) in WITHIN_PERSON:
            warning = "The test windows may be of people seen in training: nothing follows for other people."
        found += [warning] if warning else []
    return list(dict.fromkeys(found))


def notes_of(rows: Iterable[Row]) -> list[str]:
    """Return the notes of rows, each once: the reason why an interval is missing, and the gaps of a mean."""
    found: list[str] = []
    for row in rows:
        note = row.result.get("interval_note")
        found += [str(note)] if note else []
        found += [str(note) for note in row.result.get("notes", ())]
    return list(dict.fromkeys(found))
