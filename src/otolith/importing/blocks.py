"""Files too long for memory, read a block at a time: rows of a text or Parquet file, sectors or pages of a device.

Each block goes the way of a short file, up to samples on one clock; these are put one after the other on disk. Whatever
looks at a recording as a whole (units, gravity, rate, gaps, flags) then looks at all of it there. What a block decides
and repairs has to be what the whole would have given: where a block decides otherwise than the first, its clock was
changed, or it does not follow the one before in time, blocks are given up, and the file is read whole.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeVar

from otolith.errors import DataError
from otolith.importing.devices.pieces import CWA_HEADER, CWA_SECTOR, PIECES, Tail
from otolith.importing.joined import Apart, Joined, NotInBlocks
from otolith.importing.session import Folder, Session, Sheet, kind_of, table_of
from otolith.importing.signals.assemble import Prepared, prepare
from otolith.importing.signals.repair import NoSample
from otolith.importing.tables.encodings import unicode_of
from otolith.importing.tables.parquet_worker import read_rows, rows_of
from otolith.importing.tables.text import HEAD_BYTES, lines_above

if TYPE_CHECKING:
    from otolith.importing.questions import Questions
    from otolith.importing.tables.table import Table

    Read = Callable[[Folder, Questions, list[str]], Iterator[Session]]

T = TypeVar("T")
LONG_BYTES = {"text": 64 << 20, "parquet": 48 << 20, "device": 16 << 20}
"""Sizes from which files are read in blocks."""
BLOCK_BYTES, BLOCK_ROWS = 8 << 20, 1 << 18
DEVICES = {b"MD\xfc\x03": "axivity", b"Device Identity": "geneactiv"}
"""First bytes of what devices write."""


@dataclass(frozen=True)
class _Rows(Sheet):
    """A file of which only some rows are there."""

    rows: Table

    def table(self) -> Table:
        return self.rows


def kind_of_long(folder: Folder) -> str | None:
    """Return "text", "parquet" or the kind of a device for a folder of one file that is long; None for any other."""
    if len(folder.sheets) != 1 or folder.sheets[0].named_by is not None:
        return None
    sheet = folder.sheets[0]
    member = sheet.member
    size = member.size or member.packed
    if size < min(LONG_BYTES.values()):
        return None
    head = member.read_some(HEAD_BYTES)
    device = next((kind for begin, kind in DEVICES.items() if head.startswith(begin)), None)
    if member.kind == ".gt3x":
        device = "actigraph"
    if device is not None:
        return device if size >= LONG_BYTES["device"] else None
    if kind_of(member.kind, head) == ".parquet":
        return "parquet" if size >= LONG_BYTES["parquet"] and member.path is not None else None
    is_plain = sheet.layout is not None and not sheet.is_json and not unicode_of(head).startswith("utf-16")
    is_plain = is_plain and head.count(b"\n") > head.replace(b"\r\n", b"").count(b"\r")
    return "text" if is_plain and size >= LONG_BYTES["text"] else None


def read_in_blocks(
    folder: Folder, kind: str, read: Read, questions: Questions, passed: list[str], scratch: Path
) -> Prepared:
    """Return the recording in a long file, its samples in files without a name in `scratch`.

    Args:
        kind: see `kind_of_long`.
        read: of `otolith.importing.read`: folder -> its sessions.
        passed: takes files without motion.

    Raises:
        NotInBlocks: it has to be read whole.
        DataError: `scratch` cannot be written.
    """
    for together in (True, False):
        with contextlib.suppress(Apart):
            return _read(folder, kind, read, questions, passed, Joined(scratch, kind == "axivity", together))
    raise AssertionError("sensors that are kept apart never come apart")


def _read(folder: Folder, kind: str, read: Read, questions: Questions, passed: list[str], joined: Joined) -> Prepared:
    (sheet,) = folder.sheets
    tail = Tail()
    if kind == "text":
        blocks = _of_text(sheet)
    elif kind == "parquet":
        blocks = _of_parquet(sheet)
    else:
        blocks = _of_device(sheet, kind, tail)
    with contextlib.closing(joined):
        try:
            for block, n_before in _one_ahead(blocks):
                sessions = list(read(replace(folder, sheets=(block,)), questions, []))
                if len(sessions) != 1:
                    raise NotInBlocks(f"it holds {len(sessions)} recordings")
                try:
                    ready = prepare(sessions[0], questions)
                except NoSample:
                    joined.add_empty(sessions[0])
                else:
                    joined.add(sessions[0], ready, n_before)
        except DataError as error:
            raise NotInBlocks(str(error)) from None
        found = joined.finish()
    if tail.broken:
        found.session.findings.repair(sheet.where, tail.broken, 1)
    passed += found.session.findings.passed_over
    return found


def _one_ahead(blocks: Iterator[T]) -> Iterator[T]:
    """Yield the same; a thread decodes the next one while one is worked on."""
    with ThreadPoolExecutor(1) as thread:
        following = thread.submit(next, blocks, None)
        while (block := following.result()) is not None:
            following = thread.submit(next, blocks, None)
            yield block


def _of_text(sheet: Sheet) -> Iterator[tuple[Sheet, int]]:
    """Yield a text's rows, with the lines above them in each block, and the number of rows before."""
    member = sheet.member
    head = member.read_some(HEAD_BYTES)
    n_above = lines_above(head)
    above = b"".join(line + b"\n" for line in head.split(b"\n")[:n_above])
    rest, line, height, repairs = b"", 0, 0, None
    for chunk, is_short in _ahead(member.chunks(BLOCK_BYTES)):
        rest += chunk
        if is_short:  # the last rows are no block of their own
            continue
        if not line and not height:
            if not rest.startswith(above):
                continue
            rest, line = rest[len(above) :], n_above
        stop = rest.rfind(b"\n") + 1 if chunk else len(rest)
        body, rest = rest[:stop], rest[stop:]
        if not body.strip():
            continue
        table = table_of(sheet.where, member.kind, above + body)
        if table.lines is None:
            raise NotInBlocks("its lines are not counted")
        table.lines += line - n_above
        said = [(_of_line(what, line - n_above), count) for what, count in table.repairs]
        table.repairs = [each for each in said if repairs is None or each not in repairs]
        repairs = table.repairs if repairs is None else repairs
        yield _Rows(member, table), height
        line += body.count(b"\n")
        height += table.height


def _of_line(what: str, further: int) -> str:
    """Return the words on a repair of a line, whose number counts from the beginning of the file."""
    return re.sub(r"(?<=^line )\d+", lambda found: str(int(found[0]) + further), what)


def _ahead(chunks: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yield chunks and then an empty one, each with the answer if the one that follows is the last and a short one."""
    before: bytes | None = None
    for chunk in chunks:
        if before is not None:
            yield before, len(chunk) < BLOCK_BYTES // 2
        before = chunk
    if before is not None:
        yield before, True
    yield b"", False


def _of_parquet(sheet: Sheet) -> Iterator[tuple[Sheet, int]]:
    path = sheet.member.path
    assert path is not None
    n = rows_of(sheet.where, path)
    each = -(-n // max(1, round(n / BLOCK_ROWS)))  # of equal size, so that the last is not too short
    for at in range(0, n, each):
        yield _Rows(sheet.member, read_rows(sheet.where, path, at, each)), at


def _of_device(sheet: Sheet, kind: str, tail: Tail) -> Iterator[tuple[Sheet, int]]:
    """Yield the pieces of a device's file; those of Axivity with the first sector of the next one, whose begin the
    last of this one may have to end before."""
    member = sheet.member
    with member.seekable() if kind == "actigraph" else member.opened() as stream:
        before: bytes | None = None
        for content in chain(PIECES[kind](member.where, stream, tail), [None]):
            if before is not None:
                ahead = content[CWA_HEADER : CWA_HEADER + CWA_SECTOR] if content and kind == "axivity" else b""
                piece = before + ahead
                opened = _Bytes(piece)
                yield Sheet(replace(member, opened=opened, size=len(piece), packed=len(piece), path=None)), 0
            before = content


@dataclass(frozen=True)
class _Bytes:
    """Opens what is in memory as a file."""

    content: bytes

    def __call__(self) -> AbstractContextManager[IO[bytes]]:
        return nullcontext(io.BytesIO(self.content))
