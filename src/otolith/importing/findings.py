"""Findings of an import in its recordings: decisions, repairs, gaps and flags. All of it is told and kept."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Decision:
    """One thing that the signals' meaning depends on, and why it is so."""

    what: str
    value: str
    why: str


@dataclass(frozen=True)
class Repair:
    """Rows that were dropped, moved or re-timed, and where the first of them stands."""

    where: str
    what: str
    count: int

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True)
class Gap:
    """A silence of one sensor, in seconds on the recording's clock. It is never bridged."""

    sensor: str
    start_s: float
    stop_s: float


@dataclass(frozen=True)
class Flag:
    """A doubtful stretch, in seconds on the recording's clock. It is kept as it is.

    `kind`: "still" (perhaps not worn), "saturated" (at the end of the sensor's range) or "frozen" (the very same
    value over and over).
    """

    kind: str
    sensor: str
    start_s: float
    stop_s: float


@dataclass
class Findings:
    """All that was found in one recording; a data set's card keeps it as `as_json` gives it.

    Args:
        sources: files that hold the recording.
        format: name of the format that read them.
        started: first moment of its clock, ISO 8601; without a zone where the files name none, None where they say
            nothing.
        started_s: the same in seconds since 1970 (as if in UTC where no zone is named).
        zero_s: what the file's own clock says at the recording's zero, where it counts from a start that it does not
            name.
        timezone: of the clock on the wall, such as Europe/Berlin or +02:00; None where the files do not tell.
        decisions, repairs, gaps, flags: in the order in which they were found.
        passed_over: files beside it that hold nothing of use here.
        about: what the file says of its device (serial number, temperature, place), by name.

    >>> found = Findings(["walk.csv"], "table")
    >>> found.decide("gravity", "included", "given")
    >>> found.repair("walk.csv, line 7", "1 row of the gyroscope has no time", 1)
    >>> found.decisions[0].value, str(found.repairs[0])
    ('included', 'walk.csv, line 7: 1 row of the gyroscope has no time')
    """

    sources: list[str] = field(default_factory=list)
    format: str = ""
    started: str | None = None
    started_s: float | None = None
    zero_s: float | None = None
    timezone: str | None = None
    decisions: list[Decision] = field(default_factory=list)
    repairs: list[Repair] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    flags: list[Flag] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    about: dict[str, str] = field(default_factory=dict)

    def decide(self, what: str, value: str, why: str) -> None:
        """Note a decision, once."""
        decision = Decision(what, value, why)
        if decision not in self.decisions:
            self.decisions.append(decision)

    def repair(self, where: str, what: str, count: int) -> None:
        """Note a repair."""
        self.repairs.append(Repair(where, what, count))

    def as_json(self) -> dict[str, Any]:
        """Return plain lists, texts and numbers."""
        found = asdict(self)
        del found["zero_s"]
        if not self.about:
            del found["about"]
        if self.timezone is None:
            del found["timezone"]
        return found
