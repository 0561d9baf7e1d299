"""Kill and spoil real jobs, and see that they end as if nothing had been.

`python -m tests.faults --minutes 30` strikes single steps of every command that writes; `--kills 50` kills the jobs
that train at random moments, and counts the epochs that are trained again.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.faults import faultdisk, faultjobs, faultsteps, faulttable
from tests.faults.faultharness import Harness


def main() -> int:
    """Parse the command line, run, print the table; 1 where a job did not end as it should."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=50, help="SIGKILLs in all (default: %(default)s)")
    parser.add_argument("--minutes", type=float, help="strike single steps of every command that writes, for so long")
    parser.add_argument("--command", action="append", help="with --minutes: of these commands alone, such as calibrate")
    parser.add_argument("--rows", type=Path, help="with --minutes: a file of JSON lines that gets a row for each fault")
    parser.add_argument("--table", type=Path, help="print the table of such a file, and inject nothing")
    parser.add_argument("--others", type=int, default=2, help="faults of each other kind in each job")
    parser.add_argument("--dataset", default="synthetic")
    parser.add_argument("--method", action="append", help="of the comparisons; twice or more")
    parser.add_argument(
        "--job",
        action="append",
        help="such as run (see faultjobs.py), predict or cluster; default: all but these two",
    )
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="of the recipe")
    parser.add_argument("--seed", type=int, default=0, help="of when and what (default: %(default)s)")
    parser.add_argument("--keep", type=Path, help="an empty folder for all files, which stay; default: a temporary one")
    asked = parser.parse_args()
    if asked.table is not None:
        print(faulttable.table(faulttable.read(asked.table)))
        return 0
    work = asked.keep or Path(tempfile.mkdtemp(prefix="otolith-faults-"))
    os.environ.setdefault("OTOLITH_HOME", str(work / "home"))
    changes = dict(pair.split("=", 1) for pair in asked.set)
    if asked.minutes is not None:
        return _steps(work, asked)
    if asked.job == ["predict"]:
        return _predictions(work, asked.kills, asked.seed)
    if asked.job == ["cluster"]:
        return _cluster(work)
    jobs = faultjobs.jobs(asked.dataset, tuple(asked.method or ("csshar", "dynamic")), changes)
    chosen = {name: jobs[name] for name in asked.job or jobs}

    def say(text: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)

    harness = Harness(work, asked.seed, say)
    for number, (name, job) in enumerate(chosen.items()):
        kills = asked.kills // len(chosen) + (number < asked.kills % len(chosen))
        faults = {"SIGKILL": kills - kills // 4, "SIGKILL within a write": kills // 4}
        others = ["write fails in the middle", "second process in the folder"]
        others += ["newest checkpoint truncated", "bit flipped in the newest checkpoint"]
        others += ["row altered"] if name == "few-labels" else []
        whole = harness.undisturbed(job)
        harness.torment(job, faults | dict.fromkeys(others, asked.others), whole)
        if asked.others:
            faultdisk.fill(harness, job, whole)
    print(f"\n{harness.table.markdown()}")
    for line in harness.table.wrong:
        print(f"WRONG: {line}")
    if asked.keep is None:
        shutil.rmtree(work, ignore_errors=True)
    return 1 if harness.table.wrong else 0


def _steps(work: Path, asked: argparse.Namespace) -> int:
    """Strike steps of commands until the time is over; print the table, and what was lost."""
    until = time.monotonic() + 60 * asked.minutes
    tormentor = faultsteps.Tormentor(work, asked.seed, tuple(asked.command or faultsteps.COMMANDS))
    rows = []
    for name, fault in tormentor.plan():
        if time.monotonic() > until:
            break
        row = tormentor.inject(name, fault)
        rows.append(row)
        print(f"{time.strftime('%H:%M:%S')} {len(rows)}: {json.dumps(row)}", flush=True)
        if asked.rows is not None:
            with asked.rows.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
    print(f"\n{faulttable.table(rows)}")
    lost = [row for row in rows if row["lost"]]
    if asked.keep is None and not lost:
        shutil.rmtree(work, ignore_errors=True)
    return 1 if lost else 0


def _predictions(work: Path, kills: int, seed: int) -> int:
    """Kill predictions; print how often the folder was whole and how often it was not there."""
    from tests.faults.faultpredict import torment

    ends, wrong = torment(work, kills, seed, lambda text: print(text, flush=True))
    print("\n".join([f"{kills} kills: {ends['whole']} whole, {ends['none']} none, {len(wrong)} wrong", *wrong]))
    return 1 if wrong else 0


def _cluster(work: Path) -> int:
    """Kill a node of a cluster of Ray, then the head of one; print how the comparisons on them ended."""
    from tests.faults import faultcluster

    wrong = []
    for kill in (faultcluster.lose_a_node, faultcluster.torment):
        (work / kill.__name__).mkdir()
        wrong += kill(work / kill.__name__, lambda text: print(text, flush=True))
    print("\n".join([f"{len(wrong)} wrong", *wrong]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
