"""Parquet is decoded in a process of its own: on some damage Polars ends the process it runs in, which nobody catches.

The process is started at the first file and serves all that follow. A message is its length, 8 bytes, and its content;
an answer says first whether it is the table, in Arrow's own format, or the reason why there is none.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import IO

COMMAND = (sys.executable, "-m", "otolith.importing.parquet_worker")

_TABLE, _REASON = b"T", b"R"


class Undecodable(Exception):
    """Bytes that are no table; the text says why."""


class Decoder:
    """The process, and one conversation at a time with it; a new one where it has ended, or belongs to a parent."""

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._turn = threading.Lock()

    def decode(self, content: bytes, most_cells: int) -> bytes:
        """The table in the bytes of a Parquet file, in Arrow's IPC format.

        Raises:
            Undecodable: there is none, or one that claims more than `most_cells` cells.
        """
        with self._turn:
            process = self._running()
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                _send(process.stdin, most_cells.to_bytes(8, "little") + content)
                kind = process.stdout.read(1)
                answer = _receive(process.stdout) if kind else None
            except OSError:
                answer = None
            if answer is None:
                self.close()
                raise Undecodable("its pages claim what they do not hold")
        if kind == _REASON:
            raise Undecodable(answer.decode("utf-8", "replace"))
        return answer

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._owner != os.getpid() or self._process.poll() is not None:
            self.close()
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            self._owner = os.getpid()
        return self._process

    def close(self) -> None:
        """End the process; the next file starts another."""
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return
        process.kill()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        process.wait()


DECODER = Decoder()
atexit.register(DECODER.close)


def _send(stream: IO[bytes], content: bytes) -> None:
    stream.write(len(content).to_bytes(8, "little") + content)
    stream.flush()


def _receive(stream: IO[bytes]) -> bytes | None:
    """The next message; None where the other side has ended."""
    size = stream.read(8)
    if len(size) < 8:
        return None
    content = stream.read(int.from_bytes(size, "little"))
    return content if len(content) == int.from_bytes(size, "little") else None


def _table(content: bytes, most_cells: int) -> bytes:
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
    # polars reports some damage as a panic, which is no ordinary exception
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        raise Undecodable((str(error).splitlines() or ["damaged"])[0]) from None


def serve() -> None:
    """Answer until the other side ends."""
    while (asked := _receive(sys.stdin.buffer)) is not None:
        try:
            kind, answer = _TABLE, _table(asked[8:], int.from_bytes(asked[:8], "little"))
        except Undecodable as reason:
            kind, answer = _REASON, str(reason).encode()
        sys.stdout.buffer.write(kind)
        _send(sys.stdout.buffer, answer)


if __name__ == "__main__":
    serve()
