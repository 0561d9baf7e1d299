"""Reading of sources into recordings, for `otolith import`, and for `otolith predict` where it is given raw exports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from otolith.errors import DataError
from otolith.importing.blocks import NotInBlocks, kind_of_long, read_in_blocks
from otolith.importing.containers.sources import gather
from otolith.importing.disk_buffer import DiskBuffer, in_memory
from otolith.importing.findings import Findings
from otolith.importing.formats import FORMATS, TAKEN, tells_places
from otolith.importing.grouping.folders import folders_of
from otolith.importing.grouping.headers import with_headers
from otolith.importing.grouping.left_out import LeftOut, listed, parts_of
from otolith.importing.grouping.notes import axes_apart, notes_on_study
from otolith.importing.grouping.one_place import of_one_place
from otolith.importing.grouping.people import find_people, named, require_people
from otolith.importing.grouping.stages import require_one_stage
from otolith.importing.grouping.twice import is_copy
from otolith.importing.imported import Imported
from otolith.importing.labels import segments as labels
from otolith.importing.labels.activities import read_map, tidied
from otolith.importing.labels.beside import note_on_labels
from otolith.importing.labels.intervals import read_intervals
from otolith.importing.options import ImportOptions
from otolith.importing.questions import Ask, Questions, Undecided
from otolith.importing.sensors.places import of_place, twins_of
from otolith.importing.session import Folder, Session
from otolith.importing.signals.assemble import Prepared, assemble, buffered, note_units, prepare
from otolith.progress import HERE, Progress, Stage
from otolith.recording import Recording

if TYPE_CHECKING:
    from otolith.importing.disk_buffer import Keep
    from otolith.importing.labels.intervals import Interval

PLAIN = "table"
"""Name of the format that takes what no other does."""


def read_recordings(
    sources: str | Path | Sequence[str | Path],
    options: ImportOptions | None = None,
    ask: Ask | None = None,
    progress: Progress = HERE,
    disk_buffer: str | Path | None = None,
) -> Imported:
    """Read raw phone exports or tables: CSV, Parquet, zip archives, and folders of those.

    Args:
        sources: files and folders.
        options: answers to what the files leave open.
        ask: a person who answers what neither files nor options do; None: that is refused.
        progress: is told of every file and recording.
        disk_buffer: a folder on whose disk samples wait instead of in memory, in files without a name that are gone
            with the last array of the result; arrays are then read-only. None: everything is held in memory.

    Raises:
        DataError: nothing to read, a damaged or hostile file, or something that nothing decides; the message names file
            and line, and the option to give. Or `disk_buffer` cannot be written.

    >>> rows = [f"{row / 50},0.1,0.2,9.8" for row in range(200)]
    >>> _ = Path("walk.csv").write_text("\\n".join(["time (s),acc_x,acc_y,acc_z", *rows]))
    >>> found = read_recordings("walk.csv", ImportOptions(accept_guess=True))
    >>> found.recordings[0].name, found.rate_hz, found.gravity
    ('walk', 50.0, 'included')
    """
    scratch = None if disk_buffer is None else Path(disk_buffer)
    keep: Keep = in_memory if scratch is None else DiskBuffer(scratch).keep
    options = options or ImportOptions()
    questions = Questions(options, ask)
    given = [Path(sources)] if isinstance(sources, str | Path) else [Path(source) for source in sources]
    if not given:
        raise DataError("No source was given. Name a file or a folder of recordings.")
    if options.format is not None:
        FORMATS.get(options.format)  # refuses a name that it does not know before anything is read
    intervals = read_intervals(options.labels, questions.kept_words) if options.labels is not None else None
    left_out = LeftOut(options.leave_out)
    recordings: list[Recording] = []
    findings: dict[str, Findings] = {}
    prepared: list[Prepared] = []
    passed: list[str] = []
    twice: list[str] = []
    with gather(given, TAKEN, left_out.add) as gathered:
        if not gathered.members:
            raise DataError(listed(left_out.reasons))
        folders = folders_of(given, gathered.members, options.labels)
        require_people(folders, options)
        everything = folders
        twins = twins_of(folders) if options.format is None else {}
        folders, elsewhere = of_place(folders, options.place, tells_places)
        passed += elsewhere
        folders = with_headers(folders)
        with progress.stage("read recordings", sum(len(folder.sheets) for folder in folders), "files") as stage:
            for folder in folders:
                prepared += _prepared_or_left_out(folder, questions, keep, passed, stage, left_out, scratch)
        columns = () if prepared or not passed else _columns_of(folders, passed[0])
        unused = note_on_labels(folders, [*passed, *gathered.passed_over]) if options.labels is None else []
    if not prepared:
        left_out.require_answers()
        if left_out.reasons:
            raise DataError(listed(left_out.reasons))
        what = f"format {options.format!r} reads" if options.format else "looks like an accelerometer"
        cure = (
            "Leave --read-as out, and it is recognised by the content."
            if options.format
            else "Name the columns if they are called otherwise: --time COLUMN --acc X,Y,Z"
        )
        cure += f". There are: {', '.join(columns)}" if columns and not options.format else ""
        cure = axes_apart(folders) or cure
        raise DataError(
            f"{', '.join(map(str, given))}: none of the {len(passed)} table(s) holds what {what}, such as {passed[0]}. "
            f"{cure}"
        )
    require_one_stage(prepared, everything, left_out)
    find_people(prepared, everything, options)
    unsaid = {each.session.name for each in prepared if each.session.subject is None}
    prepared = of_one_place(prepared, twins, questions, left_out)
    prepared.reverse()
    with progress.stage("convert recordings", len(prepared), "recordings") as stage:
        while prepared:  # what is done is let go of
            ready = prepared.pop()
            for recording, found in left_out.attempt(partial(assemble, ready, questions)):
                name = recording.name
                if name in findings:
                    before = next(each for each in recordings if each.name == name)
                    if (before.subject, before.segments) == (recording.subject, recording.segments) and is_copy(
                        before, recording
                    ):
                        twice.append(f"{', '.join(found.sources)} (a copy of {', '.join(findings[name].sources)})")
                        continue
                    raise DataError(
                        f"Two recordings are called {name!r}: {', '.join(findings[name].sources)} and "
                        f"{', '.join(found.sources)}. Rename one of them, or name the folder above them as the source."
                    )
                findings[name] = found
                recordings.append(_kept(recording, keep))
            stage.advance()
    left_out.require_answers()
    if not recordings:
        raise DataError(listed(left_out.reasons))
    together = _together(recordings, findings, intervals, options)
    notes = together.notes if together.activities else (*unused, *together.notes)
    notes += notes_on_study(together.recordings, findings, unsaid, everything, options)
    others = tuple(sorted({*passed, *twice, *gathered.passed_over}))
    return replace(together, passed_over=others, left_out=tuple(left_out.reasons), notes=notes)


def _columns_of(folders: Sequence[Folder], where: str) -> tuple[str, ...]:
    """Return the first columns of a file, as far as they can be made out."""
    return next((sheet.columns[:20] for folder in folders for sheet in folder.sheets if sheet.where == where), ())


def _prepared_or_left_out(
    folder: Folder,
    questions: Questions,
    keep: Keep,
    passed: list[str],
    stage: Stage,
    left_out: LeftOut,
    scratch: Path | None,
) -> list[Prepared]:
    """Prepare the recordings in a folder; where that fails and may fail, those of its parts that can be read."""
    try:
        return prepare_folder(folder, questions, keep, passed, stage, scratch)
    except DataError as error:
        asked = isinstance(error, Undecided) and (questions.interactive or error.whole)
        parts = parts_of(folder) if left_out.allowed and not asked else []
        if len(parts) <= 1:
            left_out.add(error)
            return []
    out: list[Prepared] = []
    for part in parts:
        out += left_out.attempt(partial(prepare_folder, part, questions, keep, passed, Stage(), scratch))
    return out


def prepare_folder(
    folder: Folder, questions: Questions, keep: Keep, passed: list[str], stage: Stage, scratch: Path | None = None
) -> list[Prepared]:
    """Prepare the recordings in a folder, of which one at a time is held; `passed` takes the files without motion.

    Files that cannot be read are refused before those that cannot be used, wherever in the folder they stand.

    Args:
        scratch: folder on the disk for the samples of long files, which are read in blocks; None: they are read whole.
    """
    long = [] if scratch is None else [(part, kind) for part in parts_of(folder) if (kind := kind_of_long(part))]
    done: list[Prepared] = []
    for part, kind in long:
        assert scratch is not None
        try:
            done.append(read_in_blocks(part, kind, _sessions, questions, passed, scratch))
        except NotInBlocks as reason:
            part.sheets[0].member.refuse_long(str(reason))
            continue
        note_units(done[-1], questions)
        stage.advance()
        folder = replace(folder, sheets=tuple(sheet for sheet in folder.sheets if sheet is not part.sheets[0]))
    return [*done, *_prepared(folder, questions, keep, passed, stage)] if folder.sheets else done


def _prepared(folder: Folder, questions: Questions, keep: Keep, passed: list[str], stage: Stage) -> list[Prepared]:
    out: list[Prepared] = []
    refused: DataError | None = None
    told: set[str] = set()
    for session in _sessions(folder, questions, passed):
        new = set(session.findings.sources) - told
        told |= new
        stage.advance(len(new))
        if refused is None:
            try:
                ready = prepare(session, questions)
            except DataError as error:
                refused = error
                continue
            note_units(ready, questions)  # files of one layout are of one app, so its data decide for other files, too
            out.append(buffered(ready, keep))
    if refused is not None:
        raise refused
    stage.advance(len(folder.sheets) - len(told))
    return out


def _sessions(folder: Folder, questions: Questions, passed: list[str]) -> Iterator[Session]:
    """Yield the recordings in a folder as they are read; `passed` takes the files in which there is no motion."""
    left = [FORMATS.get(questions.options.format)] if questions.options.format else list(FORMATS)
    rest = folder
    while left and rest.sheets:
        claims = [(claim, each) for each in left if (claim := each.sniff(rest)) is not None]
        if not claims:
            break
        claim, reader = max(claims, key=lambda found: found[0].sure)  # of equals the first in order
        left.remove(reader)
        found = False
        for session in reader.sessions(folder, claim.sheets, questions):
            found = True
            passed += session.findings.passed_over
            if reader.name != PLAIN:
                session.findings.decide("read as", reader.title, claim.why)
            yield session
        if found:
            names = {sheet.where for sheet in claim.sheets}
            rest = replace(rest, sheets=tuple(sheet for sheet in rest.sheets if sheet.where not in names))
    passed += [sheet.where for sheet in rest.sheets]


def _kept(recording: Recording, keep: Keep) -> Recording:
    streams = (
        replace(each, values=keep(each.values), times=None if each.times is None else keep(each.times))
        for each in recording.streams
    )
    return replace(recording, streams=tuple(streams))


def _together(
    recordings: list[Recording],
    findings: dict[str, Findings],
    intervals: list[Interval] | None,
    options: ImportOptions,
) -> Imported:
    """Refuse recordings of two kinds, and set the labels that concern all of them."""
    by_channels: dict[tuple[str, ...], list[str]] = {}
    by_gravity: dict[str, list[str]] = {}
    for each in recordings:
        by_channels.setdefault(each.channels, []).append(each.name)
        gravity = next(d.value for d in findings[each.name].decisions if d.what == "gravity")
        by_gravity.setdefault(gravity, []).append(each.name)
    if len(by_channels) > 1:
        without = next(names for channels, names in by_channels.items() if len(channels) == 3)
        raise DataError(
            f"{named(without)} lack(s) the gyroscope, which others have. Leave them out, or the gyroscope: --acc-only"
        )
    if len(by_gravity) > 1:
        raise DataError(
            f"Gravity was removed from {named(by_gravity['removed'])} and not from {named(by_gravity['included'])}. "
            "Import them as two data sets: a model takes one or the other."
        )
    if intervals is not None:
        spans = {each.name: span(each) for each in recordings}
        placed = labels.segments_of_intervals(intervals, spans, findings, options.timezone)
        recordings = [replace(each, segments=placed[each.name]) for each in recordings]
    names = {segment.activity for each in recordings for segment in each.segments}
    mapping = None if options.label_map is None else read_map(options.label_map, names)
    recordings, notes = tidied(recordings, mapping, options.keep_case)
    return Imported(recordings, findings, next(iter(by_gravity)), notes=tuple(notes))


def span(recording: Recording) -> tuple[float, float]:
    """Return first and last time of any of its samples."""
    times = [stream.sample_times for stream in recording.streams]
    return min(float(each[0]) for each in times), max(float(each[-1]) for each in times)
