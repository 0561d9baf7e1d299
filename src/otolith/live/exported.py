"""Keep exported models from one start to the next: an export takes seconds, reading its file does not.

A file is named KEY-SHA256.onnx, by everything that the export depends on and by its own content. It is put in place
whole, so that several servers may write at once; a file with another content than its name says is removed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from otolith import __version__
from otolith.errors import StorageError
from otolith.system import files
from otolith.system.home import home
from otolith.system.reading import open_regular, read_bytes

FORMAT = 1
"""Number to raise when the same versions of all packages are to export something else."""
PACKAGES = ("torch", "onnx", "onnx-ir", "onnxscript", "onnxruntime")
"""Packages that write and check the file."""
KEPT = 8
"""Number of files that are kept, those that were used last."""
_ABANDONED_S = 24 * 3600
"""Age in seconds of half-written files that belong to a process that was killed."""


def folder() -> Path:
    """Return the folder that keeps them: `live/exported` in otolith's home."""
    return home() / "live" / "exported"


def checksum(bundle: Path) -> str:
    """Return the checksum of a bundle's files; "" where they cannot be read, which `load_model` reports."""
    from otolith.model.bundle import CARD, WEIGHTS
    from otolith.model.place import place_of

    digest = hashlib.sha256()
    try:
        for name in (CARD, WEIGHTS):
            with open_regular(place_of(bundle) / name) as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    except OSError:
        return ""
    return digest.hexdigest()


def key(checksum: str, terms: Sequence[str]) -> str:
    """Return the name of the export of a bundle with this checksum and terms by the installed versions."""
    settings = [FORMAT, checksum, list(terms), __version__, *map(_version, PACKAGES)]
    return hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:24]


def find(name: str) -> bytes | None:
    """Return the content of the file with this key; None where there is no whole one."""
    for path in folder().glob(f"{name}-*.onnx"):
        with contextlib.suppress(OSError):
            content = read_bytes(path)
            if path == _path(name, content):
                with contextlib.suppress(OSError):  # the folder may be read-only
                    os.utime(path)
                return content
            path.unlink()
    return None


def keep(name: str, content: bytes) -> None:
    """Write a file, and remove all but the last `KEPT`.

    Raises:
        StorageError: it cannot be written.
    """
    path = _path(name, content)
    try:
        files.make_place(path)
        files.write(path, content)
    except (OSError, StorageError) as error:
        reason = error.__cause__ or error
        raise StorageError(
            f"The exported model cannot be kept ({reason}), and the next start will export it again; OTOLITH_HOME "
            "names another place."
        ) from error
    _tidy()


def _tidy() -> None:
    found: list[tuple[float, Path]] = []
    for path in [*folder().glob("*.onnx"), *files.half_written(folder())]:
        with contextlib.suppress(OSError):  # another server has just removed it
            found.append((path.stat().st_mtime, path))
    whole = sorted((each for each in found if each[1].suffix == ".onnx"), reverse=True)
    old = [each for each in found if each[1].suffix != ".onnx" and time.time() - each[0] > _ABANDONED_S]
    for _, path in [*whole[KEPT:], *old]:
        with contextlib.suppress(OSError):
            path.unlink()


def _path(name: str, content: bytes) -> Path:
    return folder() / f"{name}-{hashlib.sha256(content).hexdigest()}.onnx"


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
