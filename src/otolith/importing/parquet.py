"""Parquet tables, decoded apart and within a limit on what a small file may claim to hold."""

from __future__ import annotations

import io

from otolith.errors import DataError
from otolith.importing.parquet_worker import DECODER, Undecodable
from otolith.importing.table import Table

MAX_CELLS = 200_000_000


def read_parquet(where: str, content: bytes) -> Table:
    """The table in the bytes of a Parquet file.

    Raises:
        DataError: it is damaged, has no row, or claims more than `MAX_CELLS` cells.
    """
    import polars as pl

    if not content:
        raise DataError(f"{where}: is empty. Export it again.")
    try:
        frame = pl.read_ipc(io.BytesIO(DECODER.decode(content, MAX_CELLS)))
    except Undecodable as reason:
        raise DataError(f"{where}: is no readable Parquet file ({reason}). Export it again.") from None
    if not frame.height or not frame.width:
        raise DataError(f"{where}: has no row. Record or export it again.")
    return Table(where, frame)


def columns_of(content: bytes) -> tuple[str, ...]:
    """Column names of a Parquet file; empty where they cannot be made out."""
    import polars as pl

    try:
        return tuple(pl.read_parquet_schema(io.BytesIO(content)))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError):
        return ()
