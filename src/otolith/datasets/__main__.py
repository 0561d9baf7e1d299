"""Write the manifest of a copy, one file a line, to standard output: `python -m otolith.datasets NAME FOLDER`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from otolith.datasets import load
from otolith.datasets.checking import manifest


def main(arguments: Sequence[str]) -> int:
    """Write the manifest of the data set `arguments[0]` in the folder `arguments[1]`, one file a line."""
    if len(arguments) != 2:
        sys.stderr.write("usage: python -m otolith.datasets NAME FOLDER\n")
        return 2
    made = manifest(load(arguments[0], arguments[1]))
    lines = ",\n".join(f"{json.dumps(path)}: {json.dumps(what)}" for path, what in made["files"].items())
    sys.stdout.write(f'{{"dataset": {json.dumps(made["dataset"])}, "files": {{\n{lines}\n}}}}\n')
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
