"""Signs between thousands, which look like decimal ones: 1,006 beside 998 is a thousand and six."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from otolith.errors import DataError
from otolith.importing.tables.missing import MISSING
from otolith.windows.pieces import slices

if TYPE_CHECKING:
    import polars as pl

SEPARATED, WHOLE = r"^[+\-−]?[1-9]\d{0,2}([.,]\d{3})+$", r"^[+\-−]?\d{1,3}$"
SEVERAL = 3
"""Least different whole numbers from 10 on; fewer may mark what is missing or out of range."""


def refuse_thousands(
    columns: Sequence[pl.Series], values: Sequence[NDArray[np.float64]], at: Callable[[int], str]
) -> None:
    """Refuse columns of texts in which signs separate thousands.

    They hold several whole numbers below 1000 without a sign, and all others have three digits behind each sign and
    none below 1. Decimals that are cut where they end in zeros have other numbers of digits, too.

    Args:
        columns: of one sensor, or a single one, each with its name.
        values: of each column, read as if the signs were decimal.
        at: names the place of a row.

    Raises:
        DataError: names the line of the first number with a sign.
    """
    import polars as pl

    if any(column.dtype != pl.String for column in columns) or not _may_be_thousands(values):
        return
    first: tuple[int, str, str] | None = None
    for column in columns:
        text = column.str.strip_chars().fill_null("")
        separated = text.str.contains(SEPARATED)
        if not (separated | text.str.contains(WHOLE) | text.str.to_lowercase().is_in(list(MISSING))).all():
            return
        if separated.any() and (first is None or (separated.arg_max() or 0) < first[0]):
            row = separated.arg_max() or 0
            first = row, column.name, text[row]
    if first is not None:
        row, name, cell = first
        raise DataError(
            f"{at(row)}: {name} is {cell[:40]!r} beside whole numbers below 1000: its sign seems to separate "
            "thousands. Write thousands without a sign."
        )


def _may_be_thousands(values: Sequence[NDArray[np.float64]]) -> bool:
    """Tell the same from numbers alone, so that texts of usual columns need not be looked at."""
    whole: set[float] = set()
    broken = False
    for each in values:
        for at in slices(len(each)):
            some = np.abs(each[at])
            some = some[np.isfinite(some)]
            even = some == np.floor(some)
            if (some[even] >= 1000).any() or (some[~even] < 1).any():
                return False
            broken = broken or not even.all()
            whole.update(np.unique(some[even & (some >= 10)]).tolist())
    return broken and len(whole) >= SEVERAL
