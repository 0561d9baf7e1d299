"""`otolith import`: turn phone exports and tables into a data set folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from otolith.cli.reading import READING, Flat
from otolith.cli.shared import PARTLY, Flag, Folder
from otolith.errors import DataError

if TYPE_CHECKING:
    from otolith.importing import Imported

MOST_FOUND = 20
"""Lines on single recordings that are printed; quality.html has more, the card all."""


def import_(
    *sources: Annotated[Path, Parameter(metavar="SOURCE")],
    out: Folder | None = None,
    formats: Flag = False,
    format: Annotated[str | None, Parameter(name="--format", show=False)] = None,
    reading: Flat = READING,
    strict: Flag = False,
    title: str = "",
    licence: str = "not stated",
    terms: str = "Not stated by whoever imported them.",
) -> int | None:
    """Turn recordings of your own into a data set folder, with a report of what was found in them.

    Exports of Sensor Logger, phyphox and Physics Toolbox need no options. Other tables have their columns guessed and
    shown; you confirm them, give --yes, or name them. Name a column "none" to say that there is none.

    Files that cannot be read or used are left out and listed with the reasons; the others are imported, and the exit
    code is 3. What an option would cure is asked first.

    Args:
        sources: Files of devices and apps, tables, archives, and folders of those.
        out: Folder for the data set.
        formats: List the formats that are read, and import nothing.
        format: The same as --read-as.
        strict: Stop at the first file that cannot be read or used, and write nothing.
        title: Title of the data set, in a line.
        licence: Licence of the recordings.
        terms: Terms of use; models that are trained on the recordings repeat them.
    """
    from otolith.cli.terminal import terminal
    from otolith.importing import import_recordings
    from otolith.progress.display import LiveProgress

    if formats:
        _list()
        return None
    if not sources or out is None:
        raise DataError("Name what to import, and a new folder for the data set: otolith import SOURCE --out DIR")
    options = (reading if format is None else replace(reading, read_as=format)).options(leave_out=not strict)
    progress = LiveProgress()
    words = {"title": title, "licence": licence, "terms": terms}
    imported = import_recordings(sources, out, options, **words, ask=terminal(progress), progress=progress)
    _tell(imported, out)
    return PARTLY if imported.left_out else None


def _list() -> None:
    """Print what the formats say of themselves."""
    from otolith.cli import results
    from otolith.importing.formats import about_formats

    lines = []
    for name, device, decided, asked in about_formats():
        lines += [(name, device), ("", f"decided: {decided}"), *([("", f"asked: {asked}")] if asked else [])]
    results.show("Formats", lines)


def _tell(imported: Imported, out: Path) -> None:
    """Print decisions and findings, and the next command."""
    from otolith.cli import results
    from otolith.importing.write import QUALITY

    people = {(type(each.subject), each.subject) for each in imported.recordings}
    total = len(imported.recordings)
    lines = [("recordings", f"{total}, {results.people(len(people))}, {imported.rate_hz:g} Hz")]
    lines.append(("channels", ", ".join(imported.channels) + f"; gravity {imported.gravity}"))
    lines.append(("activities", ", ".join(imported.activities) or "none: all of it is unlabelled"))
    for decision, count in imported.common_decisions():
        where = f", {count} of {total} recordings" if count < total else ""
        lines.append(("decided", f"{decision.what}: {decision.value} ({decision.why}){where}"))
    found_lines = _found(imported)
    lines += found_lines[:MOST_FOUND]
    if len(found_lines) > MOST_FOUND:
        lines.append(("and", f"{len(found_lines) - MOST_FOUND} more such lines; {QUALITY} has them"))
    if imported.passed_over:
        lines.append(("passed over", f"{len(imported.passed_over)} file(s) without motion; {QUALITY} lists them"))
    lines += [("left out", reason) for reason in imported.left_out]
    lines += [("warning", note) for note in imported.notes]
    lines += [("quality", str(out / QUALITY)), ("data set", str(out)), ("next", _next(imported, out))]
    results.show("Imported", lines)


def _found(imported: Imported) -> list[tuple[str, str]]:
    """Repairs, gaps and flags of all recordings, a line each."""
    lines = []
    for name, found in imported.findings.items():
        lines += [("repaired", f"{name}: {repair}") for repair in found.repairs]
        if found.gaps:
            longest = max(gap.stop_s - gap.start_s for gap in found.gaps)
            lines.append(("gaps", f"{name}: {len(found.gaps)}, the longest {longest:.2f} s; they are not bridged"))
        for kind in dict.fromkeys(flag.kind for flag in found.flags):
            count = sum(flag.kind == kind for flag in found.flags)
            lines.append(("flagged", f"{name}: {count} {kind} stretch(es), kept as they are"))
    return lines


def _next(imported: Imported, out: Path) -> str:
    from otolith.showing import command

    if len(imported.activities) > 1:
        return command("run", out)
    return f"{command('predict', out)}, {command('label', out)}, or {command('pretrain', out, out='ENCODER_DIR')}"
