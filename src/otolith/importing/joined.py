"""Blocks of one recording, put one after the other on disk; see `otolith.importing.blocks`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from otolith.importing.disk_buffer import in_memory
from otolith.importing.findings import Repair
from otolith.importing.session import Session
from otolith.importing.signals.assemble import NO_SECONDS, NO_VALUES, Prepared
from otolith.importing.signals.repair import has_lasting_zeros
from otolith.importing.spool import Spool
from otolith.windows.times import SINGULAR, Samples

if TYPE_CHECKING:
    from otolith.importing.findings import Findings

    Piece = tuple[NDArray[np.float64], NDArray[Any], NDArray[np.int64]]

INTEGRAL_NS = 0.02
"""Nanoseconds by which times may be off whole ones by rounding alone."""
PLURAL = {one: many for many, one in SINGULAR.items()} | {"row": "rows"}


class NotInBlocks(Exception):
    """A file has to be read whole; the text says why."""


class Apart(Exception):
    """Sensors were sampled together in some blocks and not in others."""


@dataclass(frozen=True)
class _Lines:
    """Numbers of lines that follow each other, as far as an array of them is asked."""

    first: int

    def __getitem__(self, row: int) -> int:
        return self.first + row


class Joined:
    """Blocks of one recording, as they come."""

    def __init__(self, scratch: Path, overlaps: bool, together: bool) -> None:
        """Make nothing before the first block comes.

        Args:
            scratch: folder on the disk.
            overlaps: a block ends with what the next one begins with.
            together: sensors that were sampled together in the first block are kept as one.
        """
        self._scratch, self._overlaps, self._together = scratch, overlaps, together
        self._first: Prepared | None = None
        self._spools: list[tuple[Spool, Spool, Spool]] = []
        self._groups: list[list[int]] = []
        self._zero = 0.0
        self._waiting: list[Piece] = []

    def add(self, session: Session, ready: Prepared, n_before: int) -> None:
        """Take a block, of which `n_before` rows came before."""
        if session.labels is not None:
            raise NotInBlocks("it holds labels")
        if any(len(parts) != 1 for parts in ready.parts):
            raise NotInBlocks("its clock jumps back")
        if ready.sensors[0].gravity is None and has_lasting_zeros(ready.parts[0][0].values):
            raise NotInBlocks("it holds zeros for a while, which may be sleep of the sensor")
        for sensor, (part,) in zip(ready.sensors, ready.parts, strict=True):
            seconds = sensor.clock.seconds[part.rows]
            shift = ((sensor.clock.origin_ns or 0) - (ready.origin or 0)) / 1e9
            if not np.array_equal(seconds + shift if shift else seconds, part.times):
                raise NotInBlocks("its clock needs repair")
        groups = _groups(ready) if self._together else [[number] for number in range(len(ready.sensors))]
        times = [self._on_the_clock(ready, group[0], n_before) for group in groups]
        if self._first is None:
            self._first, self._groups, self._zero = ready, groups, min(float(each[0]) for each in times)
            self._spools = [(Spool(self._scratch), Spool(self._scratch), Spool(self._scratch)) for _ in groups]
        else:
            self._must_agree(session, ready, groups)
        new = []
        for group, t in zip(groups, times, strict=True):
            values = np.concatenate([ready.parts[number][0].values for number in group]).T
            new.append((t - self._zero, values, ready.parts[group[0]][0].rows + n_before))
        self._write(new)

    def add_empty(self, session: Session) -> None:
        """Take a block without samples, such as of a sensor that sleeps."""
        if self._first is None:
            raise NotInBlocks("it begins without samples")
        merge(self._first.session.findings, session.findings)

    def _on_the_clock(self, ready: Prepared, number: int, n_before: int) -> NDArray[np.float64]:
        """Return the times of a sensor's samples as the whole file has them."""
        sensor, part = ready.sensors[number], ready.parts[number][0]
        if sensor.clock.regular is not None:
            return (part.rows + n_before) / sensor.clock.regular
        if ready.origin is None or self._first is None or self._first.origin is None:
            return part.times
        later = ready.origin - self._first.origin
        exact = part.times * 1e9
        whole = np.rint(exact)
        if np.abs(exact - whole).max() < INTEGRAL_NS:
            return (whole.astype(np.int64) + later) / 1e9
        return part.times + later / 1e9

    def _must_agree(self, session: Session, ready: Prepared, groups: list[list[int]]) -> None:
        first = self._first
        assert first is not None
        if groups != self._groups:
            raise Apart
        said = [
            [(s.kind, s.unit, s.gravity, s.table.columns, s.clock.regular, s.clock.zone, s.clock.local) for s in each]
            for each in (first.sensors, ready.sensors)
        ]
        if said[0] != said[1] or (first.origin is None) != (ready.origin is None):
            raise NotInBlocks("its parts are not alike")
        found = [[(d.what, d.value) for d in each.findings.decisions] for each in (first.session, session)]
        if found[0] != found[1] or (session.name, session.subject) != (first.session.name, first.session.subject):
            raise NotInBlocks("its parts decide otherwise")
        if any(s.clock.regular is not None for s in ready.sensors) and ready.origin != first.origin:
            raise NotInBlocks("its parts begin at different times")
        merge(first.session.findings, session.findings)

    def _write(self, new: list[Piece]) -> None:
        """Write the block before, without what the new one holds, too, and keep the new one back."""
        for (t, values, rows), (later, _, _), spools in zip(self._waiting, new, self._spools, strict=False):
            n = len(t)
            if later[0] <= t[-1]:
                n = int(np.searchsorted(t, later[0])) if self._overlaps else 0
            if not n:
                raise NotInBlocks("its parts do not follow each other in time")
            for spool, each in zip(spools, (t[:n], values[:n], rows[:n]), strict=True):
                spool.add(each)
        self._waiting = new

    def close(self) -> None:
        """Close the files; arrays of them stay."""
        for spools in self._spools:
            for spool in spools:
                spool.close()

    def finish(self) -> Prepared:
        """Return all blocks as one."""
        if self._first is None:
            raise NotInBlocks("it holds no rows")
        for kept, spools in zip(self._waiting, self._spools, strict=True):
            for spool, each in zip(spools, kept, strict=True):
                spool.add(each)
        first = self._first
        parts: dict[int, list[Samples]] = {}
        for group, spools in zip(self._groups, self._spools, strict=True):
            times, values, rows = (spool.array() for spool in spools)
            for place, number in enumerate(group):
                parts[number] = [Samples(times, values.T[3 * place : 3 * place + 3], rows)]
        sensors = []
        for sensor in first.sensors:
            table = sensor.table.outline(in_memory)
            lines: Any = None if table.lines is None else _Lines(int(table.lines[0]))
            about = sensor.clock.about_ns
            about = None if about is None else about + round(self._zero * 1e9)
            clock = replace(sensor.clock, seconds=NO_SECONDS, about_ns=about)
            table = replace(table, lines=lines)
            sensors.append(replace(sensor, table=table, clock=clock, values=NO_VALUES, elsewhere=None))
        origin = None if first.origin is None else first.origin + round(self._zero * 1e9)
        session = replace(first.session, sensors=[])
        return Prepared(session, sensors, [parts[number] for number in range(len(sensors))], origin)


def _groups(ready: Prepared) -> list[list[int]]:
    """Return the numbers of the sensors in groups of those that were sampled together."""
    acc, *others = (parts[0] for parts in ready.parts)
    same = [np.array_equal(acc.times, each.times) and np.array_equal(acc.rows, each.rows) for each in others]
    return [[0, 1]] if same == [True] else [[number] for number in range(len(ready.parts))]


def merge(findings: Findings, more: Findings) -> None:
    """Add what was repaired in a block to what was repaired before it: equal repairs are one, of more rows."""
    for repair in more.repairs:
        like = [number for number, each in enumerate(findings.repairs) if _kind(each) == _kind(repair)]
        if not like:
            findings.repairs.append(repair)
            continue
        before = findings.repairs[like[0]]
        count = before.count + repair.count
        findings.repairs[like[0]] = Repair(before.where, f"{count:,} {_kind(before)}", count)
    degrees = [re.findall(r"-?\d+\.\d", each.about.get("temperature", "")) for each in (findings, more)]
    if all(degrees):
        all_of_them = [float(text) for each in degrees for text in each]
        findings.about["temperature"] = f"{min(all_of_them):.1f} to {max(all_of_them):.1f} °C"


def _kind(repair: Repair) -> str:
    """Return the words on a repair without the number that begins them, in the plural."""
    number, _, words = repair.what.partition(" ")
    if not re.fullmatch(r"[\d,]+", number):
        return repair.what
    return " ".join(PLURAL.get(word, word) for word in words.split(" ")) if number == "1" else words
