"""Pages, tables and pictures from run folders: reads rows and arrays, and computes nothing but pictures.

A page is put together of sections (`sections.py`) that a protocol makes of its rows; this room knows no protocol.
Drawing libraries are imported when something is drawn, so that importing this package costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otolith.report.folder import RunFolder
    from otolith.report.paper import PaperTable
    from otolith.report.sections import Section
    from otolith.rows import Row

    Sections = Callable[[Iterable[Row]], Sequence[Section]]

__all__ = ["paper_table", "write", "write_figures", "write_tables"]


def write(run_folders: Sequence[Path | str], out: Path | str, sections: Sections | None = None) -> Path:
    """Write one self-contained HTML page of one run or several to the file `out`, and return it.

    Parts that a folder lacks are left out; damaged parts are left out and named on the page. The file appears whole or
    not at all.

    Args:
        sections: makes the sections of a comparison from all rows; None: tables of scores. `otolith.protocols.sections`
            knows what each protocol shows.

    Raises:
        CheckpointError: a folder is not a run folder.
        ValueError: none is given.

    >>> import tempfile
    >>> from otolith.rows import Row, append
    >>> key = {"dataset": "watch", "split": "holdout", "method": "dynamic"}
    >>> with tempfile.TemporaryDirectory() as name:
    ...     for seed in (0, 1):
    ...         append(Path(name) / "rows.jsonl", Row(key | {"seed": seed}, {"macro_f1": 0.9}))
    ...     page = write([name], Path(name) / "report.html").read_text()
    >>> "2 results of 1 run" in page
    True
    """
    from otolith.report import html, tables

    return tables.write_text(Path(out), html.page(*_read(run_folders, sections)))


def write_tables(run_folders: Sequence[Path | str], out: Path | str, sections: Sections | None = None) -> list[Path]:
    """Write report.md, rows.csv, summary.csv and subjects.csv into the folder `out`; the rest is as for `write`.

    >>> import tempfile
    >>> from otolith.rows import Row, append
    >>> key = {"dataset": "watch", "split": "holdout", "method": "dynamic", "seed": 0}
    >>> with tempfile.TemporaryDirectory() as name:
    ...     append(Path(name) / "rows.jsonl", Row(key, {"macro_f1": 0.9}))
    ...     [path.name for path in write_tables([name], name)]
    ['report.md', 'rows.csv', 'summary.csv', 'subjects.csv']
    """
    from otolith.report import tables

    _, rows, found, problems = _read(run_folders, sections)
    return tables.write(rows, found, problems, Path(out))


def paper_table(run_folders: Sequence[Path | str], metric: str = "macro_f1") -> PaperTable:
    """Return the table of one figure, methods by conditions, that `otolith.report.paper` writes for papers.

    Args:
        metric: `macro_f1`, `accuracy`, or a further metric, which is computed from the predictions beside rows where
            those do not hold it.

    Raises:
        CheckpointError: a folder is not a run folder.
        DataError: no metric has that name.
        ValueError: no folder is given.

    >>> import tempfile
    >>> from otolith.rows import Row, append
    >>> key = {"dataset": "watch", "split": "holdout", "method": "dynamic", "seed": 0}
    >>> with tempfile.TemporaryDirectory() as name:
    ...     append(Path(name) / "rows.jsonl", Row(key, {"macro_f1": 0.9}))
    ...     paper_table([name]).columns
    ('Watch exercises, random hold-out of subjects',)
    """
    from dataclasses import replace

    from otolith.report import paper
    from otolith.report.folder import load
    from otolith.report.groups import gather

    if not run_folders:
        raise ValueError("a table needs at least one run folder")
    runs = [load(folder) for folder in run_folders]
    runs = [replace(run, rows=[paper.with_metric(run.path, row, metric) for row in run.rows]) for run in runs]
    return paper.table(gather(runs)[0], metric)


def write_figures(
    run_folders: Sequence[Path | str], out: Path | str, sections: Sections | None = None, width: float = 3.5
) -> list[Path]:
    """Write the pictures of a comparison as PDF and SVG into the folder `out`, which is there; return the files.

    Args:
        sections: as of `write`.
        width: of each, in inches.

    Raises:
        CheckpointError: a folder is not a run folder.
        StorageError: a file cannot be written.

    >>> import tempfile
    >>> from otolith.rows import Row, append
    >>> key = {"dataset": "watch", "split": "holdout", "method": "dynamic", "seed": 0}
    >>> with tempfile.TemporaryDirectory() as name:
    ...     append(Path(name) / "rows.jsonl", Row(key, {"macro_f1": 0.9}))
    ...     [path.suffix for path in write_figures([name], name)]
    ['.pdf', '.svg']
    """
    from otolith.report import paper

    return list(paper.figures(_read(run_folders, sections)[2], Path(out), width))


def _read(
    run_folders: Sequence[Path | str], sections: Sections | None
) -> tuple[list[RunFolder], list[Row], list[Section], list[str]]:
    """Return the folders, their scored rows, the sections of all rows in order, and what is damaged."""
    from otolith.report.folder import load
    from otolith.report.groups import gather
    from otolith.report.sections import in_order, scores

    if not run_folders:
        raise ValueError("a report needs at least one run folder")
    runs = [load(folder) for folder in run_folders]
    rows, problems = gather(runs)
    unscored = [row for run in runs for row in run.unscored]
    damaged = [f"{run.name}: {problem}" for run in runs for problem in run.problems]
    return runs, rows, in_order((sections or scores)([*rows, *unscored])), damaged + problems
