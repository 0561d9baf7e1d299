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


def read_bytes(path: Path) -> bytes:
    """Content of a file.

    Raises:
        DataError: the file is missing, cannot be read, or is no regular file.
    """
    try:
        return reading.read_bytes(path)
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror or error}). Restore the file from the original."
        ) from error


def read_numbers(
    path: Path,
    columns: Sequence[str],
    separator: str,
    *,
    content: bytes | None = None,
    first_line: int = 1,
    integers: Sequence[str] = (),
) -> pl.DataFrame:
    """Return a table of finite numbers without a header, one row a line.

    Args:
        columns: name of each column; a line holds exactly as many values.
        content: the text itself where only part of the file is a table; None reads the file.
        first_line: line number of the first row, for messages.
        integers: columns of whole numbers (Int64); the others are Float64.

    Raises:
        DataError: no row, a line with too few or too many values, or a value that is no finite number; names
            the file, the line and the value.
    """
    import polars as pl

    text = read_bytes(path) if content is None else content
    schema = {name: pl.Int64 if name in integers else pl.Float64 for name in columns}
    try:
        frame = pl.read_csv(text, separator=separator, has_header=False, schema=schema, quote_char=None)
    except pl.exceptions.PolarsError as error:
        _explain(path, text, columns, separator, first_line, integers)
        raise DataError(
            f"{path}: is no table of {', '.join(columns)} ({str(error).splitlines()[0]}). {CURE}"
        ) from error
    if frame.height == 0:
        raise DataError(f"{path}: holds no samples, expected lines of {', '.join(columns)}. {CURE}")
    if any(frame.null_count().row(0)) or not all_finite(frame):
        _explain(path, text, columns, separator, first_line, integers)
        raise DataError(f"{path}: holds values that are no finite numbers. {CURE}")
    return frame


def all_finite(frame: pl.DataFrame) -> bool:
    """Return True unless a value of a numeric table is NaN or infinite."""
    import polars as pl

    kinds = frame.schema.values()  # long digits become a type of their own, which numpy has no name for
    return all(kind.is_numeric() for kind in kinds) and bool(np.isfinite(frame.cast(pl.Float64).to_numpy()).all())


def _explain(
    path: Path, text: bytes, columns: Sequence[str], separator: str, first_line: int, integers: Sequence[str]
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
            require_number(path, number, column, value, whole=column in integers)


def require_number(path: Path, line: int, column: str, value: str, whole: bool = False) -> None:
    """Raise DataError, naming all its arguments, unless `value` is the text of a finite (or whole) number."""
    try:
        good = abs(int(value)) < 2**63 if whole else math.isfinite(float(value))
    except (ValueError, OverflowError):
        good = False
    if not good:
        wanted = "a whole number" if whole else "a finite number"
        raise DataError(f"{path}, line {line}: {column} is {value.strip()[:40]!r}, expected {wanted}. {CURE}")
