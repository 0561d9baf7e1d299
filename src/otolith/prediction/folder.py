"""What `otolith predict` leaves: a folder with tables, pictures and a page that belong together."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from otolith.errors import DataError
from otolith.model import Model
from otolith.prediction import page, tables
from otolith.prediction.run import Predicted
from otolith.prediction.timeline import Timeline
from otolith.progress import SILENT, Progress
from otolith.system.files import refuse_existing, whole_folder

PICTURED = 24
"""Recordings that are drawn; of more, the page has the tables alone."""
TITLES = {"acc": "accelerometer", "gyro": "gyroscope"}
PICTURES = ("svg", "png")


@dataclass
class Written:
    """The folder, its files, what was recognised, and what was left out and why."""

    folder: Path
    files: list[Path]
    timelines: list[Timeline]
    skipped: list[str] = field(default_factory=list)


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
) -> Written:
    """Predict, and write `{windows,intervals,totals}.KIND`, a picture each, `timeline.html` and `about.json`.

    All of it appears at the end, or nothing.

    Raises:
        DataError: no recording could be used (with the first reason), or the folder holds something.
        StorageError: the folder cannot be written.
    """
    refuse_existing(folder)
    from otolith.report import style

    with whole_folder(folder) as building:
        drawn: list[page.Drawn] = []
        files: list[Path] = []
        skipped: list[str] = []
        names: set[str] = set()
        with progress.stage("recordings", total, "recordings") as bar:
            for each in predicted:
                if each.timeline is None:
                    skipped.append(each.why_not)
                else:
                    uri = None
                    if len(drawn) < PICTURED:
                        from otolith.prediction.picture import draw

                        channels = [c for c in model.meta.channels if c in each.recording.channels]
                        figure = draw(each.recording, each.timeline, channels)
                        uri = style.data_uri(figure)
                        place = building / f"{_file_name(each.recording.name, names)}.{picture}"
                        files.append(_save(figure, place))
                    drawn.append(page.Drawn(each.timeline, uri))
                bar.advance()
        if not drawn:
            raise DataError(skipped[0] if skipped else "there is no recording to predict on; check the source")
        timelines = [each.timeline for each in drawn]
        totals = tables.totals(timelines)
        frames = {"windows": tables.windows(timelines), "intervals": tables.intervals(timelines), "totals": totals}
        files = [tables.write(frame, building / f"{name}.{kind}") for name, frame in frames.items()] + files
        left_out = [*notes, *without(timelines), *(f"Left out: {reason}" for reason in skipped)]
        if len(drawn) > PICTURED:
            left_out.append(
                f"Only the first {PICTURED} of {len(drawn)} recordings are drawn; the tables have them all."
            )
        files.insert(0, page.write(building / "timeline.html", drawn, totals.to_dicts(), facts, terms, left_out))
        about: dict[str, Any] = {"facts": dict(facts), "terms": list(terms), "notes": left_out}
        files.append(building / "about.json")
        files[-1].write_text(json.dumps(about, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return Written(folder, [folder / file.name for file in files], timelines, skipped)


def without(timelines: Sequence[Timeline]) -> list[str]:
    """Sentences on the sensors that the model had to do without."""
    found: dict[str, int] = {}
    for timeline in timelines:
        for sensor in timeline.without:
            found[sensor] = found.get(sensor, 0) + 1
    return [
        f"{n} of {len(timelines)} recordings have no {TITLES.get(sensor, sensor)}: the model was trained to do without "
        "it, and is less sure."
        for sensor, n in found.items()
    ]


def collect(
    predicted: Iterable[Predicted], total: int | None = None, progress: Progress = SILENT
) -> tuple[list[Timeline], list[str]]:
    """Timelines, and the reasons why some recordings have none.

    Raises:
        DataError: no recording could be used; the first reason.
    """
    timelines: list[Timeline] = []
    skipped: list[str] = []
    with progress.stage("recordings", total, "recordings") as bar:
        for each in predicted:
            if each.timeline is None:
                skipped.append(each.why_not)
            else:
                timelines.append(each.timeline)
            bar.advance()
    if not timelines:
        raise DataError(skipped[0] if skipped else "there is no recording to predict on; check the source")
    return timelines, skipped


def _save(figure: Any, path: Path) -> Path:
    from otolith.report import style

    if path.suffix == ".png":
        return style.save_png(figure, path, dpi=150)
    path.write_text(style.svg(figure), "utf-8")
    return path


def _file_name(name: str, taken: set[str]) -> str:
    """A recording's name as a file name of its own; people may name recordings as they like."""
    plain = re.sub(r"[^\w.-]+", "_", name).strip("._")[:100] or "recording"
    found, number = plain, 2
    while found.lower() in taken:
        found, number = f"{plain}-{number}", number + 1
    taken.add(found.lower())
    return found
