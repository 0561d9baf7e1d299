"""`otolith report`: pages and tables from runs that are done."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from otolith.cli.shared import Folder


def report(
    *runs: Folder,
    out: Annotated[Path | None, Parameter(metavar="FILE")] = None,
) -> None:
    """Write a page about one run, or one that compares several.

    Args:
        runs: Folders that `otolith run` wrote.
        out: Page to write; default: report.html in the run's folder, or in this one for several runs. The tables
            (report.md, rows.csv, summary.csv, subjects.csv) go into its folder.
    """
    from otolith import report as pages
    from otolith.cli import results
    from otolith.errors import DataError
    from otolith.protocols import sections
    from otolith.system.files import make_place

    if not runs:
        raise DataError("name at least one run folder, such as runs/watch-dynamic-best-seed0")
    target = out or (runs[0] / "report.html" if len(runs) == 1 else Path("report.html"))
    if target.suffix not in (".html", ".htm"):
        raise DataError(f"--out names the page, such as {target / 'report.html'}; got {target}")
    make_place(target)
    page = pages.write(runs, target, sections)
    tables = pages.write_tables(runs, target.parent, sections)
    results.show("Written", [("page", str(page)), *(("table", str(table)) for table in tables)])
