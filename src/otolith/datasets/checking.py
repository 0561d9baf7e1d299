"""The check of a copy: what is missing, empty, damaged, unlike the published files, or was repaired while it was read.

`python -m otolith.datasets NAME FOLDER` writes the manifest of a copy, one file a line, to standard output;
those under `manifests/` were made so from complete copies of the published data.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from otolith.datasets.description import DatasetInfo, Problem
from otolith.errors import DataError
from otolith.recording import Recording
from otolith.windows.clock import contiguous

FOLDER = Path(__file__).parent / "manifests"
RESTORE = "Restore it from the original."


class Copy(Protocol):
    """The part of `Dataset` that its check needs; see there."""

    @property
    def info(self) -> DatasetInfo: ...
    @property
    def root(self) -> Path | None: ...
    @property
    def folder_names(self) -> tuple[str, ...]: ...
    @property
    def expects(self) -> str: ...
    def files(self) -> list[Path]: ...
    def readers(self) -> Sequence[Callable[[], Recording]]: ...
    def recordings(self) -> Iterator[Recording]: ...
    def absences(self) -> list[Problem]: ...
    def fingerprint(self, path: Path) -> dict[str, int | str]: ...


def check(dataset: Copy, deep: bool) -> list[Problem]:
    """Return the problems of a copy; `Dataset.check` says what is looked at."""
    known = published(dataset.info.name) if dataset.root is not None else {}
    try:
        files = {_relative(path, dataset): path for path in dataset.files()}
    except OSError as error:
        return [Problem(str(dataset.root), f"cannot be listed ({error.strerror})", "Check its permissions.")]
    others = [path for name, path in files.items() if name not in known]
    if dataset.folder_names and not files:
        return [Problem(str(dataset.root), f"holds no file of {dataset.info.name}", f"Expected {dataset.expects}.")]
    problems = [
        *_compared(dataset, known, deep),
        *(Problem(str(path), "is missing", RESTORE) for path in others if not path.exists()),
        *(Problem(str(path), "is empty", RESTORE) for path in others if path.is_file() and not path.stat().st_size),
        *dataset.absences(),
    ]
    if deep and others:
        named = {problem.where for problem in problems}
        problems += [problem for problem in _read(dataset) if problem.where not in named]
    return problems


def published(name: str) -> dict[str, dict[str, int | str]]:
    """Return the fingerprints of the published files of a data set, by path; empty where none are known."""
    path = FOLDER / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))["files"] if path.is_file() else {}


def manifest(dataset: Copy) -> dict[str, Any]:
    """Return the manifest of a copy: the fingerprint of every file that the data set reads, by its path.

    Raises:
        DataError: the data set has no files, or one cannot be read.
    """
    if dataset.root is None:
        raise DataError(f"{dataset.info.name} has no files to make a manifest of.")
    files = {_relative(path, dataset): dataset.fingerprint(path) for path in dataset.files()}
    return {"dataset": dataset.info.name, "files": files}


def _relative(path: Path, dataset: Copy) -> str:
    return path.relative_to(dataset.root).as_posix() if dataset.root is not None else str(path)


def _compared(dataset: Copy, known: dict[str, dict[str, int | str]], deep: bool) -> Iterator[Problem]:
    """Differences from the published files: absence, other sizes and, if `deep`, other contents."""
    again = f"Restore it, or fetch the data set again with `otolith data {dataset.info.name} --fetch`."
    for relative, expected in known.items():
        path = Path(str(dataset.root)) / relative
        if not path.is_file():
            yield Problem(str(path), "is missing", again)
        elif "bytes" in expected and (size := path.stat().st_size) != expected["bytes"]:
            yield Problem(str(path), f"has {size} bytes, the published file has {expected['bytes']}", again)
        elif deep:
            try:
                got = dataset.fingerprint(path)
            except DataError as error:
                yield Problem(str(path), f"is damaged ({error})", again)
                continue
            if got != expected:
                yield Problem(str(path), f"differs from the published file ({got} instead of {expected})", again)


def _read(dataset: Copy) -> Iterator[Problem]:
    """Damage and repairs that show when every recording is read and brought onto one clock."""
    told: set[str] = set()  # a file that several recordings share is told once
    names: set[str] = set()

    def problem(text: str, serious: bool) -> Iterator[Problem]:
        if text not in told:
            told.add(text)
            where, _, what = text.partition(": ")
            yield Problem(where, what, serious=serious)

    for found in _recordings(dataset):
        if isinstance(found, DataError):
            yield from problem(str(found), True)
            continue
        for text in found.repairs:
            yield from problem(f"{text} (repaired while it was read)", False)
        if found.name in names:
            yield from problem(f"Recording {found.name!r}: has the name of another one.", True)
        names.add(found.name)
        try:
            contiguous(found)
        except DataError as error:
            yield from problem(str(error), True)


def _recordings(dataset: Copy) -> Iterator[Recording | DataError]:
    """Yield each recording, or why it cannot be read; without readers, none after the first that cannot."""
    try:
        readers = dataset.readers()
        if not readers:
            yield from dataset.recordings()
    except DataError as error:
        yield error
        return
    for reader in readers:
        try:
            yield reader()
        except DataError as error:
            yield error
