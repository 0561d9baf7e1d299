"""Checksums of the published files, and the comparison of a copy with them.

`python -m otolith.datasets.manifest NAME FOLDER` writes the manifest of a copy to standard output; those
under `manifests/` were made so from complete copies of the published data.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from otolith.datasets.base import Dataset, Problem
from otolith.errors import DataError

FOLDER = Path(__file__).parent / "manifests"


def compute(dataset: Dataset) -> dict[str, Any]:
    """Manifest of a copy: the fingerprint of every file that the data set reads, by its path."""
    root = dataset.root
    if root is None:
        raise DataError(f"{dataset.info.name} has no files to make a manifest of.")
    files = {path.relative_to(root).as_posix(): dataset.fingerprint(path) for path in dataset.files()}
    return {"dataset": dataset.info.name, "files": files}


def published(name: str) -> dict[str, dict[str, int | str]]:
    """Fingerprints of the published files of a data set, by path; empty where none are known."""
    path = FOLDER / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))["files"] if path.is_file() else {}


def compare(dataset: Dataset, deep: bool) -> list[Problem]:
    """How a copy differs from the published files: absence, other sizes and, if `deep`, other contents."""
    root = dataset.root
    if root is None:
        return []
    name = dataset.info.name
    again = f"Restore it, or fetch the data set again with `otolith data {name} --fetch`."
    problems = []
    for relative, expected in published(name).items():
        path = root / relative
        if not path.is_file():
            problems.append(Problem(str(path), "is missing", again))
        elif "bytes" in expected and (size := path.stat().st_size) != expected["bytes"]:
            problems.append(Problem(str(path), f"has {size} bytes, the published file has {expected['bytes']}", again))
        elif deep:
            try:
                got = dataset.fingerprint(path)
            except DataError as error:
                problems.append(Problem(str(path), f"is damaged ({error})", again))
                continue
            if got != expected:
                problems.append(
                    Problem(str(path), f"differs from the published file ({got} instead of {expected})", again)
                )
    return problems


def main(arguments: Sequence[str]) -> int:
    """Write the manifest of the data set `arguments[0]` in the folder `arguments[1]`, one file a line."""
    from otolith.datasets.registry import load

    if len(arguments) != 2:
        sys.stderr.write("usage: python -m otolith.datasets.manifest NAME FOLDER\n")
        return 2
    manifest = compute(load(arguments[0], arguments[1]))
    lines = ",\n".join(f"{json.dumps(path)}: {json.dumps(what)}" for path, what in manifest["files"].items())
    sys.stdout.write(f'{{"dataset": {json.dumps(manifest["dataset"])}, "files": {{\n{lines}\n}}}}\n')
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
