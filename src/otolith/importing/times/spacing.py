"""Spacing of a clock's numbers from row to row, and numbers that have lost theirs."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from otolith.importing.tables.table import Table

ROWS = 50
"""Rows over which groups of them even out."""


def is_rounded(table: Table, column: str, values: NDArray[np.float64]) -> bool:
    """Tell if numbers have lost the digits that change from row to row."""
    different = len(np.unique(values))
    short = bool(re.match(r"\s*\d(?:[.,]\d{0,6})?[eE]\+?\d+\s*$", table.first(column)))
    return len(values) >= 10 and (
        different == 1 or (different <= 2 and len(values) > 50) or (short and 50 * different < len(values))
    )


def spacing_of(values: NDArray[np.float64]) -> float:
    """Typical difference from row to row, whichever way time runs; rows that share a time share the step after it.

    Of rows that come in groups, with short steps in them and long ones between, the mean over many of them.
    """
    steps = np.abs(np.diff(values))
    moving = steps[steps > 0]
    spacing = float(np.median(moving)) * len(moving) / len(steps) if moving.size else 0.0
    if len(steps) < 2 * ROWS:
        return spacing
    over_many = float(np.median(np.abs(values[ROWS:] - values[:-ROWS]))) / ROWS
    return over_many if over_many > 3 * spacing else spacing


def rate_at(spacing: float, scale: int) -> float:
    return 1e9 / (spacing * scale) if spacing > 0 else 0.0
