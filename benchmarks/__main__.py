"""Measure training, losses and data handling against the stock way of doing them, in one run on this machine."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks import measures, table
from otolith.errors import OtolithError
from otolith.progress.display import LiveProgress


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print the table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    known = f"{', '.join(measures.MEASURES)}; default: all but gpu, and gpu where there is one"
    parser.add_argument("measures", nargs="*", metavar="MEASURE", help=known)
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder for the table (bench.md) and its figures (bench.json)"
    )
    rounds = "how often ours and the baseline take turns; the table shows medians (default %(default)s)"
    parser.add_argument("--rounds", type=int, default=3, help=rounds)
    given = parser.parse_args(arguments)
    if given.rounds < 1:
        parser.error(f"--rounds has to be at least 1; got {given.rounds}")
    names = given.measures or [name for name in measures.MEASURES if name != "gpu" or torch.cuda.is_available()]
    progress, lines = LiveProgress(), []
    try:
        for line in measures.measure(names, rounds=given.rounds, progress=progress):
            lines.append(line)
            shown = [text for text in table.cells(line) if text]
            progress.say("  ".join([*shown, *([line.note] if line.note else [])]))
    except OtolithError as error:
        sys.stderr.write(f"Error: {error}\n")
        return 2
    sys.stdout.write(table.markdown(lines))
    if given.out is not None:
        for path in table.write(lines, given.out):
            progress.say(f"Written: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
