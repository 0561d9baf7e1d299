"""Draw docs/results.md from the rows beside this file: `python results/tables.py`."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path = [str(HERE.parent), *(entry for entry in sys.path if Path(entry or ".").resolve() != HERE)]
# otherwise `queue.py` beside this file would stand in for the standard library's

from otolith.protocols import sections  # noqa: E402
from otolith.report import published, tables  # noqa: E402
from otolith.report.folder import load  # noqa: E402
from otolith.report.groups import gather  # noqa: E402
from otolith.report.sections import DIFFERENCES_NOTE, LEAD, in_order  # noqa: E402
from results import overview  # noqa: E402

PAGE = HERE.parent / "docs" / "results.md"

HEAD = f"""# Results

*Drawn from the rows in [results](../results/README.md), where the commands stand, by `python results/tables.py`.
What we found where figures are [far from the paper's](../results/README.md#far-from-the-papers-figures-and-why).*

{LEAD} The paper's figures stand beside ours where the test subjects are the same. {published.CAVEAT}
Differences are of means over the same seeds, folds and draws; p is that of a randomisation test by subject.
"""


def text() -> str:
    """The page as it should be.

    Raises:
        CheckpointError: a folder here holds no rows.
        ValueError: a row here is damaged, or two folders answer one key differently.
    """
    runs = [load(path.parent) for path in sorted(HERE.glob("*/rows.jsonl"))]
    rows, problems = gather(runs)
    problems += [f"{run.name}: {problem}" for run in runs for problem in run.problems]
    if problems:
        raise ValueError("\n".join(problems))
    unscored = [row for run in runs for row in run.unscored]
    shown = in_order(sections([*rows, *unscored]))
    every = overview.of_list(HERE / "queue.toml")
    return f"{HEAD}\n{every}\n" + tables.overview(shown, without=(published.CAVEAT, DIFFERENCES_NOTE))


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
