"""Markdown and CSV tables of several runs. Markdown shows percent, CSV holds fractions."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from otolith.report.groups import OWN, Group, group
from otolith.report.sections import LEAD, Block, Section, Table, Words
from otolith.rows import Row
from otolith.system.files import write as write_file


def _markdown_cell(text: str) -> str:
    """Return text that stays text in a Markdown table, whatever name it came from."""
    flat = " ".join(text.split())
    for mark, safe in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\\", "\\\\"), ("|", "\\|"), ("`", "\\`")):
        flat = flat.replace(mark, safe)
    for mark in "*_[]":
        flat = flat.replace(mark, f"\\{mark}")
    return flat


def _markdown_table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    text = ["| " + " | ".join(_markdown_cell(cell) for cell in header) + " |", "|---" * len(header) + "|"]
    text += ["| " + " | ".join(_markdown_cell(cell) for cell in line) + " |" for line in lines]
    return "\n".join(text)


def markdown(sections: Sequence[Section], problems: Sequence[str] = ()) -> str:
    """Return everything that sections say, without their pictures."""
    lead = [LEAD] if any("macro_f1" in row.result for each in sections for row in each.rows) else []
    parts = ["# Results", *lead]
    parts += [f"**Attention:** {_markdown_cell(problem)}" for problem in problems]
    for each in sections:
        parts += [f"## {_markdown_cell(each.title)}", *_blocks([*each.blocks, *each.details])]
    return "\n\n".join(parts) + "\n"


def overview(sections: Sequence[Section], *, without: Collection[str] = ()) -> str:
    """Return the same without details; `without` are paragraphs that are said elsewhere."""
    parts = []
    for each in sections:
        blocks = [block for block in each.blocks if not (isinstance(block, Words) and block.text in without)]
        parts += [f"## {_markdown_cell(each.title)}", *_blocks(blocks)] if blocks else []
    return "\n\n".join(parts) + "\n"


def _blocks(blocks: Iterable[Block]) -> list[str]:
    before = {"text": "", "heading": "### ", "warning": "**Attention:** "}
    parts = []
    for block in blocks:
        if isinstance(block, Table):
            parts.append(_markdown_table(block.header, block.lines))
        elif isinstance(block, Words):
            parts.append(before[block.kind] + _markdown_cell(block.text))
    return parts


def _csv_cell(value: Any) -> Any:
    """A text that a spreadsheet would run as a formula is quoted with an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" and value else value


def csv_text(header: Sequence[str], lines: Iterable[Sequence[Any]]) -> str:
    """Return a table as CSV, in which no text is run as a formula."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([_csv_cell(cell) for cell in header])
    writer.writerows([_csv_cell(cell) for cell in line] for line in lines)
    return buffer.getvalue()


def rows_csv(rows: Sequence[Row]) -> str:
    """Return every run: all fields of its key, then its figures as fractions; empty cells where there is none."""
    fields = list(dict.fromkeys([*OWN, *sorted(name for row in rows for name in row.key)]))
    figures = ("macro_f1", "accuracy", "val_macro_f1", "n_windows", "n_subjects")
    lines = []
    for row in rows:
        ends = [(row.result.get("interval") or {}).get(end) for end in ("low", "high")]
        lines.append([*map(row.key.get, fields), *map(row.result.get, figures), *ends])
    return csv_text([*fields, *figures, "interval_low", "interval_high"], lines)


def figures_csv(scored: Sequence[tuple[str, Row, Mapping[str, float]]]) -> str:
    """Return a line for each row: its run, all fields of its key, and its figures by name."""
    fields = list(dict.fromkeys([*OWN, *sorted(name for _, row, _ in scored for name in row.key)]))
    names = list(dict.fromkeys(name for _, _, figures in scored for name in figures))
    lines = [[run, *map(row.key.get, fields), *map(figures.get, names)] for run, row, figures in scored]
    return csv_text(["run", *fields, *names], lines)


def summary_csv(groups: Sequence[Group]) -> str:
    """Return one line for each method and recipe: spread of the macro F1 and the paper's figures, as fractions."""
    header = ("dataset", "split", "protocol", "recipe_name", "conditions", "method", "recipe", "runs")
    figures = ("n", "mean", "min", "max", "sd")
    lines = []
    for each in groups:
        for line in each.lines:
            paper = ";".join(str(p.macro_f1) for p in line.published)
            of_line = (line.method, line.recipe, line.seeds)
            lines.append([*each.place, *of_line, *map(line.spread.get, figures), paper])
    return csv_text((*header, *figures, "paper"), lines)


def subjects_csv(rows: Sequence[Row]) -> str:
    """Return one line for each run and test subject: macro F1 within the subject as a fraction."""
    names = ("dataset", "split", "recipe", "method", "seed", "fold")
    lines = [
        [*(row.key.get(name) for name in names), person, score]
        for row in rows
        for person, score in row.result.get("per_subject", {}).items()
    ]
    return csv_text((*names, "subject", "macro_f1"), lines)


def write_text(path: Path, text: str) -> Path:
    """Write a whole file or leave the old one.

    Raises:
        StorageError: it cannot be written.
    """
    return write_file(path, text.encode(errors="replace"), sync=False)


def write(rows: Sequence[Row], sections: Sequence[Section], problems: Sequence[str], out: Path) -> list[Path]:
    """Write report.md, rows.csv, summary.csv and subjects.csv into the folder `out`; `rows` are the scored ones."""
    texts = {
        "report.md": markdown(sections, problems),
        "rows.csv": rows_csv(rows),
        "summary.csv": summary_csv(group(rows)),
        "subjects.csv": subjects_csv(rows),
    }
    return [write_text(out / name, text) for name, text in texts.items()]
