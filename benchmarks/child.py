"""One measurement in this process, printed as JSON: `python -m benchmarks.child step '{"kind": "ours"}'`."""

from __future__ import annotations

import importlib
import json
import sys

from otolith.errors import OtolithError

MODULES = {
    "matrix_rate": "clock",
    "start": "clock",
    "step": "steps",
    "profile": "steps",
    "methods_cost": "steps",
    "windows": "files",
    "head": "heads",
    "few_labels": "heads",
    "loss": "losses",
    "scale": "scale",
    "beyond_memory": "scale",
    "epoch": "gpu",
    "packed": "gpu",
    "runner": "gpu",
    "cut": "collection",
    "imported": "importing",
    "predicted": "predicting",
    "ran": "weeks",
}
"""Each task and the module that holds it."""


def main(task: str, arguments: str = "{}") -> int:
    work = getattr(importlib.import_module(f"benchmarks.{MODULES[task]}"), task)
    try:
        figures = work(**json.loads(arguments))
    except OtolithError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(json.dumps(figures) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
