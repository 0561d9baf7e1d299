"""The fingerprint of a data set: one digest of what its files hold.

An index on disk remembers it by the files' paths, sizes and modification times, so that nobody reads a raw file twice
for it.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

from otolith.errors import DataError, StorageError
from otolith.system.files import make_place, write
from otolith.system.reading import MOST_LONG, open_regular, read_text

_FRESH_NS = 2_000_000_000  # a file changed this recently may change again within its time stamp's resolution


def digest_of(dataset: Any, home: Path) -> str:
    """Return the digest of all files' names and bytes, from the index where no file has changed since it was taken."""
    files = _named_files(dataset)
    if not files:
        return ""
    try:
        return _indexed_digest(files, dataset.root, home)
    except OSError as error:
        raise DataError(
            f"{dataset.info.name}: {error.filename} cannot be read ({error.strerror}). Check the file and "
            "its permissions, or fetch the data set again."
        ) from error


def _indexed_digest(files: list[tuple[str, str]], root: Path | None, home: Path) -> str:
    stats = [(name, os.stat(path)) for name, path in files]
    where = str(Path(root).resolve()) if root is not None else ""
    listing = [where, *((name, s.st_size, s.st_mtime_ns) for name, s in stats)]
    fingerprint = hashlib.blake2b(json.dumps(listing).encode(), digest_size=20).hexdigest()
    note = home / "index" / fingerprint
    try:
        digest = read_text(note, 1000).strip()
        if len(digest) == 40:
            return digest
    except (OSError, ValueError):
        pass  # not there, or unreadable: the files are read instead
    newest = max(s.st_mtime_ns for _, s in stats)
    settled = time.time_ns() - newest > _FRESH_NS
    digest = _digest(files)
    if settled:
        _remember(note, digest)
    return digest


def _named_files(dataset: Any) -> list[tuple[str, str]]:
    """(name relative to the data set's root, path) of every file, sorted by name."""
    root = os.path.join(os.fspath(dataset.root), "") if dataset.root is not None else None
    named = []
    for file in dataset.files():
        path = os.fspath(file)
        if root is None:
            name = os.path.basename(path)
        else:
            # relpath looks up the working folder for each file, which for 840 files outlasts the opening
            name = path[len(root) :] if path.startswith(root) else os.path.relpath(path, root)
        named.append((name.replace(os.sep, "/"), path))
    return sorted(named)


def _digest(files: list[tuple[str, str]]) -> str:
    total = hashlib.blake2b(digest_size=20)
    for name, path in files:
        content = hashlib.blake2b(digest_size=32)
        with open_regular(path, MOST_LONG) as stream:
            while block := stream.read(1 << 20):
                content.update(block)
        # one fixed-size digest for each file: bytes cannot move from one file to the next unnoticed
        total.update(json.dumps([name, content.hexdigest()]).encode())
    return total.hexdigest()


def _remember(note: Path, digest: str) -> None:
    try:
        make_place(note)
        write(note, digest, sync=False)
    except StorageError:
        return  # the index only saves time; a folder that cannot be written is reported when the entry is
