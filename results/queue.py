"""Work off the list beside this file, queue.toml: `python results/queue.py --detach`, then `--status`, `--stop`.

Cells run one after another on one thread, by a wheel built at a named commit in an environment of its own. Each row is
written to its table's folder here as soon as it is there. What is done is not done again, so the same command goes on
after a stop, a kill, or on another machine. See README.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path = [str(HERE.parent), *(entry for entry in sys.path if Path(entry or ".").resolve() != HERE)]
# otherwise this file would stand in for the standard library's `queue`

import argparse  # noqa: E402
import contextlib  # noqa: E402
import dataclasses  # noqa: E402
import os  # noqa: E402
import signal  # noqa: E402
import subprocess  # noqa: E402

from otolith.errors import DataError, OtolithError  # noqa: E402
from otolith.system import claims  # noqa: E402
from otolith.system.files import make_folder  # noqa: E402
from otolith.system.home import home  # noqa: E402
from results.queueing import cells, loop, wheel  # noqa: E402
from results.queueing.cells import Cell  # noqa: E402


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    made = argparse.ArgumentParser(prog="python results/queue.py", description=__doc__.partition("\n\n")[0])
    what = made.add_mutually_exclusive_group()
    what.add_argument("--detach", action="store_true", help="work in the background; WORK/log has what it says")
    what.add_argument("--status", action="store_true", help="what is done, running, left and failed, and for how long")
    what.add_argument("--stop", action="store_true", help="let the queue end at its next checkpoint")
    what.add_argument("--prune", action="store_true", help="remove rows of other versions of the list's recipes")
    what.add_argument("--forget", action="store_true", help="remove the rows of cells that --only names: made again")
    what.add_argument("--cell", help=argparse.SUPPRESS)  # one cell, given as JSON
    what.add_argument("--loop", metavar="COMMIT", help=argparse.SUPPRESS)  # within the environment
    made.add_argument("--only", action="append", default=[], metavar="TEXT", help="cells whose title holds this text")
    made.add_argument("--limit-hours", type=float, metavar="H", help="end after so many hours, at a checkpoint")
    made.add_argument("--commit", default="HEAD", help="of the wheel (default: %(default)s)")
    made.add_argument("--work", type=Path, help="folder for environment, encoders and checkpoints (default: the cache)")
    made.add_argument("--device", default="auto", help="cpu, cuda or auto")
    made.add_argument("--list", type=Path, default=HERE / "queue.toml", help="another list")
    made.add_argument("--results", type=Path, default=HERE, help="another folder of tables")
    return made


def main() -> int:
    """Do what is asked for; 1 where a cell failed, 2 where nothing can be done."""
    asked = parser().parse_args()
    work = (asked.work or home() / "queue").absolute()
    limit = asked.limit_hours * 3600 if asked.limit_hours is not None else None
    queue = loop.Queue(asked.list.absolute(), asked.results.absolute(), work, tuple(asked.only), limit)
    try:
        return _do(asked, queue)
    except OtolithError as error:
        sys.stderr.write(f"Error: {error}\n")
        return 2
    except KeyboardInterrupt:
        return 130


def _do(asked: argparse.Namespace, queue: loop.Queue) -> int:
    if asked.cell:
        from results.queueing.work import work

        work(Cell.from_json(asked.cell), queue.results, queue.work, asked.device)
    elif asked.loop:
        return _loop(asked, queue)
    elif asked.stop:
        loop.stop(queue.work)
    elif asked.prune or asked.forget:
        if asked.forget and not queue.only:
            raise DataError("--forget removes the rows of the cells that --only TEXT names; give one")
        for place in (queue.work, queue.results):
            make_folder(place)
        with claims.hold(queue.work), claims.hold(queue.results):
            if asked.prune:  # a folder is pruned by all its cells
                removed = cells.prune(queue.results, dataclasses.replace(queue, only=()).cells())
            else:
                removed = cells.forget(queue.results, queue.cells(), queue.work / "encoders")
        print("\n".join(f"{name}: {n} rows removed" for name, n in removed.items()) or "nothing to remove")
    elif asked.status:
        from results.queueing import status

        print(status.text(queue))
    else:
        return _start(asked, queue)
    return 0


def _start(asked: argparse.Namespace, queue: loop.Queue) -> int:
    cells.check(queue.cells())  # before anything is built
    for folder in (queue.work, queue.results):
        claims.refuse_if_held(folder)
    commit = wheel.commit_of(HERE.parent, asked.commit)
    print(f"environment of commit {commit} in {queue.work}", flush=True)
    place = wheel.environment(HERE.parent, commit, queue.work)
    command = [*wheel.python(place), str(place / wheel.ENTRY), "--loop", commit, *_places(asked, queue)]
    command += [token for text in queue.only for token in ("--only", text)]
    command += [] if asked.limit_hours is None else ["--limit-hours", str(asked.limit_hours)]
    if asked.detach:
        number = loop.in_background(command, queue.work / "log")
        print(f"process {number} works on; it says what it does in {queue.work / 'log'}")
        return 0
    return subprocess.call(command)


def _loop(asked: argparse.Namespace, queue: loop.Queue) -> int:
    place = Path(__file__).resolve().parents[2]
    with contextlib.suppress(AttributeError, OSError):
        os.nice(10)
    signal.signal(signal.SIGTERM, loop.interrupt)
    me = [*wheel.python(place), __file__]
    failed = loop.run(
        queue,
        lambda cell: [*me, "--cell", cell.as_json(), *_places(asked, queue)],
        asked.loop,
        lambda: wheel.remove_others(queue.work, place),
    )
    return 1 if failed else 0


def _places(asked: argparse.Namespace, queue: loop.Queue) -> list[str]:
    named = {"--list": queue.listed, "--results": queue.results, "--work": queue.work, "--device": asked.device}
    return [token for name, value in named.items() for token in (name, str(value))]


if __name__ == "__main__":
    sys.exit(main())
