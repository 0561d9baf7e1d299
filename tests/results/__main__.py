"""Kill the queue at many moments, and compare its rows with those of an undisturbed one: `python -m tests.results`."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.results.queuekills import LIST, MORE, Killed, checkout


def main() -> int:
    """Print each kill and how it ended; 1 where rows differ."""
    parser = argparse.ArgumentParser(prog="python -m tests.results", description=__doc__)
    parser.add_argument("--kills", type=int, default=10, help="SIGKILLs of the whole group (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default: %(default)s)")
    asked = parser.parse_args()
    draw = random.Random(asked.seed)
    with tempfile.TemporaryDirectory(prefix="otolith-queue-") as folder:
        work = Path(folder)
        source, listed = checkout(work / "checkout"), {"cells": [*LIST["cells"], MORE]}
        whole = Killed(work / "undisturbed", source, listed)
        seconds = whole.run() or 0.0
        print(f"undisturbed: {len(whole.outcome())} rows in {seconds:.1f} s", flush=True)
        queue, began, kills = Killed(work / "killed", source, listed), time.monotonic(), 0
        ended: float | None = None
        while kills < asked.kills and ended is None:
            after = draw.uniform(0, 0.4 * seconds)
            ended = queue.run(lambda spent_s, after=after: spent_s > after)  # type: ignore[misc]
            if ended is None:
                kills += 1
                print(f"kill {kills} after {after:.1f} s: {len(queue.outcome())} rows", flush=True)
        queue.run()
        same = queue.outcome() == whole.outcome()
        spent = time.monotonic() - began
        print(f"{kills} kills, {spent:.1f} s in all: {len(queue.outcome())} rows, {'the same' if same else 'OTHERS'}")
    return 0 if same and kills == asked.kills else 1


if __name__ == "__main__":
    sys.exit(main())
