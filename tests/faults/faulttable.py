"""Rows of faults that were injected, and the table that docs/faults.md shows of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.faults.faultcommands import COMMANDS
from tests.faults.faultsteps import KINDS


def table(rows: list[dict[str, Any]]) -> str:
    """Return how many faults of each kind each command survived, of how many that struck, as Markdown."""
    rows = [row for row in rows if row["struck"]]
    commands = [name for name in COMMANDS if any(row["command"] == name for row in rows)]
    lines = [
        "| fault | " + " | ".join(f"`{name}`" for name in commands) + " | lost |",
        "|---" * (len(commands) + 2) + "|",
    ]
    for kind in KINDS:
        cells = []
        for name in commands:
            its = [row for row in rows if (row["fault"], row["command"]) == (kind, name)]
            cells.append(f"{sum(not row['lost'] for row in its)} of {len(its)}" if its else "")
        lost = sum(bool(row["lost"]) for row in rows if row["fault"] == kind)
        lines.append(f"| {kind} | " + " | ".join(cells) + f" | {lost} |")
    lost = sum(bool(row["lost"]) for row in rows)
    totals = [str(sum(row["command"] == name for row in rows)) for name in commands]
    return "\n".join([*lines, "| all | " + " | ".join(totals) + f" | {lost} of {len(rows)} |"]) + "\n"


def read(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
