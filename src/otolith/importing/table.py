"""A table that was read: named columns, and for every row the line it stands on."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from otolith.errors import DataError

if TYPE_CHECKING:
    import polars as pl

MISSING = ("", "nan", "na", "n/a", "null", "inf", "-inf", "+inf", "infinity", "-infinity", "∞", "-∞")
"""Texts, in lower case, that stand for no number; a row with one of them holds no sample of that sensor."""


@dataclass
class Table:
    """Columns of text (from CSV) or of whatever type they have (from Parquet).

    `lines` is the number of each row, None where it is its place. `repairs` are (what, how many) that reading
    it took; `comments` the lines before its header that begin with #.
    """

    where: str
    frame: pl.DataFrame
    lines: NDArray[np.int64] | None = None
    comments: tuple[str, ...] = ()
    repairs: list[tuple[str, int]] = field(default_factory=list)
    unit: str = "row"
    """What `lines` count: lines of a text, or rows."""

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.frame.columns)

    @property
    def height(self) -> int:
        return self.frame.height

    def at(self, row: int) -> str:
        """Where a row stands, for messages."""
        number = int(self.lines[row]) if self.lines is not None else row + 1
        return f"{self.where}, {self.unit} {number}"

    def require(self, *columns: str) -> None:
        """Raise DataError, naming the columns there are, unless all of these are among them."""
        for column in columns:
            if column not in self.columns:
                listed = ", ".join(self.columns[:40])
                raise DataError(f"{self.where}: has no column {column!r}. Its columns: {listed}.")

    def only(self, rows: NDArray[np.bool_]) -> Table:
        """The rows that a mask keeps, as a table of their own."""
        lines = self.lines[rows] if self.lines is not None else np.flatnonzero(rows) + 1
        return Table(self.where, self.frame.filter(rows), lines, self.comments, unit=self.unit)

    def is_number(self, column: str) -> bool:
        """Whether the column has a numeric type, or its first texts are all numbers."""
        values = self.frame[column]
        if not _is_text(values):
            return bool(values.dtype.is_numeric())
        head = values.head(200)
        try:
            return bool(np.isfinite(self._parsed(column, head)).any())
        except DataError:
            return False

    def numbers(self, column: str) -> NDArray[np.float64]:
        """Values of a column; NaN where the cell is empty or says that there is no number.

        Raises:
            DataError: a cell that is neither; names file, line and value.
        """
        return self._parsed(column, self.frame[column])

    def integers(self, column: str) -> NDArray[np.int64] | None:
        """Values of a column where all are whole numbers below 2^63, in full precision; else None."""
        import polars as pl

        values = self.frame[column]
        if _is_text(values):
            values = values.str.strip_chars().cast(pl.Int64, strict=False)
        elif not values.dtype.is_integer():
            return None
        whole = values.cast(pl.Int64, strict=False)
        return None if whole.null_count() or not len(whole) else whole.to_numpy()

    def texts(self, column: str) -> list[str]:
        """Cells of a column as text without blanks around it; "" where there is none."""
        import polars as pl

        values = self.frame[column]
        try:
            text = values.cast(pl.String, strict=False)
        except pl.exceptions.PolarsError as error:
            raise DataError(f"{self.where}: column {column!r} of type {values.dtype} has no text ({error}).") from error
        return [item.strip() if item is not None else "" for item in text.to_list()]

    def first(self, column: str) -> str:
        """The first cell, as text."""
        return str(self.frame[column][0])

    def _parsed(self, column: str, values: pl.Series) -> NDArray[np.float64]:
        import polars as pl

        if not _is_text(values):
            if not (values.dtype.is_numeric() or values.dtype == pl.Null):
                raise DataError(f"{self.where}: column {column!r} holds {values.dtype}, expected numbers.")
            return np.array(values.cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy(), np.float64)
        text = values.str.strip_chars()
        parsed = text.cast(pl.Float64, strict=False)
        wrong = (parsed.is_null() & text.is_not_null()).to_numpy()
        if wrong.any():
            odd = text.filter(pl.Series(wrong)).str.replace_all("−", "-", literal=True)
            odd = odd.str.replace(r"^([+-]?\d*),(\d+(?:[eE][+-]?\d+)?)$", "$1.$2")
            again = odd.cast(pl.Float64, strict=False)
            bad = again.is_null() & ~odd.str.to_lowercase().is_in(MISSING)
            if bad.any():
                first = int(np.flatnonzero(bad.to_numpy())[0])
                row = int(np.flatnonzero(wrong)[first])
                raise DataError(f"{self.at(row)}: {column} is {text[row][:40]!r}, expected a number. Repair the line.")
            out = np.array(parsed.fill_null(np.nan).to_numpy(), np.float64)
            out[wrong] = again.fill_null(np.nan).to_numpy()
        else:
            out = np.array(parsed.fill_null(np.nan).to_numpy(), np.float64)
        return np.where(np.isfinite(out), out, np.nan)


def _is_text(values: pl.Series) -> bool:
    import polars as pl

    return bool(values.dtype == pl.String)


def normal(header: str) -> str:
    """A header in lower case with single blanks, for comparing.

    >>> normal(" Time  (s)")
    'time (s)'
    """
    return re.sub(r"\s+", " ", header).strip().lower()
