"""Results of units on disk, from which a prediction goes on after it was stopped, and its folder is written.

about.json                   what the results depend on besides the unit: model, settings, version
units/KEY/unit.json          recordings, and the reasons why others have no timeline
units/KEY/0.npz              arrays of the first recording's timeline, and what was seen in its signals
units/KEY/0.svg              its picture, where it is to have one
"""

from __future__ import annotations

import contextlib
import json
import shutil
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from otolith.errors import InUseError, StorageError
from otolith.prediction.epochs import Epochs
from otolith.prediction.one_g import OneG
from otolith.prediction.signals import Signals
from otolith.prediction.timeline import Timeline
from otolith.system import claims, files
from otolith.system.reading import DAMAGED_ARRAY, check_regular, read_text
from otolith.system.storage import make_folder

ABOUT, UNIT, UNITS = "about.json", "unit.json", "units"
_ARRAYS = ("start_s", "probabilities", "score", "flagged", "belief", "labels")
_SIGNALS = ("step_s", "start_s", "acc_range", "gyro_range")
_EPOCHS = ("start_s", "enmo", "mad", "mean", "std")


@dataclass(frozen=True, eq=False)
class Stored:
    """A predicted recording without its samples.

    Attributes:
        timeline: its states.
        file: the file that holds it, as the study names it.
        epochs, signals: of its sensors.
        level: calibration of its accelerometer to 1 g; None where that was not asked for.
        picture: a file with its picture; None where it has none.
    """

    timeline: Timeline
    file: str
    epochs: Epochs
    signals: Signals
    level: OneG | None = None
    picture: Path | None = None


@dataclass
class Outcome:
    """Result of a unit.

    Attributes:
        recordings: descriptions of the predicted recordings; `Store.load` gives their arrays.
        left_out: sentences on recordings and files that have no timeline.
        undecided: those of them that an option would cure.
        passed_over: files in which there is no motion.
        seen: names of all recordings in it, chosen or not.
        hints: [sensor, columns, unit, file] that the data decided.
    """

    recordings: list[dict[str, Any]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    hints: list[list[Any]] = field(default_factory=list)


class Store:
    """A folder of results; one process at a time owns it, its workers write whole units into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(self, about: dict[str, Any]) -> bool:
        """Keep the results that are there if they were made under the same conditions, else begin anew.

        Returns:
            True where there were results of other conditions, which are gone.
        """
        text = json.dumps(about, indent=1, sort_keys=True)
        try:
            before: str | None = read_text(self.folder / ABOUT)
        except (OSError, ValueError):
            before = None
        if before == text:
            return False
        shutil.rmtree(self.folder / UNITS, ignore_errors=True)
        make_folder(self.folder / UNITS)
        files.write(self.folder / ABOUT, text)
        return before is not None

    def outcome(self, key: str) -> Outcome | None:
        """Return what became of a unit; None where it is still to be done."""
        try:
            return Outcome(**json.loads(read_text(self._place(key) / UNIT)))
        except (OSError, ValueError, TypeError):
            return None

    def building(self, key: str) -> Any:
        """Return the context in which `save` and `finish` fill the folder of a unit; it appears whole."""
        return files.whole_folder(self._place(key), replace=True)

    def load(self, key: str, number: int, described: dict[str, Any]) -> Stored:
        """Return a recording of a unit.

        Raises:
            StorageError: somebody changed the file meanwhile.
        """
        place = self._place(key)
        try:
            with np.load(check_regular(place / f"{number}.npz"), allow_pickle=False) as arrays:
                found = {name: arrays[name] for name in arrays.files}
        except (OSError, KeyError, *DAMAGED_ARRAY) as error:
            raise StorageError(
                f"{place / f'{number}.npz'} cannot be read ({error}). Remove {self.folder}, and predict anew."
            ) from error
        return restored(found, described, next(iter(place.glob(f"{number}.[sp]*g")), None))

    def remove(self) -> None:
        """Remove all of it, whose results stand elsewhere."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _place(self, key: str) -> Path:
        return self.folder / UNITS / key


def save(place: Path, number: int, stored: Stored) -> dict[str, Any]:
    """Write a recording's arrays into the folder of its unit, and return its description."""
    timeline = stored.timeline
    arrays: dict[str, Any] = {name: value for name in _ARRAYS if (value := getattr(timeline, name)) is not None}
    arrays |= {f"epoch_{name}": getattr(stored.epochs, name) for name in _EPOCHS}
    arrays |= {"acc": stored.signals.acc, "gyro": stored.signals.gyro}
    np.savez(place / f"{number}.npz", **arrays)
    return {
        "recording": timeline.recording,
        "subject": timeline.subject,
        "states": list(timeline.states),
        "seconds": timeline.seconds,
        "hop_s": timeline.hop_s,
        "started": None if timeline.started is None else timeline.started.isoformat(),
        "without": list(timeline.without),
        "not_worn": [list(span) for span in timeline.not_worn],
        "file": stored.file,
        "level": None if stored.level is None else asdict(stored.level),
        "signals": [getattr(stored.signals, name) for name in _SIGNALS],
    }


def finish(place: Path, outcome: Outcome) -> None:
    """Write what became of a unit; its folder is then complete."""
    (place / UNIT).write_text(json.dumps(asdict(outcome), ensure_ascii=False), "utf-8")


def restored(arrays: dict[str, NDArray[Any]], described: dict[str, Any], picture: Path | None) -> Stored:
    """Return a recording from its arrays and its description."""
    started = described["started"]
    timeline = Timeline(
        recording=described["recording"],
        subject=described["subject"],
        states=tuple(described["states"]),
        start_s=arrays["start_s"],
        seconds=described["seconds"],
        hop_s=described["hop_s"],
        probabilities=arrays["probabilities"],
        score=arrays.get("score"),
        flagged=arrays["flagged"],
        belief=arrays.get("belief"),
        labels=arrays["labels"],
        started=None if started is None else datetime.fromisoformat(started),
        without=tuple(described["without"]),
        not_worn=tuple((begin, end) for begin, end in described["not_worn"]),
    )
    epochs = Epochs(*(arrays[f"epoch_{name}"] for name in _EPOCHS))
    step_s, start_s, acc_range, gyro_range = described["signals"]
    signals = Signals(step_s, start_s, arrays["acc"], tuple(acc_range), arrays["gyro"], tuple(gyro_range))
    level = None if described["level"] is None else OneG(**described["level"])
    return Stored(timeline, described["file"], epochs, signals, level, picture)


def unfinished(out: Path) -> Path:
    """Return the hidden folder in which results for `out` wait until all of them are there.

    >>> unfinished(Path("predictions")).name
    '.predictions.unfinished'
    """
    return out.with_name(f".{out.name}.unfinished")


def remove_finished(out: Path) -> None:
    """Remove the results for `out` where all of it is there: the process was killed in the very last moment."""
    left = unfinished(out)
    if left.is_dir() and (out.is_file() or (out.is_dir() and any(out.iterdir()))):
        with contextlib.suppress(InUseError), claims.hold(left, kept=False):
            shutil.rmtree(left, ignore_errors=True)
