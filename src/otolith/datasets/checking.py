"""The check of a copy: what is missing, empty, damaged, unlike the published files, or was repaired while it was read.

`python -m otolith.datasets.checking NAME FOLDER` writes the manifest of a copy, one file a line, to standard output;
those under `manifests/` were made so from complete copies of the published data.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from otolith.datasets.base import Dataset, Problem
from otolith.errors import DataError
from otolith.recording import Recording
from otolith.windows.clock import contiguous

FOLDER = Path(__file__).parent / "manifests"
RESTORE = "Restore it from the original."


def check(dataset: Dataset, deep: bool) -> list[Problem]:
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


def manifest(dataset: Dataset) -> dict[str, Any]:
    """Return the manifest of a copy: the fingerprint of every file that the data set reads, by its path.

    Raises:
        DataError: the data set has no files, or one cannot be read.
    """
    if dataset.root is None:
        raise DataError(f"{dataset.info.name} has no files to make a manifest of.")
    files = {_relative(path, dataset): dataset.fingerprint(path) for path in dataset.files()}
    return {"dataset": dataset.info.name, "files": files}


def _relative(path: Path, dataset: Dataset) -> str:
    return path.relative_to(dataset.root).as_posix() if dataset.root is not None else str(path)


def _compared(dataset: Dataset, known: dict[str, dict[str, int | str]], deep: bool) -> Iterator[Problem]:
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


def _read(dataset: Dataset) -> Iterator[Problem]:
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


def _recordings(dataset: Dataset) -> Iterator[Recording | DataError]:
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


def main(arguments: Sequence[str]) -> int:
    """Write the manifest of the data set `arguments[0]` in the folder `arguments[1]`, one file a line."""
    from otolith.datasets.registry import load

    if len(arguments) != 2:
        sys.stderr.write("usage: python -m otolith.datasets.checking NAME FOLDER\n")
        return 2
    made = manifest(load(arguments[0], arguments[1]))
    lines = ",\n".join(f"{json.dumps(path)}: {json.dumps(what)}" for path, what in made["files"].items())
    sys.stdout.write(f'{{"dataset": {json.dumps(made["dataset"])}, "files": {{\n{lines}\n}}}}\n')
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
