"""Tables and figures for papers: methods by conditions in LaTeX, Markdown or CSV, pictures as PDF and SVG."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from otolith.metrics import METRICS, further, paired_difference, spread
from otolith.report.groups import Group, Line, group
from otolith.report.names import method_order, natural
from otolith.report.sections import Pictures, Section, cells, mean_by_subject
from otolith.report.tables import _markdown_cell, csv_text
from otolith.rows import Row, predictions
from otolith.system.files import whole_file

WIDTHS = {"column": 3.5, "page": 7.16}
"""Inches of a column and of a page of two columns, as IEEE's journals have them."""
DRAWN = 4.7
"""Inches at which figures are drawn with letters of 9 points; narrower ones have smaller letters, down to `LEAST`."""
LEAST = 0.78
BOLD = (
    "Bold: the best mean, and every method whose difference from it is not told from zero by the 95 % interval over "
    "test subjects (paired by subject, seed, fold and draw). Where there is no interval nothing is bold."
)


@dataclass(frozen=True)
class Cell:
    """The figures of one method under one condition: mean and sample deviation over n rows; `bold` as `BOLD` says."""

    mean: float
    sd: float | None
    n: int
    bold: bool


@dataclass(frozen=True)
class PaperTable:
    """A table of one figure: methods below each other, conditions beside each other.

    Attributes:
        metric: its name in rows.
        title: of the figure; `percent`: whether it is a share of one.
        columns: titles of the conditions.
        lines: title of each method, and its cells; None where it was not run.
    """

    metric: str
    title: str
    percent: bool
    columns: tuple[str, ...]
    lines: tuple[tuple[str, tuple[Cell | None, ...]], ...]

    @property
    def shared(self) -> str:
        """Words that all conditions have in common, for the caption; of a single one all but the first part."""
        parts = [title.split(", ") for title in self.columns]
        if len(parts) == 1:
            return ", ".join(parts[0][1:])
        return ", ".join(part for part in (parts[0] if parts else []) if all(part in each for each in parts))

    @property
    def heads(self) -> list[str]:
        """Titles of the conditions without what they share."""
        shared = self.shared.split(", ")
        parts = [[part for part in title.split(", ") if part not in shared] for title in self.columns]
        return [", ".join(each) or title for each, title in zip(parts, self.columns, strict=True)]

    @property
    def caption(self) -> str:
        """The sentence that belongs above the table."""
        unit = " in percent" if self.percent else ""
        more = f"; {self.shared}" if self.shared else ""
        bold = any(cell is not None and cell.bold for _, row in self.lines for cell in row)
        return f"{self.title}{unit}, mean and standard deviation over runs{more}." + (f" {BOLD}" if bold else "")

    def text(self, value: float) -> str:
        return f"{100 * value:.1f}" if self.percent else f"{value:.3f}"


def table(rows: Iterable[Row], metric: str = "macro_f1") -> PaperTable:
    """Return the table of one figure of scored rows.

    Args:
        metric: `macro_f1`, `accuracy`, or one of the further metrics that rows hold.

    Raises:
        DataError: no metric has that name.

    >>> key = {"dataset": "watch", "split": "holdout", "seed": 0}
    >>> given = [Row(key | {"method": name}, {"macro_f1": f1}) for name, f1 in (("csshar", 0.8), ("dynamic", 0.9))]
    >>> [(name, cells[0].mean) for name, cells in table(given).lines]
    [('Dynamic temperature', 0.9), ('CSSHAR', 0.8)]
    """
    known = None if metric in ("macro_f1", "accuracy") else METRICS.get(metric)
    scored = [row for row in rows if "macro_f1" in row.result]
    groups = [each for each in group(scored) if any(_values(line, metric) for line in each.lines)]
    found: dict[tuple[str, str], dict[int, Cell]] = {}
    for place, each in enumerate(groups):
        bold = _bold(each, metric, known is None or known.higher_is_better)
        for line in each.lines:
            values = _values(line, metric)
            if values:
                stats = spread(values)
                cell = Cell(stats["mean"], stats["sd"], stats["n"], line in bold)
                found.setdefault((line.method, each.label(line)), {})[place] = cell
    lines = sorted(found, key=lambda name: (method_order(name[0]), natural(name[1])))
    return PaperTable(
        metric,
        known.title if known is not None else {"macro_f1": "Macro F1", "accuracy": "Accuracy"}[metric],
        known is None or known.percent,
        tuple(each.title for each in groups),
        tuple((name[1], tuple(found[name].get(place) for place in range(len(groups)))) for name in lines),
    )


def with_metric(folder: Path, row: Row, metric: str) -> Row:
    """Return a row that holds a metric, computed from the predictions in the folder of its rows where it has none.

    Raises:
        CheckpointError: the predictions are damaged.
        DataError: no metric has that name, or it fails.
    """
    held = row.result.get("metrics") or {}
    if metric in row.result or metric in held or (kept := predictions.kept(folder, row.key)) is None:
        return row
    return replace(row, result=row.result | {"metrics": held | further(kept, [metric])})


def _values(line: Line, metric: str) -> list[float]:
    found = [row.result.get(metric, (row.result.get("metrics") or {}).get(metric)) for row in line.rows]
    return [float(value) for value in found if value is not None]


def _bold(each: Group, metric: str, higher: bool) -> list[Line]:
    """Return the best line and those that the interval does not tell from it; none where there is no interval.

    The interval is of the macro F1 within subjects, so that it speaks of macro F1 alone; for other figures only seeds,
    folds and draws could be compared, which are not independent people.
    """
    lines = [line for line in each.lines if _values(line, metric)]
    if metric != "macro_f1" or len(lines) < 2:
        return []
    best = max(lines, key=lambda line: spread(_values(line, metric))["mean"] * (1 if higher else -1))
    found, told = [best], False
    for line in lines:
        if line is best:
            continue
        ours, theirs = cells(best), cells(line)
        shared = sorted(ours.keys() & theirs.keys(), key=str)
        first, second = (mean_by_subject([part[cell] for cell in shared]) for part in (ours, theirs))
        if not first.keys() & second.keys():
            continue
        tested = paired_difference(first, second)
        if tested["low"] is None:
            continue
        told = True
        if tested["low"] <= 0 <= tested["high"]:
            found.append(line)
    return found if told else []


def latex(found: PaperTable) -> str:
    r"""Return a `tabular` with the rules of the package booktabs, which a paper can input.

    >>> print(latex(PaperTable("kappa", "Kappa", False, ("Watch",), (("A & B", (Cell(0.5, 0.01, 3, False),)),))))
    % Kappa, mean and standard deviation over runs. Needs \usepackage{booktabs}.
    \begin{tabular}{lr}
    \toprule
    Method & Watch \\
    \midrule
    A \& B & 0.500 $\pm$ 0.010 \\
    \bottomrule
    \end{tabular}
    """
    lines = [f"% {found.caption} Needs \\usepackage{{booktabs}}."]
    lines += ["\\begin{tabular}{l" + "r" * len(found.columns) + "}", "\\toprule"]
    lines.append(" & ".join(["Method", *map(_tex, found.heads)]) + " \\\\")
    lines.append("\\midrule")
    for name, row in found.lines:
        texts = ["--" if cell is None else _with_sd(found, cell, "\\textbf{%s}", " $\\pm$ ") for cell in row]
        lines.append(" & ".join([_tex(name), *texts]) + " \\\\")
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}"])


def markdown(found: PaperTable) -> str:
    """Return a table of Markdown, with its caption above.

    >>> print(markdown(PaperTable("kappa", "Kappa", False, ("Watch",), (("A", (Cell(0.5, None, 1, False),)),))))
    Kappa, mean and standard deviation over runs.
    <BLANKLINE>
    | Method | Watch |
    |---|---|
    | A | 0.500 |
    """
    head = [_markdown_cell(text) for text in ("Method", *found.heads)]
    lines = [_markdown_cell(found.caption), "", f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for name, row in found.lines:
        texts = ["–" if cell is None else _with_sd(found, cell, "**%s**", " ± ") for cell in row]
        lines.append(f"| {' | '.join([_markdown_cell(name), *texts])} |")
    return "\n".join(lines)


def csv(found: PaperTable) -> str:
    """Return a line for each method and condition: mean, deviation and number of runs, as fractions, and if it is bold.

    >>> print(csv(PaperTable("kappa", "Kappa", False, ("Watch",), (("A", (Cell(0.5, None, 1, False),)),))), end="")
    condition,method,metric,mean,sd,n,bold
    Watch,A,kappa,0.5,,1,0
    """
    lines = [
        (title, name, found.metric, cell.mean, cell.sd, cell.n, int(cell.bold))
        for name, row in found.lines
        for title, cell in zip(found.columns, row, strict=True)
        if cell is not None
    ]
    return csv_text(("condition", "method", "metric", "mean", "sd", "n", "bold"), lines)


FORMS = {"latex": (".tex", latex), "markdown": (".md", markdown), "csv": (".csv", csv)}
"""Forms of a table by name: the ending of its file, and what writes it."""


def _with_sd(found: PaperTable, cell: Cell, bold: str, between: str) -> str:
    mean = found.text(cell.mean)
    return (bold % mean if cell.bold else mean) + (f"{between}{found.text(cell.sd)}" if cell.sd is not None else "")


def _tex(text: str) -> str:
    for mark in "\\&%$#_{}":
        text = text.replace(mark, {"\\": "\\textbackslash "}.get(mark, f"\\{mark}"))
    return text.replace("~", "\\textasciitilde ").replace("^", "\\textasciicircum ").replace("–", "--")


def figures(sections: Sequence[Section], folder: Path, width: float) -> Iterator[Path]:
    """Write the pictures of sections as PDF and SVG of a width into `folder`, which is there, and yield each file.

    Args:
        width: in inches, see `WIDTHS`.
    """
    import matplotlib
    from matplotlib.text import Text

    from otolith.report.style import styled

    used: dict[str, int] = {}
    for section in sections:
        for block in (*section.blocks, *section.details):
            for picture in block.draw() if isinstance(block, Pictures) else ():
                figure = picture.figure
                if figure is None:
                    continue
                scale = width / figure.get_figwidth()
                figure.set_size_inches(width, figure.get_figheight() * scale)
                letters = max(min(scale * 1.15, 1.0), LEAST)
                for text in figure.findobj(Text):
                    text.set_fontsize(float(text.get_fontsize()) * letters)
                name = re.sub(r"[^a-z0-9]+", "-", f"{picture.alt} {section.title}".lower()).strip("-")[:100]
                used[name] = used.get(name, 0) + 1
                name += f"-{used[name]}" if used[name] > 1 else ""
                for kind in ("pdf", "svg"):
                    about = {"CreationDate": None} if kind == "pdf" else {"Date": None}
                    path = folder / f"{name}.{kind}"
                    fonts = matplotlib.rc_context({"pdf.fonttype": 42, "svg.fonttype": "path"})
                    with styled(), fonts, whole_file(path, sync=False) as partial:
                        figure.savefig(partial, format=kind, metadata=about)
                    yield path
