"""Windows of many recordings, cut by one process or several, straight to disk.

Recordings go through in blocks of consecutive ones. Whoever cuts a block appends its windows to files of its own, one
recording at a time; the blocks' files are then appended to the arrays in the order of the recordings. So memory holds
one recording for each process, and the bytes are the same however many processes there are.
"""

from __future__ import annotations

import io
import os
import shutil
import uuid
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from otolith.errors import DataError
from otolith.progress import Stage
from otolith.recording import Recording
from otolith.system.processes import end_with
from otolith.windows.cutting import CutLog, cut_recording, refuse_repeated_name, why_empty
from otolith.windows.value import WindowMeta, subject_array

Reader = Callable[[], Recording]
"""Reads one recording; has to be picklable."""

BLOCK = 16
"""Recordings that a process cuts between two reports."""
STREAMED = {"x": "<f4", "y": "<i8", "start": "<f8"}
"""Arrays that grow as recordings are cut, and their types. Names and subjects are few, and are repeated in the end."""
_IDLE_S = 5  # worker processes end so long after their last block
_REPEATED = 1 << 16


@dataclass
class Block:
    """Consecutive recordings after cutting: their windows are in the files `stem`.x, .y and .start.

    `parts` are (recording, subject, number of windows) of what those files hold, `error` what was wrong with the
    recording after the last of `names`, or "".
    """

    stem: str
    names: list[str] = field(default_factory=list)
    parts: list[tuple[str, int | str, int]] = field(default_factory=list)
    log: CutLog = field(default_factory=CutLog)
    error: str = ""


def cut_to_files(
    recordings: Iterable[Recording] | Sequence[Reader],
    meta: WindowMeta,
    unlabelled: bool,
    folder: Path,
    *,
    workers: int = 1,
    stage: Stage,
) -> tuple[dict[str, tuple[np.dtype[Any], tuple[int, ...]]], WindowMeta, list[str]]:
    """Cut recordings by the rule of `otolith.windows.cutting` into x.npy, y.npy, subject.npy, recording.npy, start.npy.

    Args:
        recordings: recordings as they come, or readers of one recording each, which several processes can share.
        folder: where the arrays go; it exists.
        workers: processes that read, resample and cut; more than one needs readers.
        stage: advanced after each recording, with several workers after each block of them.

    Returns:
        Type and shape of each array, `meta` with the counts of stretches that were too short, and the repairs of time
        stamps that reading took.

    Raises:
        DataError: as `windows.cut`, for the first recording in their order that cannot be used.
        OSError: the folder cannot be written.
    """
    whole = Block("")
    seen: set[str] = set()
    with ExitStack() as stack:
        streams = {name: stack.enter_context(open(folder / f"{name}.npy", "wb")) for name in STREAMED}
        for name, stream in streams.items():
            stream.write(npy_header(np.dtype(STREAMED[name]), _shape(name, 0, meta)))
        blocks = stack.enter_context(closing(_blocks(recordings, meta, unlabelled, folder, workers, stage.advance)))
        for block in blocks:
            for name in block.names:
                refuse_repeated_name(name, seen)
            if block.error:
                raise DataError(block.error)
            for name, stream in streams.items():
                path = folder / f"{block.stem}.{name}"
                with open(path, "rb") as shard:
                    shutil.copyfileobj(shard, stream, 1 << 20)
                path.unlink()
            whole.parts += block.parts
            whole.log.add(block.log)
        counts = np.array([count for _, _, count in whole.parts], np.int64)
        if not counts.sum():
            raise DataError(why_empty(meta, unlabelled, len(seen), whole.log))
        arrays = {name: (np.dtype(STREAMED[name]), _shape(name, int(counts.sum()), meta)) for name in STREAMED}
        for name, stream in streams.items():
            stream.seek(0)
            stream.write(npy_header(*arrays[name]))  # numpy leaves room for the first axis to grow
    subjects = subject_array(np.array([subject for _, subject, _ in whole.parts], dtype=object))
    names = np.array([name for name, _, _ in whole.parts], dtype=np.str_)
    for name, values in (("subject", subjects), ("recording", names)):
        arrays[name] = (values.dtype, (int(counts.sum()),))
        with open(folder / f"{name}.npy", "wb") as stream:
            stream.write(npy_header(*arrays[name]))
            for value, count in zip(values, counts.tolist(), strict=True):
                for first in range(0, count, _REPEATED):
                    stream.write(np.full(min(_REPEATED, count - first), value, values.dtype).tobytes())
    known = replace(meta, n_short=whole.log.n_short, n_short_unlabelled=whole.log.n_short_unlabelled)
    return arrays, known, whole.log.repairs


def npy_header(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    """Return the bytes that numpy writes before such an array."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": dtype.str, "fortran_order": False, "shape": shape})
    return stream.getvalue()


def _shape(name: str, n: int, meta: WindowMeta) -> tuple[int, ...]:
    return (n, len(meta.channels), meta.n_steps) if name == "x" else (n,)


def _blocks(
    recordings: Iterable[Recording] | Sequence[Reader],
    meta: WindowMeta,
    unlabelled: bool,
    folder: Path,
    workers: int,
    tell: Callable[[int], None],
) -> Generator[Block, None, None]:
    """Blocks in the order of the recordings. Several processes run ahead of whoever takes them, on disk alone."""
    if not isinstance(recordings, Sequence):
        yield _cut_block(recordings, meta, unlabelled, folder, tell)
        return
    groups = [recordings[first : first + BLOCK] for first in range(0, len(recordings), BLOCK)]
    workers = min(workers, len(groups))
    if workers <= 1:
        for group in groups:
            yield _cut_block(_read(group), meta, unlabelled, folder, tell)
        return
    from joblib import Parallel, delayed

    # its processes do not run the caller's script again, as those of multiprocessing do; one thread of BLAS each
    pool = Parallel(
        n_jobs=workers,
        backend="loky",
        return_as="generator",
        batch_size=1,
        pre_dispatch=2 * workers,
        idle_worker_timeout=_IDLE_S,
        inner_max_num_threads=1,
    )
    cut = pool(delayed(_cut_readers)(group, meta, unlabelled, folder, os.getpid()) for group in groups)
    try:
        for block in cut:
            yield block
            tell(len(block.names))
    finally:
        with warnings.catch_warnings():  # that blocks are given up is what a broken recording is for
            warnings.simplefilter("ignore")
            cut.close()


def _read(readers: Sequence[Reader]) -> Iterator[Recording]:
    for reader in readers:
        yield reader()


def _cut_readers(readers: Sequence[Reader], meta: WindowMeta, unlabelled: bool, folder: Path, asker: int) -> Block:
    """Cut a block in a worker process, for the process `asker`."""
    end_with(asker)
    os.environ.setdefault("POLARS_MAX_THREADS", "1")  # the cores are taken by the other workers
    return _cut_block(_read(readers), meta, unlabelled, folder, lambda more: None)


def _cut_block(
    recordings: Iterable[Recording], meta: WindowMeta, unlabelled: bool, folder: Path, tell: Callable[[int], None]
) -> Block:
    block = Block(f"block-{uuid.uuid4().hex}")
    with ExitStack() as stack:
        streams = {n: stack.enter_context(open(folder / f"{block.stem}.{n}", "wb")) for n in STREAMED}
        try:
            for recording in recordings:
                for part in cut_recording(recording, meta, unlabelled, block.log):
                    for name, kind in STREAMED.items():
                        values: NDArray[Any] = getattr(part, name)
                        streams[name].write(np.ascontiguousarray(values, kind).data)
                    block.parts.append((part.recording, part.subject, len(part.y)))
                block.names.append(recording.name)
                tell(1)
        except DataError as error:  # told in the order of the recordings, whoever met it first
            block.error = str(error)
    return block
