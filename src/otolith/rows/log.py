"""Rows on disk: append-only JSON lines that survive killed processes, full disks and two writers at once."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path

from otolith.errors import DataError
from otolith.rows.value import SCHEMA, Row, check_of
from otolith.system.locking import release
from otolith.system.reading import read_bytes
from otolith.system.strict import json_value

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Damage:
    """A line that is not a valid row: its number from 1, what is wrong, whether it is an unfinished last line.

    >>> Damage(3, "not JSON").torn
    False
    """

    line: int
    reason: str
    torn: bool = False


@dataclass(frozen=True)
class Scan:
    """All rows and all damaged lines of a file.

    >>> Scan([], []).rows
    []
    """

    rows: list[Row]
    damage: list[Damage]


def _encode(row: Row) -> bytes:
    content = {"schema": row.schema, "key": row.key, "result": row.result, "meta": row.meta, "check": check_of(row)}
    return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(", ", ": ")).encode() + b"\n"


def _decode(line: bytes, path: Path, number: int) -> Row | Damage:
    try:
        content = json_value(line)
    except ValueError as error:
        return Damage(number, f"not JSON: {error}")
    if not isinstance(content, dict) or "schema" not in content:
        return Damage(number, "not a row: expected an object with schema, key, result and meta")
    if content["schema"] != SCHEMA:
        raise DataError(
            f"{path}, line {number}, has row schema {content['schema']!r}; this otolith reads schema "
            f"{SCHEMA}. Install the version that wrote the file"
        )
    unknown = sorted(set(content) - {"schema", "key", "result", "meta", "check"})
    if unknown or not all(isinstance(content.get(name), dict) for name in ("key", "result", "meta")):
        named = f", and does not know {', '.join(map(repr, unknown))}" if unknown else ""
        return Damage(number, f"not a row: expected objects key, result and meta{named}")
    try:
        row = Row(key=content["key"], result=content["result"], meta=content["meta"])
        if "check" in content and content["check"] != check_of(row):
            return Damage(number, "its checksum does not match: something has changed it since it was written")
    except (DataError, RecursionError) as error:
        return Damage(number, str(error))
    return row


def scan(path: Path | str) -> Scan:
    """Return the rows of a file and the lines that are not valid rows, which stay in the file.

    A last line without its newline is what a killed process leaves: it is taken if it is a whole row and reported as
    torn otherwise. A missing file has no rows.

    Raises:
        DataError: a row has another schema, or the file cannot be read.

    >>> _ = Path("rows.jsonl").write_text("no row\\n")
    >>> scan("rows.jsonl").damage[0].line
    1
    """
    path = Path(path)
    try:
        content = read_bytes(path)
    except FileNotFoundError:
        return Scan([], [])
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}. Name a file of rows.") from error
    rows: list[Row] = []
    damage: list[Damage] = []
    lines = content.split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        found = _decode(line, path, number)
        if isinstance(found, Row):
            rows.append(found)
        elif number == len(lines):
            damage.append(Damage(number, "unfinished last line: a process was stopped while writing it", torn=True))
        else:
            damage.append(found)
    return Scan(rows, damage)


def read(path: Path | str) -> list[Row]:
    """Return the rows of a file in the order written; invalid lines are skipped, each with a logged warning.

    Use `scan` to get those lines too. A missing file has no rows.

    Raises:
        DataError: a row has another schema, or the file cannot be read.

    >>> read("missing.jsonl")
    []
    """
    found = scan(path)
    for damage in found.damage:
        _log.warning("%s, line %d, is skipped: %s", path, damage.line, damage.reason)
    return found.rows


def _mend_tail(descriptor: int, path: Path) -> int:
    """End the file with a newline, dropping a torn last line; returns its size. Needs the lock."""
    size = os.fstat(descriptor).st_size
    os.lseek(descriptor, max(size - 1, 0), os.SEEK_SET)
    if size == 0 or os.read(descriptor, 1) == b"\n":
        return size
    os.lseek(descriptor, 0, os.SEEK_SET)
    content = os.read(descriptor, size)
    start = content.rfind(b"\n") + 1
    if isinstance(_decode(content[start:], path, content.count(b"\n") + 1), Row):
        os.write(descriptor, b"\n")
        return size + 1
    _log.warning("%s: an unfinished last line of %d bytes was dropped", path, size - start)
    os.ftruncate(descriptor, start)
    return start


def append(path: Path | str, row: Row) -> None:
    """Add one row and return once it is on disk; several processes may append to one file.

    The line goes out in one write to a file opened for appending, under a lock. A torn last line of a killed process is
    dropped first. A write that fails half-way (a full disk) is taken back, so that the rows already there stay whole.
    The folder is not made: it is there.

    Raises:
        DataError: the file cannot be opened or written.

    >>> append("rows.jsonl", Row({"method": "dynamic"}, {"macro_f1": 0.5}))
    >>> read("rows.jsonl")[0].result
    {'macro_f1': 0.5}
    """
    from filelock import lock_descriptor  # here: it takes time to import

    path = Path(path)
    line = _encode(row)
    try:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
        descriptor = os.open(path, flags, 0o666)
        try:
            lock_descriptor(descriptor)
            _add_line(descriptor, path, line)
        finally:
            release(descriptor)
    except OSError as error:
        reason = error.strerror or error
        raise DataError(
            f"cannot add a row to {path}: {reason}. The rows before it are whole: "
            "make room, or the file writable, then resume"
        ) from error


def _add_line(descriptor: int, path: Path, line: bytes) -> None:
    """Write and flush one line behind the whole ones, or leave the file as long as it was. Needs the lock."""
    size = _mend_tail(descriptor, path)
    try:
        written = os.write(descriptor, line)
        if written != len(line):
            raise OSError(f"only {written} of {len(line)} bytes were written")
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, size)
        raise
