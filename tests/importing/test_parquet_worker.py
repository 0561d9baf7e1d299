"""A file that ends the process that decodes it is refused, and the next one is read."""

from __future__ import annotations

import io
import sys

import polars as pl
import pytest

from otolith.importing.parquet_worker import Decoder, Undecodable

DIES = "import os, sys; sys.stdin.buffer.read(8); os.abort()"
HALF = "import sys; sys.stdin.buffer.read(8); sys.stdout.buffer.write(b'T' + (9).to_bytes(8, 'little') + b'half')"


def parquet(rows: int = 3) -> bytes:
    out = io.BytesIO()
    pl.DataFrame({"x": [float(i) for i in range(rows)]}).write_parquet(out)
    return out.getvalue()


@pytest.mark.parametrize("program", [DIES, HALF])
def test_a_process_that_ends_is_a_refusal(program: str) -> None:
    decoder = Decoder((sys.executable, "-c", program))
    for _ in range(2):
        with pytest.raises(Undecodable, match="do not hold"):
            decoder.decode(parquet(), 100)


def test_one_process_serves_many_and_another_follows_it() -> None:
    decoder = Decoder()
    try:
        for rows in (3, 5):
            assert pl.read_ipc(io.BytesIO(decoder.decode(parquet(rows), 100)))["x"].len() == rows
        first = decoder._process
        assert first is not None
        with pytest.raises(Undecodable, match="5 rows of 1 columns, over the limit of 4 cells"):
            decoder.decode(parquet(5), 4)
        assert decoder._process is first
        first.kill()
        first.wait()
        assert decoder.decode(parquet(), 100)
        assert decoder._process is not first
    finally:
        decoder.close()
