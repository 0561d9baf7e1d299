"""Write predictions as one folder of tables, pictures and a page."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from otolith.errors import DataError
from otolith.model import Model
from otolith.prediction import days, page, tables
from otolith.prediction.colours import State, states_of
from otolith.prediction.run import Predicted
from otolith.prediction.seen import stored_of
from otolith.prediction.store import Stored
from otolith.prediction.timeline import NOT_WORN, Timeline
from otolith.progress import SILENT, Progress
from otolith.recording import Recording
from otolith.system.files import make_place, refuse_existing, whole_folder

if TYPE_CHECKING:
    import polars as pl

PICTURED = 24
"""Recordings of which there is a picture in a file of its own."""
INDEX, PAGES = "timeline.html", "recordings"
"""The page to open, and the folder of the pages of single recordings where there are several."""
TITLES = {"acc": "accelerometer", "gyro": "gyroscope"}


@dataclass
class Summary:
    """All recordings of a call together.

    Attributes:
        n: number of recordings with a timeline.
        seconds: of each activity.
        not_worn_s: seconds in which the device was not worn; they count for no activity.
        without: number of recordings that lack a sensor.
        labelled, agreed: number of windows that have a label, and of those that were recognised as it says.
    """

    n: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    not_worn_s: float = 0.0
    without: Counter[str] = field(default_factory=Counter)
    labelled: int = 0
    agreed: int = 0

    def add(self, timeline: Timeline) -> None:
        """Add a recording."""
        self.n += 1
        self.without.update(timeline.without)
        known = timeline.labels != ""
        if known.any():
            self.labelled += int(known.sum())
            self.agreed += int((np.array(timeline.activity)[known] == timeline.labels[known]).sum())
        for each in timeline.intervals():
            if each.activity == NOT_WORN:
                self.not_worn_s += each.stop_s - each.start_s
                continue
            self.seconds[each.activity] = self.seconds.get(each.activity, 0.0) + each.stop_s - each.start_s

    def notes(self) -> list[str]:
        """Return a sentence on each sensor that some recordings lack."""
        return [
            f"{n} of {self.n} recordings have no {TITLES.get(sensor, sensor)}: the model was trained to do without "
            "it, and is less sure."
            for sensor, n in self.without.items()
        ]


class Writer:
    """Fills a folder, one recording after the other, of which none is kept.

    Args:
        building: the empty folder.
        kind: csv, parquet or json.
        windows: write a row for each window, too.
        single: only one recording will come, whose page then is that of the folder.
        terms: terms of the data that the model has seen.
    """

    _alone: Stored | None

    def __init__(
        self,
        building: Path,
        kind: str = "csv",
        windows: bool = False,
        *,
        single: bool = False,
        terms: Sequence[str] = (),
    ) -> None:
        self.summary = Summary()
        self._building, self._kind = building, kind
        self._totals = tables.Totals()
        self._wide = {"hours": days.per_hour(), "days": days.per_day(), "recordings": days.per_recording()}
        self._intervals: list[pl.DataFrame] = []
        self._windows = tables.Growing(building / f"windows.{kind}") if windows else None
        self._terms = terms
        self.levelled: list[bool] = []
        self._single, self._alone = single, None
        self._entries: list[page.Entry] = []
        self._states: list[State] = []
        if not single:
            (building / PAGES).mkdir()
        self._files: set[str] = set()

    def add(self, stored: Stored) -> None:
        """Write a recording, whose name no other has; its picture is moved into the folder."""
        timeline = stored.timeline
        name = _file_name(timeline.recording, self._files)
        if stored.picture is not None:
            shutil.copyfile(stored.picture, self._building / f"{name}{stored.picture.suffix}")
        self.summary.add(timeline)
        self._totals.add(timeline)
        more: dict[str, float | None] = {}
        if stored.level is not None:
            more = {"off 1 g before mg": stored.level.before_mg, "off 1 g after mg": stored.level.after_mg}
            self.levelled.append(not stored.level.why_not)
        for name_of, table in self._wide.items():
            table.add(timeline, stored.file, stored.epochs, more if name_of == "recordings" else None)
        self._intervals.append(tables.intervals([timeline], stored.file))
        if self._windows is not None:
            self._windows.add(tables.windows([timeline]))
        if self._single:
            self._alone = stored
        else:
            page.week(self._building / PAGES / f"{name}.html", stored, index=f"../{INDEX}", terms=self._terms)
            self._entries.append(page.entry(stored, f"{PAGES}/{name}.html"))
            self._states = states_of(timeline.states, timeline.probabilities.shape[1])

    def finish(
        self,
        facts: Sequence[tuple[str, str]] = (),
        notes: Sequence[str] = (),
        skipped: Sequence[str] = (),
    ) -> None:
        """Write what stands on all recordings together."""
        import polars as pl

        totals = self._totals.frame()
        tables.write(pl.concat(self._intervals), self._building / f"intervals.{self._kind}")
        tables.write(totals, self._building / f"totals.{self._kind}")
        for name, table in self._wide.items():
            tables.write(table.frame(), self._building / f"{name}.{self._kind}")
        if self._windows is not None:
            self._windows.close()
        told = [*notes, *self.summary.notes(), *(f"Left out: {reason}" for reason in skipped)]
        if self.levelled:
            n = f"{sum(self.levelled)} of {len(self.levelled)}"
            told.append(f"Accelerometers of {n} recordings were calibrated to 1 g, see recordings.{self._kind}.")
        place = self._building / INDEX
        if self._alone is not None:
            page.week(place, self._alone, facts=facts, terms=self._terms, notes=told)
        else:
            page.write_index(place, self._entries, self._states, facts, self._terms, told)
        about = json.dumps(
            {"facts": dict(facts), "terms": list(self._terms), "notes": told}, indent=2, ensure_ascii=False
        )
        (self._building / "about.json").write_text(about + "\n", "utf-8")


def write(
    folder: Path,
    model: Model,
    predicted: Iterable[Predicted],
    *,
    facts: Sequence[tuple[str, str]] = (),
    terms: Sequence[str] = (),
    notes: Sequence[str] = (),
    kind: str = "csv",
    picture: str = "svg",
    windows: bool = False,
    total: int | None = None,
    progress: Progress = SILENT,
) -> tuple[list[Timeline], list[str]]:
    """Write `{intervals,hours,days,recordings,totals}.KIND`, pictures, `timeline.html` and `about.json`.

    The folder appears whole at the end, or not at all. Returns the timelines and the reasons why some recordings have
    none, as `collect` does. `otolith.prediction.batch` writes the same from results on disk.

    Raises:
        DataError: no recording could be used (with the first reason), or the folder holds something.
        StorageError: the folder cannot be written.
    """
    refuse_existing(folder)
    from otolith.report import style

    with whole_folder(make_place(folder)) as building:
        writer = Writer(building, kind, windows, single=total == 1, terms=terms)
        drawn = building / f".picture.{picture}"

        def add(recording: Recording, timeline: Timeline) -> None:
            stored = stored_of(recording, timeline, recording.name)
            if writer.summary.n < PICTURED:
                from otolith.prediction.picture import draw

                figure = draw(recording, stored.timeline, [c for c in model.meta.channels if c in recording.channels])
                if picture == "png":
                    style.save_png(figure, drawn, dpi=150)
                else:
                    drawn.write_text(style.svg(figure), "utf-8")
                writer.add(replace(stored, picture=drawn))
                drawn.unlink()
            else:
                writer.add(stored)

        timelines, skipped = collect(predicted, total, progress, add)
        writer.finish(facts, notes, skipped)
    return timelines, skipped


def collect(
    predicted: Iterable[Predicted],
    total: int | None = None,
    progress: Progress = SILENT,
    each: Callable[[Recording, Timeline], None] = lambda recording, timeline: None,
) -> tuple[list[Timeline], list[str]]:
    """Return timelines, and the reasons why some recordings have none; `each` is called while a recording is held.

    Raises:
        DataError: no recording could be used (with the first reason).
    """
    timelines: list[Timeline] = []
    skipped: list[str] = []
    with progress.stage("recordings", total, "recordings") as bar:
        for found in predicted:
            if found.timeline is None:
                skipped.append(found.why_not)
            else:
                each(found.recording, found.timeline)
                timelines.append(found.timeline)
            bar.advance()
    if not timelines:
        raise DataError(skipped[0] if skipped else "the sources hold no recording to predict; check their names")
    return timelines, skipped


def named(stored: Iterable[tuple[str, Stored]]) -> Iterable[Stored]:
    """Yield recordings under names of their own: the source's name precedes one that comes twice.

    Args:
        stored: the source's name, and a recording of it.
    """
    taken: set[str] = set()
    for source, each in stored:
        name = own = each.timeline.recording
        if name in taken:
            name = own = f"{source}/{name}"
        number = 2
        while name in taken:
            name, number = f"{own}-{number}", number + 1
        taken.add(name)
        yield (
            each if name == each.timeline.recording else replace(each, timeline=replace(each.timeline, recording=name))
        )


def _file_name(name: str, taken: set[str]) -> str:
    """Return a file name of its own for a recording, whose name may hold anything."""
    plain = re.sub(r"[^\w.-]+", "_", name).strip("._")[:100] or "recording"
    found, number = plain, 2
    while found.lower() in taken:
        found, number = f"{plain}-{number}", number + 1
    taken.add(found.lower())
    return found
