"""Prediction of many recordings by several processes; after a stop it goes on, and nothing is done twice."""

from __future__ import annotations

import difflib
import os
import warnings
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from otolith.errors import DataError
from otolith.prediction import tables
from otolith.prediction.folder import Summary, Writer, named
from otolith.prediction.moments import placed, zone_of
from otolith.prediction.store import Outcome, Store, Stored
from otolith.prediction.units import Hints, Plan, Unit
from otolith.prediction.working import Settings, predict_in_worker, predict_on_cluster, predict_unit
from otolith.progress import SILENT, Progress, Stage
from otolith.system.cluster import on_cluster
from otolith.system.device import choose_device
from otolith.system.files import whole_folder
from otolith.system.memory import available_bytes

if TYPE_CHECKING:
    from otolith.importing.questions import Ask

WORTH_WORKERS = 16 << 20
"""Bytes of recordings from which processes are worth their start: some seconds each."""
WORKER_BYTES = 1 << 30
"""Memory that a process is allowed for."""
MOST_PASSED = 20
_IDLE_S = 300.0


@dataclass(frozen=True)
class How:
    """Processes that share the work.

    Attributes:
        workers: on this machine; None: one for each core where that is worth it.
        executor: "here", or "ray": the workers of a Ray cluster, to which all folders mean the same.
        address: of that cluster; None starts one on this machine.
    """

    workers: int | None = None
    executor: Literal["here", "ray"] = "here"
    address: str | None = None


@dataclass(frozen=True)
class Done:
    """All units of a plan after their prediction.

    Attributes:
        left_out: sentences on files and recordings that have no timeline.
        notes: sentences on files that were passed over.
        zone: time zone of the calendar; None: that of each recording.
    """

    plan: Plan
    outcomes: list[Outcome]
    store: Store
    left_out: list[str]
    notes: list[str]
    zone: str | None = None

    def stored(self) -> Iterator[tuple[str, Stored]]:
        """Yield the source and the results of each recording, one at a time in memory."""
        for unit, outcome in zip(self.plan.units, self.outcomes, strict=True):
            for number, described in enumerate(outcome.recordings):
                stored = self.store.load(unit.key, number, described)
                zone = self.zone or described["timezone"]
                started = placed(stored.timeline.started, zone_of(zone) if zone else None)
                yield unit.source, replace(stored, timeline=replace(stored.timeline, started=started))

    def write(
        self,
        out: Path,
        *,
        kind: str = "csv",
        windows: bool = False,
        facts: Sequence[tuple[str, str]] = (),
        terms: Sequence[str] = (),
        progress: Progress = SILENT,
    ) -> Summary:
        """Write the folder `out` as `folder.write` does; or, where it is the name of a table, the intervals alone.

        Raises:
            StorageError: it cannot be written.
        """
        n = sum(len(outcome.recordings) for outcome in self.outcomes)
        with progress.stage("write", n, "recordings") as bar:
            if out.suffix.lower() in tables.SUFFIXES:
                return self._write_intervals(out, bar)
            with whole_folder(out) as building:
                writer = Writer(building, kind, windows, single=n == 1, terms=terms)
                for each in named(self.stored()):
                    writer.add(each)
                    bar.advance()
                writer.finish(facts, self.notes, self.left_out)
        return writer.summary

    def _write_intervals(self, out: Path, bar: Stage) -> Summary:
        import polars as pl

        summary, frames = Summary(), []
        for each in named(self.stored()):
            summary.add(each.timeline)
            frames.append(tables.intervals([each.timeline], each.file))
            bar.advance()
        tables.write(pl.concat(frames), out)
        return summary


def run(
    plan: Plan,
    settings: Settings,
    store: Store,
    how: How = How(),
    *,
    zone: str | None = None,
    ask: Ask | None = None,
    progress: Progress = SILENT,
) -> Done:
    """Predict all units of a plan; `store` holds the results.

    Units that the store holds are not done again. What nothing but an option or a person decides is asked at the end.

    Args:
        how: processes that share the work.
        zone: time zone of days and hours; None: that of each recording.
        ask: a person; None: what is open is left out.

    Raises:
        DataError: no recording could be used (with all reasons), or `settings.only` names one that is not there.
        StorageError: a result cannot be written.
    """
    if zone is not None:
        zone_of(zone)  # refused before the work
    units = plan.units if settings.only is None else [u for u in plan.units if u.name in (None, *settings.only)]
    found = {unit.key: outcome for unit in units if (outcome := store.outcome(unit.key)) is not None}
    left = [(number, unit) for number, unit in enumerate(units) if unit.key not in found]
    if found and left:
        progress.say(f"{len(found):,} of {len(units):,} were predicted before; {len(left):,} are left.")
    with progress.stage("predict", len(units), "recordings") as bar:
        if found:
            bar.advance(len(found))
        if how.executor == "ray":
            done = _on_cluster(left, settings, store, how.address)
        else:
            done = _done(left, settings, store, _workers(how.workers, left, settings))
        for unit, outcome in done:
            found[unit.key] = outcome
            bar.advance()
    _ask_again(units, found, settings, store, ask)
    outcomes = [found[unit.key] for unit in units]
    _require_found(settings.only, plan, outcomes)
    left_out = list(dict.fromkeys([*plan.left_out, *(reason for each in outcomes for reason in each.left_out)]))
    passed = list(dict.fromkeys([*plan.passed_over, *(file for each in outcomes for file in each.passed_over)]))
    if not any(outcome.recordings for outcome in outcomes):
        store.remove()
        raise DataError(_nothing(plan, left_out, passed))
    notes = [f"Passed over, since no motion is in it: {', '.join(passed[:MOST_PASSED])}"] if passed else []
    if len(passed) > MOST_PASSED:
        notes = [f"{notes[0]} and {len(passed) - MOST_PASSED:,} more files"]
    return Done(replace(plan, units=units), outcomes, store, left_out, notes, zone)


def _nothing(plan: Plan, left_out: list[str], passed: list[str]) -> str:
    if left_out:
        from otolith.importing.grouping.left_out import listed

        return listed(left_out)
    if passed:
        return (
            f"{plan.name}: none of the {len(passed)} table(s) holds what looks like an accelerometer, such as "
            f"{passed[0]}. Name the columns if they are called otherwise: --time COLUMN --acc X,Y,Z"
        )
    return "the sources hold no recording to predict; check their names"


def _require_found(only: tuple[str, ...] | None, plan: Plan, outcomes: Sequence[Outcome]) -> None:
    seen = list(dict.fromkeys(name for each in outcomes for name in each.seen))
    seen += [unit.name for unit in plan.units if unit.name is not None and unit.name not in seen]
    missing = sorted(set(only or ()) - set(seen))
    if missing:
        near = difflib.get_close_matches(missing[0], seen, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        raise DataError(
            f"--only: no recording is called {missing[0]!r}{hint} There are {len(seen)}, such as {', '.join(seen[:5])}."
        )


def _ask_again(
    units: Sequence[Unit], found: dict[str, Outcome], settings: Settings, store: Store, ask: Ask | None
) -> None:
    """Read what was undecided once more, with what the data of the other files decided, and with a person."""
    hints: Hints = {}
    for unit in units:
        for sensor, columns, measure, where in found[unit.key].hints:
            hints.setdefault((sensor, tuple(columns)), (measure, where))
    for number, unit in enumerate(units):
        if found[unit.key].undecided and (hints or ask is not None):
            found[unit.key] = predict_unit(number, unit, settings, store, hints, ask)
            hints |= {(s, tuple(c)): (u, w) for s, c, u, w in found[unit.key].hints if (s, tuple(c)) not in hints}


def _workers(asked: int | None, left: Sequence[tuple[int, Unit]], settings: Settings) -> int:
    if asked is not None:
        return max(1, min(asked, len(left)))
    if choose_device(settings.device).type != "cpu" or sum(unit.n_bytes for _, unit in left) < WORTH_WORKERS:
        return 1
    from joblib import cpu_count

    return max(1, min(int(cpu_count()), len(left), available_bytes() // WORKER_BYTES))


def _done(
    left: Sequence[tuple[int, Unit]], settings: Settings, store: Store, workers: int
) -> Generator[tuple[Unit, Outcome], None, None]:
    if workers <= 1:
        for number, unit in left:
            yield unit, predict_unit(number, unit, settings, store, {}, None)
        return
    from joblib import Parallel, delayed

    pool = Parallel(
        n_jobs=workers,
        backend="loky",
        return_as="generator_unordered",
        batch_size=1,
        pre_dispatch=2 * workers,
        idle_worker_timeout=_IDLE_S,
        inner_max_num_threads=1,
    )
    by_key = {unit.key: unit for _, unit in left}
    results = pool(delayed(predict_in_worker)(number, unit, settings, store, os.getpid()) for number, unit in left)
    try:
        for key, outcome in results:
            yield by_key[key], outcome
    finally:
        with warnings.catch_warnings():  # that units are given up is what a stop is for
            warnings.simplefilter("ignore")
            results.close()


def _on_cluster(
    left: Sequence[tuple[int, Unit]], settings: Settings, store: Store, address: str | None
) -> Generator[tuple[Unit, Outcome], None, None]:
    gpu = choose_device(settings.device).type == "cuda"
    here = os.getcwd()
    calls = [(unit, (number, unit, settings, store, here)) for number, unit in left]
    if calls:
        yield from on_cluster(
            predict_on_cluster,
            calls,
            address,
            gpus=float(gpu),
            error=DataError,
            name=lambda unit: unit.name or unit.source,
        )
