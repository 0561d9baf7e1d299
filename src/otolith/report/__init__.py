"""Pictures, tables and a page from run folders; reads rows and arrays, computes nothing but pictures.

Drawing libraries are imported when something is drawn, so that importing this package costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def write(run_folders: Sequence[Path | str], out: Path | str) -> Path:
    """One self-contained HTML page of one run or several, see `otolith.report.html.write`."""
    from otolith.report import html

    return html.write(run_folders, out)


def write_tables(run_folders: Sequence[Path | str], out: Path | str) -> list[Path]:
    """Markdown and CSV tables of one run or several, see `otolith.report.tables.write`."""
    from otolith.report import tables

    return tables.write(run_folders, out)
