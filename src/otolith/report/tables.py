"""Markdown and CSV tables of several runs. Markdown shows percent, CSV holds fractions."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from otolith.report import cost, differences, few_labels, published
from otolith.report.folder import load
from otolith.report.groups import OWN, Group, Line, gather, group, notes_of, protocol_of, warnings_of
from otolith.report.names import method_title, percent
from otolith.rows import Row
from otolith.system.files import write as write_file


def interval_text(result: Mapping[str, Any]) -> str:
    """`88.1–95.2`, or a dash where the row has no interval."""
    interval = result.get("interval")
    return f"{percent(interval['low'])}–{percent(interval['high'])}" if interval else "–"


def range_text(line: Line) -> str:
    """`92.1–93.8`, or a dash for one row: a single run has no spread."""
    stats = line.spread
    return f"{percent(stats['min'])}–{percent(stats['max'])}" if stats["n"] > 1 else "–"


def published_text(line: Line) -> str:
    """`93.0 (Table I)`, several where the paper's tables differ, a dash where it has none."""
    return "; ".join(f"{percent(p.macro_f1)} ({p.table})" for p in line.published) or "–"


LEAD = "Macro F1 in percent on the test subjects; mean, range and SD are over the runs named."

SUMMARY_HEADER = ("Method", "Runs", "Mean macro F1 (%)", "Range", "SD", "Paper (%)")


def summary_cells(group: Group, line: Line) -> list[str]:
    """One row of the summary table, in the order of SUMMARY_HEADER."""
    stats = line.spread
    sd = percent(stats["sd"]) if stats["sd"] is not None else "–"
    return [group.label(line), line.seeds, percent(stats["mean"]), range_text(line), sd, published_text(line)]


def every_run(rows: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    """Header and lines of the table of all runs; a fold or a draw has a column where there are any."""
    told = [name for name in ("seed", "fold", "draw") if any(row.key.get(name) is not None for row in rows)]
    header = ["Method", *(name.capitalize() for name in told), "Macro F1 (%)", "95 % interval", "Accuracy (%)"]
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
            ]
        )
    return [*header, "Test subjects", "Windows"], lines


def subject_cells(group: Group, person: str) -> list[str]:
    """The mean score of one subject under each line of a group, a dash where it was not tested."""
    cells = [person]
    for line in group.lines:
        scores = line.per_subject.get(person)
        cells.append(percent(sum(scores) / len(scores)) if scores else "–")
    return cells


def _markdown_cell(text: str) -> str:
    """Text that stays text in a Markdown table, whatever name it came from."""
    flat = " ".join(text.split())
    for mark, safe in (
        ("&", "&amp;"),
        ("<", "&lt;"),
        (">", "&gt;"),
        ("\\", "\\\\"),
        ("|", "\\|"),
        ("`", "\\`"),
    ):
        flat = flat.replace(mark, safe)
    for mark in "*_[]":
        flat = flat.replace(mark, f"\\{mark}")
    return flat


def _markdown_table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    text = ["| " + " | ".join(_markdown_cell(cell) for cell in header) + " |", "|---" * len(header) + "|"]
    text += ["| " + " | ".join(_markdown_cell(cell) for cell in line) + " |" for line in lines]
    return "\n".join(text)


def markdown(groups: Sequence[Group], problems: Sequence[str] = (), costs: Sequence[cost.Costs] = ()) -> str:
    """The tables of all groups: summary with the paper beside it, every run, per-subject scores; then costs."""
    parts = ["# Results", *([LEAD] if groups else [])]
    parts += [f"**Attention:** {_markdown_cell(problem)}" for problem in problems]
    parts += _curves(groups)
    for each in groups:
        parts += _summary(each)
        parts.append("### Every run")
        parts.append(_markdown_table(*every_run(each.rows)))
        parts += [_markdown_cell(note) for note in notes_of(each.rows)]
        if each.subjects:
            header = ("Subject", *(each.label(line) for line in each.lines))
            parts.append("### Macro F1 within each subject (%), mean over runs")
            parts.append(_markdown_table(header, (subject_cells(each, person) for person in each.subjects)))
    return "\n\n".join([*parts, *_costs(costs)]) + "\n"


def overview(groups: Sequence[Group], costs: Sequence[cost.Costs] = ()) -> str:
    """The same without single runs and subjects; few labels as one table over k."""
    parts = _curves(groups)
    for each in groups:
        if not any(protocol_of(row.key) == "few labels" for row in each.rows):
            parts += _summary(each)
    return "\n\n".join([*parts, *_costs(costs)]) + "\n"


def _curves(groups: Sequence[Group]) -> list[str]:
    parts = []
    for curve in few_labels.learning(groups):
        parts.append(f"## Few labels: {_markdown_cell(curve.title)}")
        parts.append("Mean and half of the 95 % interval over draws of labels.")
        parts.append(_markdown_table(few_labels.header(curve), few_labels.table(curve)))
    return parts


def _summary(group: Group) -> list[str]:
    parts = [f"## {_markdown_cell(group.title)}"]
    parts.append(_markdown_table(SUMMARY_HEADER, (summary_cells(group, line) for line in group.lines)))
    if any(line.published for line in group.lines):
        parts.append(published.CAVEAT)
    parts += [f"**Attention:** {_markdown_cell(warning)}" for warning in warnings_of(group.rows)]
    tested = differences.table(group)
    if tested:
        parts.append("### Differences, paired by test subject")
        parts.append(_markdown_table(differences.HEADER, tested))
    return parts


def _costs(costs: Sequence[cost.Costs]) -> list[str]:
    parts = []
    for each in costs:
        parts.append(f"## Seconds of an epoch: {_markdown_cell(each.title)}")
        parts.append(_markdown_table(each.header, each.lines))
        parts.append(cost.PUBLISHED)
    return parts


def _csv_cell(value: Any) -> Any:
    """A text that a spreadsheet would run as a formula is quoted with an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" and value else value


def _csv(header: Sequence[str], lines: Iterable[Sequence[Any]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([_csv_cell(cell) for cell in header])
    writer.writerows([_csv_cell(cell) for cell in line] for line in lines)
    return buffer.getvalue()


def rows_csv(rows: Sequence[Row]) -> str:
    """Every run: all fields of its key, then its figures as fractions; empty cells where there is none."""
    fields = list(dict.fromkeys([*OWN, *sorted(name for row in rows for name in row.key)]))
    figures = ("macro_f1", "accuracy", "val_macro_f1", "n_windows", "n_subjects")
    lines = []
    for row in rows:
        interval = row.result.get("interval") or {}
        lines.append(
            [
                *(row.key.get(name) for name in fields),
                *(row.result.get(name) for name in figures),
                interval.get("low"),
                interval.get("high"),
            ]
        )
    return _csv([*fields, *figures, "interval_low", "interval_high"], lines)


def summary_csv(groups: Sequence[Group]) -> str:
    """One line for each method and recipe: spread of the macro F1 and the paper's figures, as fractions."""
    lines = []
    for each in groups:
        for line in each.lines:
            stats = line.spread
            head = [
                each.dataset,
                each.split,
                each.protocol,
                each.recipe_name,
                each.conditions,
                line.method,
                line.recipe,
            ]
            paper = ";".join(str(p.macro_f1) for p in line.published)
            lines.append([*head, line.seeds, *(stats[name] for name in ("n", "mean", "min", "max", "sd")), paper])
    header = ("dataset", "split", "protocol", "recipe_name", "conditions", "method", "recipe")
    return _csv((*header, "runs", "n", "mean", "min", "max", "sd", "paper"), lines)


def subjects_csv(rows: Sequence[Row]) -> str:
    """One line for each run and test subject: macro F1 within the subject as a fraction."""
    names = ("dataset", "split", "recipe", "method", "seed", "fold")
    lines = [
        [*(row.key.get(name) for name in names), person, score]
        for row in rows
        for person, score in row.result.get("per_subject", {}).items()
    ]
    return _csv((*names, "subject", "macro_f1"), lines)


def write_text(path: Path, text: str) -> Path:
    """Write a whole file or leave the old one; StorageError where it cannot be written."""
    return write_file(path, text.encode(errors="replace"), sync=False)


def write(run_folders: Sequence[Path | str], out: Path | str) -> list[Path]:
    """Write report.md, rows.csv, summary.csv and subjects.csv of the given run folders into the folder `out`.

    Raises CheckpointError if one of them is no run folder.
    """
    runs = [load(folder) for folder in run_folders]
    rows, problems = gather(runs)
    problems = [f"{run.name}: {problem}" for run in runs for problem in run.problems] + problems
    groups = group(rows)
    out = Path(out)
    return [
        write_text(
            out / "report.md", markdown(groups, problems, cost.tables(row for run in runs for row in run.costs))
        ),
        write_text(out / "rows.csv", rows_csv(rows)),
        write_text(out / "summary.csv", summary_csv(groups)),
        write_text(out / "subjects.csv", subjects_csv(rows)),
    ]
