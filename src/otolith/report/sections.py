"""Sections of a page or a table file: what a protocol shows of its rows, in tables, words and pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from otolith.metrics import paired_difference
from otolith.report import published
from otolith.report.groups import Group, Line, group, notes_of, warnings_of
from otolith.report.names import interval_text, method_title, natural, percent
from otolith.rows import Row

if TYPE_CHECKING:
    from otolith.report.pictures import Picture

LEAD = "Macro F1 in percent on the test subjects; mean, range and SD are over the runs named."
SUMMARY_HEADER = ("Method", "Runs", "Mean macro F1 (%)", "Range", "SD", "Paper (%)")
DIFFERENCES_HEADER = ("Method", "against", "Difference (points)", "95 % interval", "p", "Subjects", "Cells")
DIFFERENCES_NOTE = (
    "The first method minus the second, on the seeds, folds and draws that both have; each subject's mean counts once. "
    "p is that of a randomisation test by subject."
)
REFERENCE = "dynamic"
"""The method that others are held against where a group has it; else its first."""


@dataclass(frozen=True)
class Table:
    """Cells as text; those from column `numeric_from` on are set as figures."""

    kind: ClassVar = "table"
    header: Sequence[str]
    lines: Sequence[Sequence[str]]
    numeric_from: int = 1


@dataclass(frozen=True)
class Words:
    """A paragraph, a heading within the section, or a warning."""

    text: str
    kind: Literal["text", "heading", "warning"] = "text"


@dataclass(frozen=True)
class Pictures:
    """Pictures that are drawn when a page asks for them; files of text have none."""

    kind: ClassVar = "pictures"
    draw: Callable[[], Iterable[Picture]]


Block = Table | Words | Pictures


@dataclass(frozen=True)
class Section:
    """A part of a page or table file under its own heading.

    Attributes:
        rows: those that it shows.
        blocks: what every form of it shows.
        details: what an overview of many sections leaves out.
        rank: sections of a lower rank come first,
        place: and those of one rank in the natural order of these texts; its title if empty.
    """

    title: str
    rows: Sequence[Row]
    blocks: Sequence[Block]
    details: Sequence[Block] = ()
    rank: int = 1
    place: tuple[str, ...] = field(default=())


def in_order(sections: Iterable[Section]) -> list[Section]:
    """Sort sections by rank, then by place."""
    return sorted(sections, key=lambda each: (each.rank, [natural(text) for text in each.place or (each.title,)]))


def scores(rows: Iterable[Row], *, only_details: bool = False) -> list[Section]:
    """Return a section for each group of scored rows that may be compared; rows without a score are passed over.

    Args:
        only_details: overviews leave the whole sections out, for a protocol that has a shorter table of its own.

    >>> key = {"dataset": "watch", "split": "holdout", "method": "dynamic", "seed": 0}
    >>> [section.title for section in scores([Row(key, {"macro_f1": 0.9})])]
    ['Watch exercises, random hold-out of subjects']
    """
    return [_of_group(each, only_details) for each in group(row for row in rows if "macro_f1" in row.result)]


def _of_group(each: Group, only_details: bool) -> Section:
    def draw() -> Iterable[Picture]:
        from otolith.report import pictures

        return pictures.comparison(each)

    blocks: list[Block] = [Words(warning, "warning") for warning in warnings_of(each.rows)]
    blocks.append(Table(SUMMARY_HEADER, [summary_cells(each, line) for line in each.lines], 2))
    if any(line.published for line in each.lines):
        blocks.append(Words(published.CAVEAT))
    blocks.append(Pictures(draw))
    tested = differences(each)
    if tested:
        blocks.append(Words("Differences, paired by test subject", "heading"))
        blocks += [Table(DIFFERENCES_HEADER, tested, 2), Words(DIFFERENCES_NOTE)]
    details: list[Block] = [Words("Every run", "heading"), Table(*every_run(each.rows))]
    details += [Words(note) for note in notes_of(each.rows)]
    if each.subjects:
        header = ("Subject", *(each.label(line) for line in each.lines))
        details.append(Words("Macro F1 within each test subject (%), mean over the runs above", "heading"))
        details.append(Table(header, [subject_cells(each, person) for person in each.subjects]))
    if only_details:
        blocks, details = [], blocks + details
    return Section(each.title, each.rows, blocks, details, place=each.place)


def summary_cells(group: Group, line: Line) -> list[str]:
    """Return one line of the summary table, in the order of SUMMARY_HEADER; a single run has no range."""
    stats = line.spread
    within = f"{percent(stats['min'])}–{percent(stats['max'])}" if stats["n"] > 1 else "–"
    sd = percent(stats["sd"]) if stats["sd"] is not None else "–"
    paper = "; ".join(f"{percent(p.macro_f1)} ({p.table})" for p in line.published) or "–"
    return [group.label(line), line.seeds, percent(stats["mean"]), within, sd, paper]


def every_run(rows: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    """Return header and lines of the table of all runs; a fold, a draw or a choice has a column where there are
    any."""
    told = [name for name in ("seed", "fold", "draw") if any(row.key.get(name) is not None for row in rows)]
    header = ["Method", *(name.capitalize() for name in told), "Macro F1 (%)", "95 % interval", "Accuracy (%)"]
    chose = any(_chosen(row) for row in rows)
    lines = []
    for row in rows:
        accuracy = row.result.get("accuracy")
        lines.append(
            [
                method_title(str(row.key.get("method", "?"))),
                *("–" if row.key.get(name) is None else str(row.key[name]) for name in told),
                percent(row.result["macro_f1"]),
                interval_text(row.result),
                "–" if accuracy is None else percent(accuracy),
                *(str(row.result.get(name, "–")) for name in ("n_subjects", "n_windows")),
                *([_chosen(row) or "–"] if chose else []),
            ]
        )
    return [*header, "Test subjects", "Windows", *(["Chosen"] if chose else [])], lines


def _chosen(row: Row) -> str:
    """The way to use labels that a run chose, where it had a choice."""
    choice = row.meta.get("choice")
    name = choice.get("name") if isinstance(choice, dict) else None
    return name if isinstance(name, str) else ""


def subject_cells(group: Group, person: str) -> list[str]:
    """Return the mean score of one subject under each line of a group, a dash where it was not tested."""
    found = (line.per_subject.get(person) for line in group.lines)
    return [person, *(percent(sum(scores) / len(scores)) if scores else "–" for scores in found)]


def differences(group: Group) -> list[list[str]]:
    """Return one line for each method but the reference, in the order of DIFFERENCES_HEADER: reference minus method.

    Only cells that both have count: the same seed, fold and draw. Each subject's scores are averaged over them.
    """
    reference = next((line for line in group.lines if line.method == REFERENCE), group.lines[0])
    found = []
    for line in group.lines:
        ours, theirs = cells(reference), cells(line)
        shared = sorted(ours.keys() & theirs.keys(), key=str)
        if line is reference or not shared:
            continue
        first, second = (mean_by_subject([cells[cell] for cell in shared]) for cells in (ours, theirs))
        if not first.keys() & second.keys():
            continue
        tested = paired_difference(first, second)
        interval = "–" if tested["low"] is None else f"{_points(tested['low'])} to {_points(tested['high'])}"
        names = [group.label(reference), group.label(line)]
        figures = [_points(tested["difference"]), interval, f"{tested['p']:.3f}"]
        found.append([*names, *figures, str(tested["n_subjects"]), str(len(shared))])
    return found


def cells(line: Line) -> dict[tuple[Any, ...], Mapping[str, float]]:
    """Return the scores of each subject in each cell of a line, by its seed, fold and draw."""
    return {
        tuple(row.key.get(name) for name in ("seed", "fold", "draw")): row.result.get("per_subject", {})
        for row in line.rows
    }


def mean_by_subject(found: list[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean score of each subject over cells."""
    scores: dict[str, list[float]] = {}
    for cell in found:
        for person, score in cell.items():
            scores.setdefault(person, []).append(score)
    return {person: sum(each) / len(each) for person, each in scores.items()}


def _points(fraction: float) -> str:
    return f"{'+' if fraction >= 0 else '−'}{percent(abs(fraction))}"
