"""Write predictions as one folder of tables, pictures and a page."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from otolith.errors import DataError
from otolith.model import Model
from otolith.prediction import page, tables
from otolith.prediction.run import Predicted
from otolith.prediction.timeline import Timeline
from otolith.progress import SILENT, Progress
from otolith.recording import Recording
from otolith.system.files import refuse_existing, whole_folder

PICTURED = 24
"""Recordings that are drawn; the page has only tables of further ones."""
TITLES = {"acc": "accelerometer", "gyro": "gyroscope"}


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
    total: int | None = None,
    progress: Progress = SILENT,
) -> tuple[list[Timeline], list[str]]:
    """Write `{windows,intervals,totals}.KIND`, a picture of each recording, `timeline.html` and `about.json`.

    The folder appears whole at the end, or not at all. Returns the timelines and the reasons why some recordings have
    none, as `collect` does.

    Raises:
        DataError: no recording could be used (with the first reason), or the folder holds something.
        StorageError: the folder cannot be written.
    """
    refuse_existing(folder)
    from otolith.report import style

    pictures: list[str] = []
    names: set[str] = set()
    with whole_folder(folder) as building:

        def draw(recording: Recording, timeline: Timeline) -> None:
            if len(pictures) < PICTURED:
                from otolith.prediction.picture import draw

                figure = draw(recording, timeline, [c for c in model.meta.channels if c in recording.channels])
                pictures.append(style.data_uri(figure))
                place = building / f"{_file_name(recording.name, names)}.{picture}"
                if picture == "png":
                    style.save_png(figure, place, dpi=150)
                else:
                    place.write_text(style.svg(figure), "utf-8")

        timelines, skipped = collect(predicted, total, progress, draw)
        totals = tables.totals(timelines)
        frames = {"windows": tables.windows(timelines), "intervals": tables.intervals(timelines), "totals": totals}
        for name, frame in frames.items():
            tables.write(frame, building / f"{name}.{kind}")
        told = [*notes, *without(timelines), *(f"Left out: {reason}" for reason in skipped)]
        if len(timelines) > PICTURED:
            told.append(
                f"Only the first {PICTURED} of {len(timelines)} recordings are drawn; the tables have them all."
            )
        page.write(building / "timeline.html", timelines, pictures, totals.to_dicts(), facts, terms, told)
        about = json.dumps({"facts": dict(facts), "terms": list(terms), "notes": told}, indent=2, ensure_ascii=False)
        (building / "about.json").write_text(about + "\n", "utf-8")
    return timelines, skipped


def without(timelines: Sequence[Timeline]) -> list[str]:
    """Return a sentence on each sensor that some recordings lack."""
    found = Counter(sensor for timeline in timelines for sensor in timeline.without)
    return [
        f"{n} of {len(timelines)} recordings have no {TITLES.get(sensor, sensor)}: the model was trained to do without "
        "it, and is less sure."
        for sensor, n in found.items()
    ]


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


def _file_name(name: str, taken: set[str]) -> str:
    """Return a file name of its own for a recording, whose name may hold anything."""
    plain = re.sub(r"[^\w.-]+", "_", name).strip("._")[:100] or "recording"
    found, number = plain, 2
    while found.lower() in taken:
        found, number = f"{plain}-{number}", number + 1
    taken.add(found.lower())
    return found
