"""One table for each data set: every method and recipe of the queue's list, from all labels down to one an activity."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from otolith.metrics import mean_interval
from otolith.report.names import dataset_title, listed, method_order, method_title, percent, split_title
from otolith.rows import Row
from results.queueing import cells
from results.queueing.cells import Cell

OPEN, NONE = "open", "–"
FIRST = "best"
"""The recipe whose lines come first: what a user gets by default."""
SCORING = ("evaluate",)
"""Stages in a row's seconds that train nothing."""
LEGEND = (
    "All labels: mean over the seeds, and the 95 % interval over test subjects (none below three of them). k labels an "
    "activity: mean and half of the 95 % interval over ten draws of labels, or as many as are named. Folds: mean over "
    "five folds of subjects. Seconds: training with all labels, on one thread beside other work. Bold: the best of a "
    f"column. `{OPEN}`: in the [list](../results/queue.toml), not computed yet; {NONE}: not in it."
)


@dataclass(frozen=True)
class Entry:
    """A cell of the table: its text, and its score where it has one."""

    text: str
    score: float | None = None


def text(listed_cells: Sequence[Cell], found: dict[str, list[Row]]) -> str:
    """Return the tables in Markdown, a heading above each; `found` are the rows of each folder of results."""
    tables: dict[tuple[str, float], list[Cell]] = {}
    for cell in listed_cells:
        tables.setdefault((cell.dataset, cell.resolved.windows.seconds), []).append(cell)
    parts = []
    for dataset, seconds in sorted(tables, key=lambda place: _order(list(tables), place)):
        its = tables[dataset, seconds]
        had = sum(len(cell.places) - cell.missing(found.get(cell.folder, [])) for cell in its)
        splits = {str(row.key["split"]) for row in _rows(its, found) if row.key.get("fold") is None}
        where = f", {listed(split_title(split) for split in sorted(splits))}" if splits else ""
        parts.append(f"## All methods: {dataset_title(dataset)}{where}, windows of {seconds:g} s")
        parts.append(f"{had} of {sum(len(cell.places) for cell in its)} rows of the list are there.")
        parts.append(_table(its, found))
    return "\n\n".join([LEGEND, *_changed(listed_cells), *parts]) + "\n" if parts else ""


def of_list(path: Path) -> str:
    """Return the tables of the list at `path`, by the rows in the folders beside it."""
    return text(cells.read(path), cells.done(path.parent))


def _changed(listed_cells: Sequence[Cell]) -> list[str]:
    """Return a line that says which recipes of the tables further down are shipped ones with values of their own."""
    names: dict[str, list[str]] = {}
    for cell in listed_cells:
        if cell.changes and cell.recipe_name not in names.setdefault(cell.recipe_title, []):
            names[cell.recipe_title].append(cell.recipe_name)
    said = [f"{title} ({listed(f'`{name}`' for name in names[title])})" for title in names]
    return [f"Recipes with values of their own: {'; '.join(said)}."] if said else []


def _order(places: list[tuple[str, float]], place: tuple[str, float]) -> tuple[int, float]:
    """Data sets as the list has them first, then by the length of windows: others are other tasks."""
    return [dataset for dataset, _ in places].index(place[0]), place[1]


def _table(its: Sequence[Cell], found: dict[str, list[Row]]) -> str:
    lines: dict[tuple[str, str], list[Cell]] = {}
    for cell in its:
        if cell.source is None:
            lines.setdefault((cell.recipe_title, cell.method), []).append(cell)
    recipes = list(dict.fromkeys(recipe for recipe, _ in lines))
    order = sorted(lines, key=lambda line: (line[0] != FIRST, recipes.index(line[0]), method_order(line[1])))
    ks = sorted({place[1] for cell in its for place in cell.places if place[1] is not None})
    header = ["Method", "Recipe", "All labels", "Seeds", *(f"k = {k}" for k in ks), "Folds", "Seconds"]
    body = []
    for recipe, method in order:
        of_line = lines[recipe, method]
        plain = [cell for cell in of_line if cell.protocol == "representation"]
        few = [cell for cell in of_line if cell.protocol == "few-labels"]
        folded = [cell for cell in of_line if cell.protocol == "cross-validation"]
        seeds = sorted({row.key["seed"] for row in _rows(plain, found)})
        entries = [Entry(method_title(method)), Entry(recipe), _entry(plain, found, _all_labels)]
        entries.append(Entry(listed(seeds) if seeds else NONE))
        entries += [_entry([cell for cell in few if k in _ks(cell)], found, _few(k)) for k in ks]
        entries += [_entry(folded, found, _folds), _entry(plain, found, _seconds)]
        body.append(entries)
    scores = [[line[i].score or 0.0 for line in body if line[i].score] for i in range(len(header))]
    best = [max(column) if len(column) > 1 else None for column in scores]  # one alone has beaten nobody
    shown = [
        [
            f"**{each.text}**" if each.score and each.score == top else each.text
            for each, top in zip(line, best, strict=True)
        ]
        for line in body
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in [header, ["---"] * len(header), *shown])


def _entry(its: Sequence[Cell], found: dict[str, list[Row]], shown: Callable[[list[Row]], Entry | None]) -> Entry:
    if not its:
        return Entry(NONE)
    return shown(_rows(its, found)) or Entry(OPEN)


def _rows(its: Iterable[Cell], found: dict[str, list[Row]]) -> list[Row]:
    """Return the rows of these cells under the recipe that the list names now."""
    return [
        row
        for cell in its
        for row in found.get(cell.folder, [])
        if cell.found(row.key) is not None and "macro_f1" in row.result
    ]


def _ks(cell: Cell) -> set[object]:
    return {place[1] for place in cell.places}


def _all_labels(rows: list[Row]) -> Entry | None:
    if not rows:
        return None
    score = mean(row.result["macro_f1"] for row in rows)
    spans = [row.result.get("interval") for row in rows]
    if not all(spans):
        return Entry(percent(score), score)
    low, high = (mean(span[end] for span in spans if span) for end in ("low", "high"))
    return Entry(f"{percent(score)} ({percent(low)}–{percent(high)})", score)


def _few(k: int) -> Callable[[list[Row]], Entry | None]:
    def shown(rows: list[Row]) -> Entry | None:
        by_draw: dict[int, list[float]] = {}
        for row in rows:
            if row.key.get("k") == k:
                by_draw.setdefault(row.key["draw"], []).append(row.result["macro_f1"])
        if not by_draw:
            return None
        point = mean_interval(mean(scores) for scores in by_draw.values())
        half = "" if point["low"] is None else f" ± {percent((point['high'] - point['low']) / 2)}"
        note = "" if len(by_draw) >= 10 else f" ({len(by_draw)})"
        return Entry(f"{percent(point['mean'])}{half}{note}", point["mean"])

    return shown


def _folds(rows: list[Row]) -> Entry | None:
    by_fold: dict[int, list[float]] = {}
    for row in rows:
        by_fold.setdefault(row.key["fold"], []).append(row.result["macro_f1"])
    if not by_fold:
        return None
    score = mean(mean(scores) for scores in by_fold.values())
    if len(by_fold) < 5:
        return Entry(f"{percent(score)} ({len(by_fold)} of 5)")
    return Entry(percent(score), score)


def _seconds(rows: list[Row]) -> Entry | None:
    spent = [
        sum(s for stage, s in row.meta["seconds"].items() if stage not in SCORING)
        for row in rows
        if row.meta.get("seconds")
    ]
    return Entry(f"{mean(spent):.0f}") if spent else None
