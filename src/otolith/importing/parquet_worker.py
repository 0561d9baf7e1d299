"""Parquet tables, decoded by a worker process: on some damage Polars ends the process it runs in, which nobody catches.

The worker is joblib's loky. It starts at the first file, serves all that follow, and returns tables as bytes in Arrow's
own format. A file that ends it, or keeps it busy for `LONGEST_S`, is refused, and the next file starts another.
"""

from __future__ import annotations

import atexit
import io
import os
import threading
import time
from concurrent.futures import BrokenExecutor
from typing import TYPE_CHECKING, Any

from otolith.errors import DataError
from otolith.importing.table import Table

if TYPE_CHECKING:
    pass

MAX_CELLS = 200_000_000
"""Cells in a table; a few bytes can claim any number of them."""
LONGEST_S = 600.0

_TURN = threading.Lock()
_WORKERS: dict[int, Any] = {}
"""The executor of each process: a forked child cannot use its parent's."""


class Undecodable(Exception):
    """Bytes that hold no table; the text says why."""


def read_parquet(where: str, content: bytes) -> Table:
    """Read the table in the bytes of a Parquet file.

    Raises:
        DataError: it is damaged, has no row, or claims more than `MAX_CELLS` cells.
    """
    import polars as pl

    if not content:
        raise DataError(f"{where}: the file is empty. Export it again.")
    try:
        frame = pl.read_ipc(io.BytesIO(_in_worker(decoded, content, MAX_CELLS)))
    except Undecodable as reason:
        raise DataError(f"{where}: cannot be read as a Parquet file ({reason}). Export it again.") from None
    if not frame.height or not frame.width:
        raise DataError(f"{where}: the table has no row. Record or export it again.")
    return Table(where, frame)


def columns_of(content: bytes) -> tuple[str, ...]:
    """Return the column names of a Parquet file; none where they cannot be made out."""
    import polars as pl

    try:
        return tuple(pl.read_parquet_schema(io.BytesIO(content)))
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


def _in_worker(work: Any, *arguments: Any) -> Any:
    from joblib.externals.loky import ProcessPoolExecutor

    with _TURN:  # one at a time, so that a file that ends the worker takes no other with it
        if os.getpid() not in _WORKERS:
            _WORKERS[os.getpid()] = ProcessPoolExecutor(1, initializer=_begin, initargs=(os.getpid(),))
        try:
            return _WORKERS[os.getpid()].submit(work, *arguments).result(LONGEST_S)
        except (BrokenExecutor, TimeoutError) as error:
            _end_worker()
            what = "keeps the reader busy without end" if isinstance(error, TimeoutError) else "ends the reader"
            raise Undecodable(f"decoding it {what}") from None


@atexit.register
def _end_worker() -> None:
    executor = _WORKERS.pop(os.getpid(), None)
    if executor is not None:
        executor.shutdown(kill_workers=True)


def _begin(parent: int) -> None:
    """Drop what Polars prints about damage, since the refusal says it, and end with the parent, however that ends."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)
