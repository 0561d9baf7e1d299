"""`otolith report`: pages, tables and figures from runs that are done."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from otolith.cli.shared import Flag, Folder


def report(
    *runs: Folder,
    out: Annotated[Path | None, Parameter(metavar="FILE")] = None,
    latex: Flag = False,
    markdown: Flag = False,
    csv: Flag = False,
    metric: Annotated[str, Parameter(metavar="NAME")] = "macro_f1",
    figures: Folder | None = None,
    width: Literal["column", "page"] = "column",
) -> None:
    """Write a page about one run, or one that compares several; or a table or figures for a paper.

    Args:
        runs: Folders that `otolith run` and `otolith compare` wrote.
        out: Page to write; default: report.html in the run's folder, or in this one for several runs. The tables
            (report.md, rows.csv, summary.csv, subjects.csv) go into its folder. Of a table: the file to write.
        latex: Print a table, methods by conditions, in LaTeX; bold where the interval over test subjects says so.
        markdown: The same in Markdown.
        csv: The same as CSV, a line for each method and condition.
        metric: Figure of the table, such as accuracy or weighted_f1 (`otolith score --list`).
        figures: Folder for the pictures as PDF and SVG, in place of a page.
        width: Width of figures: a column (3.5 inches), or a page of two columns.
    """
    from otolith import report as pages
    from otolith.cli import results
    from otolith.errors import DataError
    from otolith.protocols import sections
    from otolith.report import paper
    from otolith.report.tables import write_text
    from otolith.system.files import make_place
    from otolith.system.storage import make_folder

    if not runs:
        raise DataError("name at least one run folder, such as runs/watch-dynamic-best-seed0")
    asked = [name for name, given in (("latex", latex), ("markdown", markdown), ("csv", csv)) if given]
    if len(asked) > 1:
        raise DataError(f"--{' and --'.join(asked)} are forms of one table; give one of them.")
    if figures is not None:
        make_folder(figures)
        drawn = pages.write_figures(runs, figures, sections, paper.WIDTHS[width])
        results.show("Written", [("figure", str(path)) for path in drawn])
    for form in asked:
        ending, write = paper.FORMS[form]
        text = write(pages.paper_table(runs, metric))
        if out is None:
            results.write(text.rstrip("\n") + "\n")
            continue
        if out.suffix != ending:
            raise DataError(f"--out names a file ending in {ending}, such as {out.with_suffix(ending)}; got {out}")
        make_place(out)
        results.show("Written", [("table", str(write_text(out, text.rstrip("\n") + "\n")))])
    if asked or figures is not None:
        return
    target = out or (runs[0] / "report.html" if len(runs) == 1 else Path("report.html"))
    if target.suffix not in (".html", ".htm"):
        raise DataError(f"--out names the page, such as {target / 'report.html'}; got {target}")
    make_place(target)
    page = pages.write(runs, target, sections)
    tables = pages.write_tables(runs, target.parent, sections)
    results.show("Written", [("page", str(page)), *(("table", str(table)) for table in tables)])
