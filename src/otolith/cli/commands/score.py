"""`otolith score`: metrics of runs that are done."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from otolith.cli.shared import Flag, Folder


def score(
    *runs: Folder,
    metric: Annotated[tuple[str, ...], Parameter(metavar="NAME")] = (),
    out: Annotated[Path | None, Parameter(metavar="FILE")] = None,
    as_json: Annotated[Flag, Parameter(name="--json")] = False,
    names: Annotated[Flag, Parameter(name="--list")] = False,
) -> None:
    """Compute metrics of runs and comparisons that are done, from the predictions beside their rows.

    Nothing is trained: a metric of your own (--plugin FILE) is computed for what was run before it was written. Rows
    from before predictions were kept have the metrics that they hold.

    Args:
        runs: Folders that `otolith run` and `otolith compare` wrote.
        metric: A metric; give it several times. Default: all.
        out: CSV file to write, a line for each row, figures as they are.
        as_json: Print all rows with all figures as JSON.
        names: List the metrics, and stop.
    """
    import json

    from otolith.cli import results
    from otolith.errors import DataError
    from otolith.jobs.score import score as scored
    from otolith.metrics import METRICS
    from otolith.report.tables import figures_csv, write_text
    from otolith.system.files import make_place

    if names:
        results.show("Metrics beside macro F1 and accuracy", [(each.name, each.definition) for each in METRICS])
        return
    if not runs:
        raise DataError("name at least one run folder, such as runs/watch-dynamic-best-seed0")
    if out is not None and out.suffix != ".csv":
        raise DataError(f"--out names a CSV file, such as {out.with_suffix('.csv')}; got {out}")
    found = scored(runs, metric)
    if as_json:
        lines = [{"run": each.folder.name, "key": each.row.key, "figures": each.figures} for each in found]
        results.write(json.dumps(lines, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
        return
    if out is not None:
        make_place(out)
        write_text(out, figures_csv([(each.folder.name, each.row, each.figures) for each in found]))
    for heading, figures in results.figures([(each.row, each.figures) for each in found]):
        results.show(heading, figures)
    if out is not None:
        results.show("Written", [("table", str(out))])
