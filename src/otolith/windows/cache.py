"""Windows on disk: memory-mapped arrays that are built once for each content and each choice of window.

An entry is a folder `NAME-KEY` with x.npy, y.npy, subject.npy, recording.npy, start.npy and manifest.json.
KEY digests the bytes of the data set's files and the settings, so that neither a changed file nor another
window length can meet a stale entry.

An entry is put in place as a whole: whoever sees it sees all of it. Where two processes build the same one at once,
both are right and the last one stays. An entry that is damaged (missing, truncated or altered files) is built again.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from otolith.errors import DataError, StorageError
from otolith.progress import SILENT, Progress
from otolith.system.files import make_folder, restore, restore_all, whole_folder
from otolith.system.home import home
from otolith.system.reading import MOST_TEXT, check_regular, open_regular, read_bytes
from otolith.system.strict import json_value
from otolith.windows import WindowMeta, Windows
from otolith.windows.blocks import cut_to_files, npy_header
from otolith.windows.cutting import say_repairs
from otolith.windows.fingerprint import digest_of
from otolith.windows.value import DIGITS

FORMAT = 2
"""Version of the layout and of the cutting rule: raise it whenever either changes what a window holds."""

ARRAYS = ("x", "y", "subject", "recording", "start")

_WHOLE: dict[str, tuple[Any, ...]] = {}
"""Files whose bytes this process has compared with their checksum, and what they looked like then."""
_WORTH_WORKERS = 256 << 20  # bytes of files, which take as long to read as processes to start


def windows_for(
    dataset: Any,
    rate_hz: float = 30.0,
    seconds: float = 1.0,
    overlap: float = 0.5,
    unlabelled: bool = False,
    channels: Sequence[str] | None = None,
    folder: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    progress: Progress = SILENT,
) -> Windows:
    """Return the windows of a data set (see `windows.cut`), from the cache or cut now and stored there.

    They go to disk as they are cut: memory holds one recording for each process that reads them.

    Args:
        dataset: a `datasets.Dataset`: `info`, `root`, `files()`, `recordings()` and `cache_key()` are used.
        rate_hz, seconds, overlap, unlabelled: as in `windows.cut`; channels: in this order, None: all.
        folder: where entries live; None: `windows` in `$OTOLITH_HOME`, else in the system's cache folder.
        workers: processes that read and cut recordings, where the data set can hand them out (`readers`); the
            windows are the same to the byte. None: one for each core, and one alone for small data sets.
        progress: is told of recordings as they are cut, and of repaired time stamps.

    Returns:
        Windows whose arrays are memory-mapped and read-only: only what is touched is read.

    Raises:
        DataError: whatever `windows.cut` finds wrong with the recordings, or a folder that cannot be written.
    """
    meta = WindowMeta.of(dataset.info, rate_hz, seconds, overlap, channels)
    home = Path(folder) if folder is not None else _default_folder()
    files = digest_of(dataset, home)
    key = _key(meta, unlabelled, str(dataset.cache_key()), files)
    told = json.dumps([str(dataset.cache_key()), meta.activities, files])
    meta = replace(meta, content=hashlib.sha256(told.encode()).hexdigest()[:DIGITS])
    # a user's data set may have any name; the key alone tells entries apart
    entry = home / f"{re.sub(r'[^A-Za-z0-9_-]+', '_', meta.dataset)[:40]}-{key[:24]}"
    restore(entry)
    found = open_entry(entry, meta)
    if found is not None:
        return found
    if entry.exists():
        progress.say(f"The windows in {entry} are damaged or of an earlier version; they are cut again.")
    readers = dataset.readers() if hasattr(dataset, "readers") else ()
    try:
        make_folder(home)
        restore_all(home)
        with whole_folder(entry, replace=True) as building:
            with progress.stage(f"windows of {meta.dataset}", dataset.info.n_recordings, "recordings") as stage:
                arrays, known, repairs = cut_to_files(
                    readers or dataset.recordings(),
                    meta,
                    unlabelled,
                    building,
                    workers=_workers(dataset) if workers is None else workers,
                    stage=stage,
                )
            say_repairs(meta.dataset, repairs, progress)
            _describe(building, arrays, known, key)
    except StorageError as error:
        found = open_entry(entry, meta)  # where open files hinder an exchange, another process's entry does as well
        if found is not None:
            return found
        raise DataError(
            f"The window cache in {home} cannot be written ({error.__cause__}). Free some space, or "
            "set OTOLITH_HOME to a folder that you may write to."
        ) from error
    found = open_entry(entry, meta)
    if found is None:
        raise DataError(f"The cache entry {entry} is damaged as soon as it is built; check the disk.")
    return found


def _default_folder() -> Path:
    return home() / "windows"


def _workers(dataset: Any) -> int:
    """One process for each core, unless the files are read sooner than processes start."""
    if sum(os.stat(path).st_size for path in dataset.files()) < _WORTH_WORKERS:
        return 1
    from joblib import cpu_count

    return int(cpu_count())


def open_entry(entry: Path, meta: WindowMeta) -> Windows | None:
    """Return the windows of a cache entry, memory-mapped; None where it is missing or damaged.

    Sizes, types, shapes and the checksum of every byte are compared with the manifest; of files that this process has
    compared before, and that have not been written since, the bytes are not read again.
    """
    arrays: dict[str, Any] = {}
    try:
        manifest = json_value(read_bytes(entry / "manifest.json", MOST_TEXT))
        if manifest["format"] != FORMAT or manifest.get("check", _check(manifest)) != _check(manifest):
            return None
        for name in ARRAYS:
            path, facts = entry / f"{name}.npy", manifest["arrays"][name]
            if path.stat().st_size != facts["bytes"]:
                return None
            dtype, shape = np.dtype(facts["dtype"]), tuple(facts["shape"])
            header = npy_header(dtype, shape)
            with open_regular(path, facts["bytes"]) as stream:
                if stream.read(len(header)) != header:
                    return None
            if not _is_whole(path, facts["sha256"]):
                return None
            mapped = np.memmap(check_regular(path, facts["bytes"]), dtype, "r", len(header), shape)
            # the plain array over the map: np.memmap's own type would spread through every result
            arrays[name] = np.asarray(mapped)
        counts = manifest["counts"]
        known = replace(meta, n_short=int(counts["n_short"]), n_short_unlabelled=int(counts["n_short_unlabelled"]))
        return Windows(**arrays, meta=known)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, DataError):
        # whatever a torn or edited file can raise: the entry is simply built again
        return None


def _is_whole(path: Path, wanted: str) -> bool:
    """Compare the checksum of a file's bytes, once in a process for as long as the file is the same."""
    found = path.stat()
    state = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns, wanted)
    if _WHOLE.get(str(path)) == state:
        return True
    if _sha256(path) != wanted:
        return False
    _WHOLE[str(path)] = state
    return True


def _check(manifest: dict[str, Any]) -> str:
    """Return the checksum of everything else in a manifest."""
    rest = {name: value for name, value in manifest.items() if name != "check"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _describe(
    folder: Path, arrays: dict[str, tuple[np.dtype[Any], tuple[int, ...]]], meta: WindowMeta, key: str
) -> None:
    """Write the manifest of arrays that are whole: without one, a folder is not an entry."""
    facts = {}
    for name in ARRAYS:
        path, (dtype, shape) = folder / f"{name}.npy", arrays[name]
        facts[name] = {
            "dtype": dtype.str,
            "shape": list(shape),
            "bytes": path.stat().st_size,
            "sha256": _sha256(path),
        }
    manifest = {
        "format": FORMAT,
        "key": key,
        "dataset": meta.dataset,
        "activities": meta.activities,
        "channels": meta.channels,
        "rate_hz": meta.rate_hz,
        "seconds": meta.seconds,
        "overlap": meta.overlap,
        "terms": meta.terms,
        "counts": {"n_short": meta.n_short, "n_short_unlabelled": meta.n_short_unlabelled},
        "arrays": facts,
    }
    written = json.loads(json.dumps(manifest))  # as it will be read: tuples are lists
    (folder / "manifest.json").write_text(json.dumps(written | {"check": _check(written)}, indent=1), "utf-8")


def _key(meta: WindowMeta, unlabelled: bool, reader: str, content: str) -> str:
    settings = [
        FORMAT,
        meta.dataset,
        meta.activities,
        meta.channels,
        meta.rate_hz,
        meta.seconds,
        meta.overlap,
        bool(unlabelled),
        reader,
        content,
    ]
    return hashlib.blake2b(json.dumps(settings).encode(), digest_size=20).hexdigest()


def _sha256(path: Path) -> str:
    with open_regular(path, sys.maxsize) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
