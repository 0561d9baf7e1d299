"""Tables: named columns, and for every row the line it stands on."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from otolith.errors import DataError
from otolith.importing.tables.missing import MISSING
from otolith.importing.tables.thousands import refuse_thousands

if TYPE_CHECKING:
    import polars as pl

    from otolith.importing.disk_buffer import Keep


@dataclass
class Table:
    """Columns of text (from CSV) or of whatever type they have (from Parquet).

    `lines` is the number of each row, None where it is its place. `repairs` are (what, how many) that reading
    it took; `comments` the lines above its header. `units` are those of columns that a row beneath the header names.
    """

    where: str
    frame: pl.DataFrame
    lines: NDArray[np.int64] | None = None
    comments: tuple[str, ...] = ()
    repairs: list[tuple[str, int]] = field(default_factory=list)
    unit: str = "row"
    """The things that `lines` count: lines of a text, or rows."""
    units: dict[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.frame.columns)

    @property
    def height(self) -> int:
        return self.frame.height

    def at(self, row: int) -> str:
        """Name the place of a row, for messages."""
        number = int(self.lines[row]) if self.lines is not None else row + 1
        return f"{self.where}, {self.unit} {number}"

    def require(self, *columns: str) -> None:
        """Refuse a table without all of these columns.

        Raises:
            DataError: names the columns that there are.
        """
        for column in columns:
            if column not in self.columns:
                listed = ", ".join(name[:60] for name in self.columns[:40])
                raise DataError(f"{self.where}: has no column {column!r}. Name one of its columns: {listed}.")

    def series(self, column: str) -> pl.Series:
        """Return the cells of a column, of the type that they have.

        Raises:
            DataError: there is no such column, as where names differ from those that the first lines gave.
        """
        self.require(column)
        return self.frame[column]

    def only(self, rows: NDArray[np.bool_]) -> Table:
        """Return the rows that a mask keeps, as a table of their own."""
        lines = self.lines[rows] if self.lines is not None else np.flatnonzero(rows) + 1
        return Table(self.where, self.frame.filter(rows), lines, self.comments, unit=self.unit, units=self.units)

    @classmethod
    def hollow(cls, where: str, columns: tuple[str, ...], unit: str) -> Table:
        """Return a table that has names and places of rows alone, for samples that come from elsewhere."""
        return cls(where, _without_rows(columns), unit=unit)

    def outline(self, keep: Keep) -> Table:
        """Return the table without its cells: its name, its columns, and the place of each row."""
        lines = None if self.lines is None else keep(self.lines)
        return Table(self.where, _without_rows(self.columns), lines, unit=self.unit, units=self.units)

    def is_number(self, column: str) -> bool:
        """Tell if the column has a numeric type, or its first texts are all numbers."""
        values = self.series(column)
        if not _is_text(values):
            return bool(values.dtype.is_numeric())
        head = values.head(200)
        try:
            return bool(np.isfinite(self._parsed(column, head)).any())
        except DataError:
            return False

    def numbers(self, column: str) -> NDArray[np.float64]:
        """Return the values of a column; NaN where the cell is empty or does not hold a number.

        Raises:
            DataError: a cell that is neither, or signs separate thousands; names file, line and value.
        """
        values = self._parsed(column, self.series(column))
        refuse_thousands((self.series(column),), (values,), self.at)
        return values

    def integers(self, column: str) -> NDArray[np.int64] | None:
        """Return the values of a column where all are whole numbers below 2^63, in full precision; else None."""
        import polars as pl

        values = self.series(column)
        if _is_text(values):
            values = values.str.strip_chars().cast(pl.Int64, strict=False)
        elif not values.dtype.is_integer():
            return None
        whole = values.cast(pl.Int64, strict=False)
        return None if whole.null_count() or not len(whole) else whole.to_numpy()

    def text(self, column: str) -> pl.Series:
        """Return the cells of a column as text without blanks around it; null where there is none.

        Raises:
            DataError: a column of lists or bytes, which have no text.
        """
        import polars as pl

        values = self.series(column)
        try:
            return values.cast(pl.String, strict=False).str.strip_chars()
        except pl.exceptions.PolarsError as error:
            raise DataError(
                f"{self.where}: column {column!r} of type {values.dtype} cannot be read as text ({error}). Name "
                "another column."
            ) from error

    def said(self, column: str) -> pl.Series:
        """Return the same where a column is only looked at; "" where there is none, or the column has no text."""
        import polars as pl

        try:
            return self.text(column).fill_null("")
        except DataError:
            return pl.repeat("", self.height, dtype=pl.String, eager=True)

    def texts(self, column: str) -> list[str]:
        """Return the same as a list; "" where there is none."""
        return self.text(column).fill_null("").to_list()

    def may_name(self, column: str, most: int) -> bool:
        """Tell if a column may hold at most `most` names or numbers of names, by its type and its first cells."""
        values = self.series(column)
        return not values.dtype.is_float() and values.head(100 * most).n_unique() <= most + 1

    def first(self, column: str) -> str:
        """Return the first cell, as text."""
        return str(self.series(column)[0])

    def _parsed(self, column: str, values: pl.Series) -> NDArray[np.float64]:
        import polars as pl

        if not _is_text(values):
            if not (values.dtype.is_numeric() or values.dtype == pl.Null):
                raise DataError(
                    f"{self.where}: column {column!r} holds {values.dtype}, expected numbers. Name another column."
                )
            out = np.array(values.cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy(), np.float64)
        else:
            text = values.str.strip_chars()
            parsed = text.cast(pl.Float64, strict=False)
            out = np.array(parsed.fill_null(np.nan).to_numpy(), np.float64)
            odd = np.flatnonzero((parsed.is_null() & text.is_not_null()).to_numpy())
            if odd.size:
                out[odd] = self._odd(column, text, parsed, odd)
        return np.where(np.isfinite(out), out, np.nan)

    def _odd(self, column: str, text: pl.Series, parsed: pl.Series, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return numbers that are not spelled plainly: with decimal comma or typographic minus, or none at all."""
        import polars as pl

        plain = text.gather(rows).str.replace_all("−", "-", literal=True)
        comma = plain.str.contains(r"^[+-]?\d*,\d+(?:[eE][+-]?\d+)?$")
        again = plain.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
        usual = plain.str.contains(",", literal=True).not_() | comma
        bad = (again.is_null() | ~usual) & ~plain.str.to_lowercase().is_in(list(MISSING))
        if bad.any():
            row = int(rows[int(np.argmax(bad.to_numpy()))])
            raise DataError(f"{self.at(row)}: {column} is {text[row][:40]!r}, expected a number. Repair the line.")
        point = parsed.is_not_null() & text.str.contains(".", literal=True)
        if comma.any() and point.any():  # with two signs in one column, one of them might separate thousands
            row = int(rows[int(np.argmax(comma.to_numpy()))])
            other = text.filter(point)[0][:40]
            raise DataError(
                f"{self.at(row)}: {column} is {text[row][:40]!r}, but {other!r} elsewhere. Write the whole column with "
                "one decimal sign, and thousands without any."
            )
        return again.fill_null(np.nan).to_numpy()


@lru_cache(maxsize=64)
def _without_rows(columns: tuple[str, ...]) -> pl.DataFrame:
    """Return one for all tables of the same columns."""
    import polars as pl

    return pl.DataFrame(schema=dict.fromkeys(columns, pl.Null))


def _is_text(values: pl.Series) -> bool:
    import polars as pl

    return bool(values.dtype == pl.String)
