"""Columns of activities in tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otolith.importing.findings import Findings
    from otolith.importing.tables.table import Table

COUNTED = "(N)"
"""Ending of SensorLog's numbered columns; its label is 0 until a person sets another."""


def labels_of(rows: Table, column: str | None, findings: Findings) -> list[str] | None:
    """Return the activity of each row, "" where there is none; None without a column."""
    if column is None:
        return None
    texts = rows.texts(column)
    if column.endswith(COUNTED) and "0" in texts:
        findings.decide("labels", "0 is none", f"column {column!r} of SensorLog is 0 until a person sets a label")
        return ["" if text == "0" else text for text in texts]
    if any(text.endswith(".0") for text in texts[:1000]):  # whole numbers, as tables with empty cells keep them
        return [text.removesuffix(".0") if text[:-2].lstrip("-").isdigit() else text for text in texts]
    return texts
