"""The page `quality.html` of an imported data set: findings in every recording, decisions and their reasons."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from otolith import __version__
from otolith.importing.quality import pictures as quality_pictures
from otolith.importing.quality.pictures import end_of
from otolith.progress import SILENT, Progress
from otolith.recording import Recording, sensors_of
from otolith.report.html import environment
from otolith.report.pictures import picture

if TYPE_CHECKING:
    from otolith.importing.findings import Findings
    from otolith.importing.imported import Imported

MOST_PICTURED = 24
"""Recordings that are drawn; with more, those in which most was found."""
MOST_LISTED = 12
"""Gaps, flags and repairs of one recording that are written out; the card has them all."""
HEADER = ("Recording", "Subject", "Started", "Length", "Rates (Hz)", "Labelled", "Gaps", "Flags", "Repairs")


def page(title: str, imported: Imported, progress: Progress = SILENT) -> str:
    """Return the whole page, which needs no network; everything that was read from files is escaped."""
    drawn = _drawn(imported)
    content = {
        "title": title,
        "notes": imported.notes,
        "header": HEADER,
        "summary": _facts(imported),
        "decisions": [
            (each.what, each.value, each.why, f"{count} of {len(imported.recordings)}")
            for each, count in imported.common_decisions()
        ],
        "lines": [_line(each, imported.findings[each.name]) for each in imported.recordings],
        "recordings": list(_drawings(imported, drawn, progress)),
        "left_out": len(imported.recordings) - len(drawn),
        "passed_over": imported.passed_over,
        "not_read": imported.left_out,
    }
    return environment().get_template("quality.html.j2").render(content, version=__version__)


def _drawings(imported: Imported, drawn: set[str], progress: Progress) -> Iterator[dict[str, Any]]:
    with progress.stage("draw quality page", len(drawn), "recordings") as stage:
        for each in imported.recordings:
            if each.name in drawn:
                yield _details(each, imported)
                stage.advance()


def _drawn(imported: Imported) -> set[str]:
    """Return the names of the recordings in which most was found."""

    def found(recording: Recording) -> int:
        findings = imported.findings[recording.name]
        return len(findings.gaps) + len(findings.flags) + len(findings.repairs)

    return {each.name for each in sorted(imported.recordings, key=found, reverse=True)[:MOST_PICTURED]}


def _facts(imported: Imported) -> list[tuple[str, str]]:
    people = {(type(each.subject), each.subject) for each in imported.recordings}
    return [
        ("Recordings", str(len(imported.recordings))),
        ("Subjects", str(len(people))),
        ("Length", duration(sum(map(end_of, imported.recordings)))),
        ("Rate", f"{imported.rate_hz:g} Hz"),
        ("Channels", "6" if len(imported.channels) == 6 else f"{len(imported.channels)}, no gyroscope"),
        ("Gravity", imported.gravity),
        ("Activities", ", ".join(imported.activities) or "none: unlabelled"),
    ]


def _line(recording: Recording, found: Findings) -> list[str]:
    labelled = sum((end_of(recording) if s.stop_s is None else s.stop_s) - s.start_s for s in recording.segments)
    return [
        recording.name,
        str(recording.subject),
        (found.started or "not stated")[:16].replace("T", " "),
        duration(end_of(recording)),
        ", ".join(f"{'+'.join(sensors_of(s.channels))} {s.rate_hz:.4g}" for s in recording.streams),
        duration(labelled) if recording.segments else "–",
        *(str(len(each)) for each in (found.gaps, found.flags, found.repairs)),
    ]


def _details(recording: Recording, imported: Imported) -> dict[str, Any]:
    found, interval = imported.findings[recording.name], None
    if any(stream.times is not None for stream in recording.streams):
        interval = picture(
            quality_pictures.intervals(recording),
            f"Sampling intervals of {recording.name}",
            "Time from each sample to the next. Right of the dotted line it counts as a gap.",
            small=True,
        )
    return {
        "name": recording.name,
        "wide": picture(
            quality_pictures.overview(recording, imported.activities, found),
            f"Signals of {recording.name}",
            f"Recording {recording.name}: each axis over time, from the least to the greatest value where there are "
            "more samples than pixels. Shaded: gaps, which are never bridged.",
            small=True,
        ),
        "interval": interval,
        "about": [f"{name}: {text}" for name, text in found.about.items()],
        "gaps": [f"{g.sensor}: {g.start_s:.2f} to {g.stop_s:.2f} s ({g.stop_s - g.start_s:.2f} s)" for g in found.gaps],
        "flags": [f"{f.kind}: {f.sensor}, {f.start_s:.2f} to {f.stop_s:.2f} s" for f in found.flags],
        "repairs": [str(each) for each in found.repairs],
        "most": MOST_LISTED,
    }


def duration(seconds: float) -> str:
    """Return seconds as people say them.

    >>> duration(8.04), duration(75), duration(7260)
    ('8.0 s', '1 min 15 s', '2 h 1 min')
    """
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
