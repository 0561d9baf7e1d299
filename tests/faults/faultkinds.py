"""The faults, one class each. `strike` makes it happen to a running job and gives the name of what happened."""

from __future__ import annotations

import json
import os
import random
import time
from dataclasses import dataclass
from pathlib import Path

from tests.faults import faultjobs
from tests.faults.faultjobs import Job, Running

POLL_S = 0.0005
REFUSED = 2
"""Exit code with which a command ends that says what is wrong."""


@dataclass
class Target:
    """A running job, where it writes, and the seconds that it takes undisturbed."""

    run: Running
    job: Job
    out: Path
    seconds: float
    random: random.Random

    def places(self) -> list[Path]:
        """Folders that the job writes into."""
        return [self.out, self.out.with_name(f"{self.out.name}-checkpoints")]


class Kill:
    """SIGKILL at any moment, between the start and about half the time that the whole job takes."""

    name = "SIGKILL"
    redone = 1
    """The most epochs that were trained to their end and have to be trained again."""

    def largest_file(self, largest: int, rng: random.Random) -> int | None:
        """Bytes beyond which the job's writes fail."""
        return None

    def strike(self, target: Target) -> str | None:
        """Name of what happened; None where the job ended before."""
        if target.run.ended(target.random.uniform(0, 0.5 * target.seconds)):
            return None
        return self._kill(target)

    def _kill(self, target: Target) -> str | None:
        target.run.process.kill()
        target.run.ended()
        return self.name if target.run.code < 0 else None


class KillInWrite(Kill):
    """SIGKILL the moment that a half-written file or folder is seen, from a random moment on."""

    name = "SIGKILL within a write"

    def strike(self, target: Target) -> str | None:
        after = time.monotonic() + target.random.uniform(0, 0.4 * target.seconds)
        while not target.run.ended(POLL_S):
            if time.monotonic() > after and any(_half_written(place) for place in target.places()):
                return self._kill(target)
        return None


def _holder(place: Path) -> int | None:
    try:
        return int(json.loads((place / ".lock").read_text())["pid"])
    except (OSError, ValueError):  # none yet, or not yet written
        return None


def _half_written(place: Path) -> bool:
    # os.walk, unlike rglob, bears folders that vanish under it
    names = (name for _, folders, files in os.walk(place) for name in (*folders, *files))
    return any(name.startswith(".") and (".partial-" in name or name.endswith(".part")) for name in names)


class WriteFails(Kill):
    """Files cannot grow beyond some size: a write fails in the middle, and the job has to say which file and why."""

    name = "write fails in the middle"

    def largest_file(self, largest: int, rng: random.Random) -> int | None:
        return rng.randrange(100, largest)

    def strike(self, target: Target) -> str | None:
        target.run.ended()
        if target.run.code == 0:
            return None
        said = target.run.said()
        if target.run.code != REFUSED or "File too large" not in said or "Traceback" in said:
            raise AssertionError(f"{target.run.log}: ended with {target.run.code} and not with a named file:\n{said}")
        return self.name


class Truncate(Kill):
    """SIGKILL, and the newest checkpoint cut short."""

    name = "newest checkpoint truncated"
    redone = 2

    def strike(self, target: Target) -> str | None:
        killed = super().strike(target)
        entries = [entry for place in target.places() for entry in place.rglob("epoch-*")]
        if killed is None or not entries:
            return Kill.name if killed else None
        newest = max(entries, key=lambda entry: (entry.stat().st_mtime_ns, entry.name))
        self._spoil(newest / target.random.choice(["tensors.safetensors", "state.json"]), target.random)
        return self.name

    def _spoil(self, path: Path, rng: random.Random) -> None:
        blob = path.read_bytes()
        path.write_bytes(blob[: rng.randrange(len(blob))])


class Alter(Truncate):
    """SIGKILL, and one bit of the newest checkpoint flipped."""

    name = "bit flipped in the newest checkpoint"

    def _spoil(self, path: Path, rng: random.Random) -> None:
        blob = bytearray(path.read_bytes())
        blob[rng.randrange(len(blob))] ^= 1 << rng.randrange(7)
        path.write_bytes(bytes(blob))


class DamageRow(Kill):
    """SIGKILL, and one figure in a line of rows changed."""

    name = "row altered"

    def strike(self, target: Target) -> str | None:
        killed = super().strike(target)
        path = target.out / "rows.jsonl"
        digits = [i for i, byte in enumerate(path.read_bytes()) if chr(byte).isdigit()] if path.exists() else []
        if killed is None or not digits:
            return Kill.name if killed else None
        blob = bytearray(path.read_bytes())
        place = target.random.choice(digits)
        blob[place] = ord("1") if blob[place] != ord("1") else ord("2")
        path.write_bytes(bytes(blob))
        return self.name


class SecondProcess(Kill):
    """The same command a second time while the first is at work: it has to be refused with the first's number."""

    name = "second process in the folder"

    def strike(self, target: Target) -> str | None:
        while not any(_holder(place) == target.run.process.pid for place in target.places()):
            if target.run.ended(POLL_S):
                return None
        log = target.run.log.with_suffix(".second")
        second = faultjobs.start(target.job.at(target.out, again=True), log)
        second.ended()
        if target.run.ended(0):
            return None
        said = second.said()
        if second.code != REFUSED or f"in use by process {target.run.process.pid} on " not in said:
            raise AssertionError(f"{log}: ended with {second.code} and did not name the first process:\n{said}")
        self._kill(target)
        return self.name


KINDS: dict[str, Kill] = {
    kind.name: kind for kind in (Kill(), KillInWrite(), WriteFails(), Truncate(), Alter(), DamageRow(), SecondProcess())
}
