"""Columns of activities in tables."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from otolith.importing.questions import Undecided

if TYPE_CHECKING:
    from otolith.importing.findings import Findings
    from otolith.importing.tables.table import Table

COUNTED = "(N)"
"""Ending of SensorLog's numbered columns; its label is 0 until a person sets another."""

SPARSE = 20
"""Rows for each label from which on labels that stand in single rows are none of those rows alone."""


def labels_of(rows: Table, column: str | None, findings: Findings) -> list[str] | None:
    """Return the activity of each row, "" where there is none; None without a column.

    Raises:
        Undecided: activities stand in single rows far apart, so that nothing says where each ends.
    """
    if column is None:
        return None
    texts = rows.texts(column)
    said = sum(map(bool, texts))
    if 0 < SPARSE * said <= len(texts) and not any(one and other for one, other in pairwise(texts)):
        raise Undecided(
            f"{rows.where}: column {column!r} names an activity in {said:,} of {len(texts):,} rows, never in two that "
            "follow each other, so that nothing says where each ends. Fill the rows between, give the times with "
            "--labels FILE, or leave the column out: --label none."
        )
    if column.endswith(COUNTED) and "0" in texts:
        findings.decide("labels", "0 is none", f"column {column!r} of SensorLog is 0 until a person sets a label")
        return ["" if text == "0" else text for text in texts]
    if any(text.endswith(".0") for text in texts[:1000]):  # whole numbers, as tables with empty cells keep them
        return [text.removesuffix(".0") if text[:-2].lstrip("-").isdigit() else text for text in texts]
    return texts
