"""Reads tables of numbers from text fast, and when one is damaged finds the line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from otolith.errors import DataError
from otolith.system import reading

if TYPE_CHECKING:
    import polars as pl

CURE = "The file is damaged: restore it from the original."
UNNAMED = "(unnamed)"
"""Name of a column without one, such as the row numbers that pandas writes."""


def read_bytes(path: Path) -> bytes:
    """Content of a file.

    Raises:
        DataError: the file is missing, cannot be read, or is not a regular file.
    """
    try:
        return reading.read_bytes(path)
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror or error}). Check the path and the permissions, or restore "
            "the file."
        ) from error


def read_numbers(
    path: Path,
    columns: Sequence[str],
    separator: str,
    *,
    content: bytes | None = None,
    first_line: int = 1,
    integers: Sequence[str] = (),
    texts: Sequence[str] = (),
) -> pl.DataFrame:
    """Return a table of finite numbers, one row a line.

    Args:
        columns: name of each column; a line holds exactly as many values.
        content: the rows themselves where something precedes them; None reads the file.
        first_line: line number of the first row, for messages.
        integers, texts: columns of whole numbers (Int64) and of text (String); the others are Float64.

    Raises:
        DataError: no row, a line with too few or too many values, or a value that is not a finite number; names
            the file, the line and the value.
    """
    import polars as pl

    text = read_bytes(path) if content is None else content
    schema = {name: pl.Int64 if name in integers else pl.String if name in texts else pl.Float64 for name in columns}
    try:
        frame = reading.csv_rows(text, separator=separator, schema=schema, quote_char=None)
        problem = "" if _all_finite(frame.drop(texts)) else "it holds values that are not finite numbers"
    except pl.exceptions.NoDataError:
        problem = "it holds no samples"
    except pl.exceptions.PolarsError as error:
        problem = str(error).splitlines()[0]
    if problem:
        _explain(path, text, columns, separator, first_line, integers, texts)
        raise DataError(f"{path}: is not a table of {', '.join(columns)} ({problem}). {CURE}")
    if frame.height == 0:
        raise DataError(f"{path}: holds no samples, expected lines of {', '.join(columns)}. {CURE}")
    return frame


def read_columns(
    path: Path, columns: Sequence[str], *, integers: Sequence[str] = (), texts: Sequence[str] = ()
) -> pl.DataFrame:
    """Return columns of a comma-separated table, found by the names in its first line; UNNAMED where that has none.

    Args:
        columns: those of finite numbers.
        integers, texts: those of whole numbers and of text, returned beside them; other columns are not looked at.

    Raises:
        DataError: a column is absent, or as `read_numbers`.
    """
    head, _, rows = read_bytes(path).partition(b"\n")
    header = [name or UNNAMED for name in head.decode("utf-8", errors="replace").strip().split(",")]
    wanted = [*columns, *integers, *texts]
    absent = [column for column in wanted if column not in header]
    if absent:
        raise DataError(f"{path}, line 1: no column {', '.join(absent)}; it has {', '.join(header)[:200]}. {CURE}")
    others = [column for column in header if column not in (*columns, *integers)]
    frame = read_numbers(path, header, ",", content=rows, first_line=2, integers=integers, texts=others)
    return frame.select(wanted)


def _all_finite(frame: pl.DataFrame) -> bool:
    """Return True unless a value of a numeric table is missing, NaN or infinite."""
    import polars as pl

    kinds = frame.schema.values()  # long digits become a type of their own, which numpy has no name for
    if any(frame.null_count().row(0)) or not all(kind.is_numeric() for kind in kinds):
        return False
    return bool(np.isfinite(frame.cast(pl.Float64).to_numpy()).all())


def _explain(
    path: Path,
    text: bytes,
    columns: Sequence[str],
    separator: str,
    first_line: int,
    integers: Sequence[str],
    texts: Sequence[str],
) -> None:
    """Slow scan that raises at the first line that breaks the rule; returns when it finds none."""
    for number, line in enumerate(text.decode("utf-8", errors="replace").splitlines(), first_line):
        values = line.split(separator)
        if len(values) != len(columns):
            raise DataError(
                f"{path}, line {number}: {len(values) if line.strip() else 0} values, expected "
                f"{len(columns)} ({', '.join(columns)}). {CURE}"
            )
        for column, value in zip(columns, values, strict=True):
            try:
                whole = column in integers
                good = column in texts or (abs(int(value)) < 2**63 if whole else math.isfinite(float(value)))
            except (ValueError, OverflowError):
                good = False
            if not good:
                wanted = "a whole number" if whole else "a finite number"
                raise DataError(f"{path}, line {number}: {column} is {value.strip()[:40]!r}, expected {wanted}. {CURE}")
