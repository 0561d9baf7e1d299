"""Feed damaged and hostile input to every reader: `python -m tests.fuzz --examples 100000`."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from tests.fuzz import fuzzchild, fuzzharness
from tests.fuzz.fuzzharness import Outcome
from tests.fuzz.fuzzreader import Reader, readers

SHOWN = 3
"""Examples that are named for each way of failing."""


def main() -> int:
    """Parse the command line, run, print the table; 1 where anything crashed, hung or escaped."""
    known = readers()
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--examples", type=int, default=100_000, help="in all (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of all examples (default: %(default)s)")
    parser.add_argument("--reader", action="append", choices=list(known), metavar="NAME", help=", ".join(known))
    parser.add_argument("--only", type=int, metavar="N", help="try example N of one reader, and show its trace")
    parser.add_argument("--hang", type=float, default=5.0, metavar="S", help="seconds of computing that are a hang")
    parser.add_argument("--keep", type=Path, help="an empty folder for all files, which stay")
    asked = parser.parse_args()
    chosen = {name: known[name] for name in asked.reader or known}
    folder = asked.keep or Path(tempfile.mkdtemp(prefix="otolith-fuzz-"))
    console = Console()
    try:
        if asked.only is not None:
            return _only(next(iter(chosen)), folder, asked.seed, asked.only)
        fuzzharness.prepare_processes()
        outcomes = _all(chosen, folder, asked, console)
    finally:
        if asked.keep is None and asked.only is None:
            shutil.rmtree(folder, ignore_errors=True)
    _report(outcomes, asked.seed, console)
    return 1 if any(outcome.bad for outcome in outcomes.values()) else 0


def _all(
    chosen: dict[str, type[Reader]], folder: Path, asked: argparse.Namespace, console: Console
) -> dict[str, Outcome]:
    total = sum(kind.weight for kind in chosen.values())
    counts = {name: max(1, round(asked.examples * kind.weight / total)) for name, kind in chosen.items()}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    outcomes = {}
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("", total=sum(counts.values()))
        for name, count in counts.items():
            progress.update(bar, description=f"{name:<16}")
            outcomes[name] = fuzzharness.run(
                name, folder / name, asked.seed, count, hang_s=asked.hang, advance=lambda n: progress.advance(bar, n)
            )
            _tell(name, outcomes[name], asked.seed, progress.console)
    return outcomes


def _only(name: str, folder: Path, seed: int, number: int) -> int:
    fuzzharness.prepare_processes()
    (folder / name).mkdir(parents=True)
    fuzzchild.np.zeros(8).tofile(folder / name / "state")
    fuzzchild.work(name, str(folder / name), seed, (number, number + 1), show=True)
    sys.stdout.write(f"Its files are in {folder / name / 'box'}\n")
    return int((folder / name / "found.jsonl").exists())


def _tell(name: str, outcome: Outcome, seed: int, console: Console) -> None:
    """What failed, each way once, and the commands that repeat it."""
    ways: dict[tuple[str, str], list[dict[str, object]]] = {}
    for each in outcome.found:
        place = str(each["what"])
        key = f"{place.partition(':')[0]} {place.rpartition(' at ')[2]}"
        ways.setdefault((str(each["verdict"]), key), []).append(each)
    for (verdict, _), several in ways.items():
        console.print(f"[bold red]{verdict}[/] {name}, {len(several)} times: {escape(str(several[0]['what']))}")
        for each in several[:SHOWN]:
            console.print(f"  {fuzzharness.again(name, seed, int(str(each['number'])))}", soft_wrap=True)


def _report(outcomes: dict[str, Outcome], seed: int, console: Console) -> None:
    table = Table(title=f"Hostile input, seed {seed}")
    table.add_column("reader", style="cyan")
    for title in ("tried", "read", "refused", "crashed", "hung", "escaped", "MB more", "s"):
        table.add_column(title, justify="right")
    for name, outcome in outcomes.items():
        cells = [f"{n:,}" for n in (outcome.tried, *outcome.counts.values())]
        style = "red" if outcome.bad else None
        table.add_row(name, *cells, f"{outcome.peak_mb:.0f}", f"{outcome.seconds:.0f}", style=style)
    every = list(outcomes.values())
    sums = [sum(o.counts[verdict] for o in every) for verdict in fuzzchild.VERDICTS]
    most, seconds = max(o.peak_mb for o in every), sum(o.seconds for o in every)
    table.add_section()
    table.add_row("all", *(f"{n:,}" for n in (sum(sums), *sums)), f"{most:.0f}", f"{seconds:.0f}")
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
