"""Parquet tables, decoded by a worker process: on some damage Polars ends the process it runs in.

Tables come back as bytes in Arrow's own format.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from otolith.errors import DataError
from otolith.importing.containers.worker import Undecodable, in_worker
from otolith.importing.tables.table import Table
from otolith.system.reading import MOST_LONG, check_regular

MAX_CELLS = 200_000_000
"""Cells in a table; a few bytes can claim any number of them."""


def read_parquet(where: str, content: bytes) -> Table:
    """Read the table in the bytes of a Parquet file.

    Raises:
        DataError: it is damaged, has no row, or claims more than `MAX_CELLS` cells.
    """
    import polars as pl

    if not content:
        raise DataError(f"{where}: the file is empty. Export it again.")
    try:
        frame = pl.read_ipc(io.BytesIO(in_worker(decoded, content, MAX_CELLS)))
    except Undecodable as reason:
        raise DataError(f"{where}: cannot be read as a Parquet file ({reason}). Export it again.") from None
    if not frame.height or not frame.width:
        raise DataError(f"{where}: the table has no row. Record or export it again.")
    return Table(where, frame)


def rows_of(where: str, path: Path) -> int:
    """Return the number of rows in a Parquet file.

    Raises:
        DataError: it is damaged.
    """
    return int(_of_file(where, counted, path))


def read_rows(where: str, path: Path, first: int, n: int) -> Table:
    """Read some rows of a Parquet file.

    Raises:
        DataError: they are damaged.
    """
    import polars as pl

    frame = pl.read_ipc(io.BytesIO(_of_file(where, decoded_rows, path, first, n)))
    return Table(where, frame, np.arange(first + 1, first + 1 + frame.height))


def _of_file(where: str, work: Callable[..., Any], path: Path, *arguments: Any) -> Any:
    try:
        return in_worker(work, str(check_regular(path, MOST_LONG)), *arguments)
    except (Undecodable, OSError) as reason:
        raise DataError(f"{where}: cannot be read as a Parquet file ({reason}). Export it again.") from None


def counted(path: str) -> int:
    """Return the number of rows; the worker runs this."""
    import polars as pl

    try:
        return int(pl.scan_parquet(path).select(pl.len()).collect().item())
    except _damage() as error:
        raise Undecodable((str(error).splitlines() or ["damaged"])[0]) from None


def decoded_rows(path: str, first: int, n: int) -> bytes:
    """Return some rows in Arrow's IPC format; the worker runs this."""
    import polars as pl

    try:
        out = io.BytesIO()
        pl.scan_parquet(path).slice(first, n).collect().write_ipc(out)
        return out.getvalue()
    except _damage() as error:
        raise Undecodable((str(error).splitlines() or ["damaged"])[0]) from None


def columns_of(content: bytes | Path) -> tuple[str, ...]:
    """Return the column names of a Parquet file, or of its bytes; none where they cannot be made out."""
    import polars as pl

    try:
        return tuple(pl.read_parquet_schema(content if isinstance(content, Path) else io.BytesIO(content)))
    except _damage():
        return ()


def decoded(content: bytes, most_cells: int) -> bytes:
    """Return the table of a Parquet file in Arrow's IPC format; the worker runs this.

    Raises:
        Undecodable: there is none, or it claims more than `most_cells` cells.
    """
    import polars as pl

    try:
        lazy = pl.scan_parquet(io.BytesIO(content))
        names = lazy.collect_schema().names()
        rows = int(lazy.select(pl.len()).collect().item())
        if rows * len(names) > most_cells:
            raise Undecodable(f"{rows:,} rows of {len(names):,} columns, over the limit of {most_cells:,} cells")
        out = io.BytesIO()
        pl.read_parquet(io.BytesIO(content)).write_ipc(out)
        return out.getvalue()
    except _damage() as error:
        raise Undecodable((str(error).splitlines() or ["damaged"])[0]) from None


def _damage() -> tuple[type[BaseException], ...]:
    import polars as pl

    return (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError)  # a panic is no Exception
