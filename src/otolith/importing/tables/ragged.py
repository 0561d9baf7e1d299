"""Rows with more or fewer cells than a table has columns: which are sound, which are damaged, which end a file.

A spreadsheet ends lines with empty cells, a program that reads a serial line writes torn ones, and a recording that was
cut ends within a line. The first are sound; the others are left out and told while they are few.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from otolith.errors import DataError

FEW = 0.01
"""Share of rows that may be torn; beyond it, the table itself is not what it was taken for."""

Repairs = list[tuple[str, int]]


def sound_rows(
    where: str, counts: NDArray[np.int64], numbers: NDArray[np.int64], open_end: NDArray[np.bool_], width: int
) -> tuple[NDArray[np.bool_], Repairs]:
    """Return which rows are kept, and what is told of the others: a last one that breaks off, or few torn ones.

    Args:
        counts: cells of each row.
        numbers: of their lines.
        open_end: rows whose cells beyond the columns are empty.
        width: number of columns.

    Raises:
        DataError: a row with more cells than columns, or more than a few with fewer.
    """
    wrong = (counts != width) & ~((counts > width) & open_end)
    if not wrong.any():
        return ~wrong, []
    places = np.flatnonzero(wrong)
    first, last = int(places[0]), len(counts) - 1
    if first == last and counts[first] < width:
        return ~wrong, [(f"line {int(numbers[first])}, the last, breaks off and was dropped", 1)]
    if (counts[places] < width).all() and len(places) <= FEW * len(counts):
        what = (
            f"{len(places)} torn line(s) were left out, the first with {int(counts[first])} cells in place of {width}"
        )
        return ~wrong, [(f"line {int(numbers[first])}: {what}", len(places))]
    raise DataError(
        f"{where}, line {int(numbers[first])}: {int(counts[first])} cells, expected {width} as in the header. "
        "Repair the line, or export the file again."
    )
