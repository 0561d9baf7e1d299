"""People of a study, as far as names of files and folders say who wore the device, and what is told of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from otolith.errors import DataError
from otolith.importing.naming.people import activities_in, alike, is_no_person, person_of

if TYPE_CHECKING:
    from otolith.importing.options import ImportOptions
    from otolith.importing.session import Folder
    from otolith.importing.signals.assemble import Prepared
    from otolith.recording import Recording

NO_SUBJECT = (
    "Nothing says who wore the device, so every recording counts as a subject of its own. Splits are by "
    "subject: if one person made several recordings, scores would be too good. Say it with --subject NAME, "
    "--subject-column COLUMN or --subject-folder."
)
"""A note on the worth of such recordings in training."""
OF_TRAINING = "Nothing says who wore the device"
"""Words that begin the notes that matter for training alone."""
MOST_NAMED = 3


def require_people(folders: Sequence[Folder], options: ImportOptions) -> None:
    """Make sure that folders that are to name people do not name something else.

    Raises:
        DataError: a folder is called after an activity, a place, a day or a part of the study.
    """
    if not options.subject_folder:
        return
    wrong = sorted({folder.top for folder in folders if folder.place.parts and is_no_person(folder.top)})
    if wrong:
        raise DataError(
            f"--subject-folder: the first folders below the source are to be called after people, and {named(wrong)} "
            "seem(s) not to be. Name as source the folder in which the people's folders lie; or say who it was by "
            "--subject-column COLUMN or --subject NAME, or leave the option out."
        )


def find_people(prepared: Sequence[Prepared], folders: Sequence[Folder], options: ImportOptions) -> None:
    """Set the people whom names of files and folders say (`sub-01/walk.csv`), where nothing else does."""
    if options.subject or options.subject_folder:
        return
    places = {sheet.where: sheet.member.place for folder in folders for sheet in folder.sheets}
    sessions = [each.session for each in prepared]
    people = [_person([places[where] for where in each.findings.sources if where in places]) for each in sessions]
    spelled: dict[str, str] = {}
    for session, person in sorted(zip(sessions, people, strict=True), key=lambda pair: pair[0].subject is None):
        if person is not None and session.subject is not None:  # as the file itself calls whom its path names
            spelled.setdefault(alike(person), session.subject)
        elif person is not None:
            session.subject = spelled.setdefault(alike(person), person)
            session.findings.decide("subject", "by the names of files or folders", f"such as {person!r}")


def _person(places: Sequence[PurePosixPath]) -> str | None:
    found = {alike(person): person for place in places if (person := person_of(place)) is not None}
    return next(iter(found.values())) if len(found) == 1 else None


def notes_on_people(
    recordings: Sequence[Recording], unsaid: Collection[str], folders: Sequence[Folder], options: ImportOptions
) -> list[str]:
    """Return what is to be told of the people in recordings.

    Args:
        recordings: all of them.
        unsaid: names of those of which nothing says the person.
        folders: all files.
        options: of the import.
    """
    if options.subject:
        return []
    people = dict.fromkeys(str(each.subject) for each in recordings)
    if options.subject_folder:
        below = _first_of_several(folders)
        return [
            f"--subject-folder: all recordings count as one person's, {next(iter(people))!r}, the first folder below "
            f"the source. If the folders in it ({named(below)}) are the people, name as source that in which "
            "they lie."
        ] * (len(people) == 1 and bool(below))
    lacking = [each.name for each in recordings if each.name in unsaid or each.name.rpartition(" part ")[0] in unsaid]
    notes = []
    if len(lacking) == len(recordings) or all(
        (each.subject == each.name or each.name.startswith(f"{each.subject} part "))
        and person_of(PurePosixPath(each.name)) is None
        for each in recordings
    ):
        notes.append(NO_SUBJECT)
    elif lacking:
        notes.append(
            f"{OF_TRAINING} in {len(lacking):,} of {len(recordings):,} recordings ({named(lacking)}): each of these "
            "counts as a subject of its own. If others are of the same person, scores would be too good. Name files or "
            "folders after the person (`subject 3`), or say it with --subject-folder."
        )
    if not lacking:
        counts = Counter(map(alike, people))
        same = [person for person in people if counts[alike(person)] > 1]
        if same:
            notes.append(
                f"The subjects {named(same)} differ only in case or in zeros and count as different people. If they "
                "are not, scores would be too good: spell them alike."
            )
    return notes


def _first_of_several(folders: Sequence[Folder]) -> list[str]:
    """Return the names at the first level below the first folder at which there are several; none where none has."""
    deepest = max(len(folder.place.parts) for folder in folders)
    levels = (sorted({f.place.parts[at] for f in folders if len(f.place.parts) > at}) for at in range(1, deepest))
    return next((names for names in levels if len(names) > 1), [])


def notes_on_activities(
    recordings: Sequence[Recording], folders: Sequence[Folder], options: ImportOptions
) -> list[str]:
    """Return what is to be told where names of files and folders say activities and the recordings have none."""
    if options.labels is not None or any(each.segments for each in recordings):
        return []
    found = {word for folder in folders for sheet in folder.sheets for word in activities_in(sheet.member.place)}
    if len(found) < 2:
        return []
    return [
        f"The names of files or folders seem to say activities ({named(sorted(found))}). Names are not taken for "
        "labels, so these recordings have none: give a table of recording, start, end and activity as --labels."
    ]


def named(names: Sequence[str]) -> str:
    """Return the first of some names, and how many more there are."""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(map(repr, names[:MOST_NAMED])) + more
