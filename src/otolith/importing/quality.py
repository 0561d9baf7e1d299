"""quality.html of an imported data set: what was found in every recording, what was decided and why. No network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from otolith import __version__
from otolith.importing import quality_pictures as figures
from otolith.progress import SILENT, Progress
from otolith.recording import Recording
from otolith.report.pictures import Picture, picture

if TYPE_CHECKING:
    from otolith.importing.findings import Findings
    from otolith.importing.read import Imported

MOST_PICTURED = 24
"""Recordings that are drawn; with more, those in which most was found."""
MOST_LISTED = 12
"""Gaps, flags and repairs of one recording that are written out; the card has them all."""
HEADER = ("Recording", "Subject", "Started", "Length", "Rates (Hz)", "Labelled", "Gaps", "Flags", "Repairs")


def page(title: str, imported: Imported, progress: Progress = SILENT) -> str:
    """The whole page. Everything that was read from files is escaped; `progress` is told of every recording drawn."""
    environment = Environment(
        loader=PackageLoader("otolith.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
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
    }
    return environment.get_template("quality.html.j2").render(content, version=__version__)


def _drawings(imported: Imported, drawn: set[str], progress: Progress) -> Iterator[dict[str, Any]]:
    with progress.stage("draw quality page", len(drawn), "recordings") as stage:
        for each in imported.recordings:
            if each.name in drawn:
                yield _details(each, imported)
                stage.advance()


def _drawn(imported: Imported) -> set[str]:
    def found(recording: Recording) -> int:
        findings = imported.findings[recording.name]
        return len(findings.gaps) + len(findings.flags) + len(findings.repairs)

    return {each.name for each in sorted(imported.recordings, key=found, reverse=True)[:MOST_PICTURED]}


def _facts(imported: Imported) -> list[tuple[str, str]]:
    people = {(type(each.subject), each.subject) for each in imported.recordings}
    total = sum(_length(each) for each in imported.recordings)
    return [
        ("Recordings", str(len(imported.recordings))),
        ("Subjects", str(len(people))),
        ("Length", duration(total)),
        ("Rate", f"{imported.rate_hz:g} Hz"),
        ("Channels", "6" if len(imported.channels) == 6 else f"{len(imported.channels)}, no gyroscope"),
        ("Gravity", imported.gravity),
        ("Activities", ", ".join(imported.activities) or "none: unlabelled"),
    ]


def _line(recording: Recording, found: Findings) -> list[str]:
    labelled = sum((_length(recording) if s.stop_s is None else s.stop_s) - s.start_s for s in recording.segments)
    return [
        recording.name,
        str(recording.subject),
        (found.started or "not stated")[:16].replace("T", " "),
        duration(_length(recording)),
        ", ".join(f"{'+'.join(_sensors(s.channels))} {s.rate_hz:.4g}" for s in recording.streams),
        duration(labelled) if recording.segments else "–",
        str(len(found.gaps)),
        str(len(found.flags)),
        str(len(found.repairs)),
    ]


def _details(recording: Recording, imported: Imported) -> dict[str, Any]:
    found = imported.findings[recording.name]
    by_kind: dict[str, list[tuple[float, float]]] = {}
    for flag in found.flags:
        by_kind.setdefault(flag.kind, []).append((flag.start_s, flag.stop_s))
    spans = [(gap.start_s, gap.stop_s) for gap in found.gaps]
    pictures: list[Picture] = [
        picture(
            figures.overview(recording, imported.activities, spans, by_kind),
            f"Signals of {recording.name}",
            f"Recording {recording.name}: each axis over time, from the least to the greatest value where there are "
            "more samples than pixels. Shaded: gaps, which are never bridged.",
        )
    ]
    timed = any(stream.times is not None for stream in recording.streams)
    interval = picture(
        figures.intervals(recording),
        f"Sampling intervals of {recording.name}",
        "Time from each sample to the next. Right of the dotted line it counts as a gap.",
    )
    return {
        "name": recording.name,
        "findings": found,
        "wide": pictures[0],
        "interval": interval if timed else None,
        "gaps": [f"{g.sensor}: {g.start_s:.2f} to {g.stop_s:.2f} s ({g.stop_s - g.start_s:.2f} s)" for g in found.gaps],
        "flags": [f"{f.kind}: {f.sensor}, {f.start_s:.2f} to {f.stop_s:.2f} s" for f in found.flags],
        "repairs": [str(each) for each in found.repairs],
        "most": MOST_LISTED,
    }


def _sensors(channels: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(channel.split("_")[0] for channel in channels))


def _length(recording: Recording) -> float:
    ends = []
    for stream in recording.streams:
        if stream.times is not None:
            ends.append(float(stream.times[-1]))
        else:
            ends.append(stream.start_s + stream.n_samples / stream.rate_hz)
    return max(ends)


def duration(seconds: float) -> str:
    """Seconds as people say them.

    >>> duration(8.04), duration(75), duration(7260)
    ('8.0 s', '1 min 15 s', '2 h 1 min')
    """
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
