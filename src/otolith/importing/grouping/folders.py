"""Files of the sources by the folder they lie in, and names by which such folders are told apart."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path, PurePosixPath

from otolith.errors import DataError
from otolith.importing.containers.members import Member
from otolith.importing.containers.sources import plain_name
from otolith.importing.naming.files import sensor_of_file, without_sensor
from otolith.importing.session import Folder, Sheet

_STUDY = re.compile(r"\d+_(?:acceleration|labeled_sleep|heartrate|steps)\.txt")
_STUDY_FOLDERS = ("motion", "labels", "heart_rate", "steps")


def folders_of(given: list[Path], members: list[Member], labels: Path | None = None) -> list[Folder]:
    """Return the files by the folder they lie in; `meta` belongs to the folder above it.

    Args:
        given: sources that the user named.
        members: their files.
        labels: a file of intervals among them, which is left out.

    Raises:
        DataError: there is no other file.
    """
    groups: dict[tuple[Path, PurePosixPath], list[Sheet]] = {}
    members = [member for member in members if labels is None or member.where != str(labels)]
    for member in _one_study(_folders_joined(_sensors_joined(members))):
        above = member.place.parent
        above = above.parent if above.name == "meta" else above
        groups.setdefault((member.source, above), []).append(Sheet(member))
    if not groups:
        raise DataError("The sources hold no table besides the file of labels.")
    places = {key: _common_root(key, list(groups)) for key in groups}
    out = [
        Folder(
            above.relative_to(places[source, above]),
            source.resolve().name if source.is_dir() else plain_name(source),
            tuple(sheets),
        )
        for (source, above), sheets in groups.items()
    ]
    names = Counter(folder.name for folder in out)
    # archives and files of one name in several places are told apart by where they come from
    return [
        replace(folder, place=PurePosixPath(folder.source, *folder.place.parts))
        if names[folder.name] > 1 and not folder.sheets[0].member.named
        else folder
        for folder in out
    ]


def _common_root(key: tuple[Path, PurePosixPath], keys: list[tuple[Path, PurePosixPath]]) -> PurePosixPath:
    """Return the folders of an archive that only wrap its content: the archive's own name says the same."""
    source, above = key
    if source.is_dir() or above == PurePosixPath():
        return PurePosixPath()
    others = [other for where, other in keys if where == source]
    return above if len(others) == 1 else PurePosixPath(above.parts[0]) if above.parts else above


def _sensors_joined(members: list[Member]) -> list[Member]:
    """Return the members with the archives that hold two sensors of the same recordings as one folder.

    Such archives lie together, and their names differ in the sensor alone (`walking_acc.zip`, `walking_gyro.zip`), as
    do those of the files in them.
    """
    archives = dict.fromkeys((each.source, each.archive) for each in members if each.archive is not None)
    joined = {key: _without_sensor(key[1]) for key in archives}
    places = Counter((source, joined[source, archive]) for source, archive in archives)
    moved = [
        replace(each, place=joined[each.source, each.archive] / each.place.relative_to(each.archive))
        if each.archive is not None and places[each.source, joined[each.source, each.archive]] > 1
        else each
        for each in members
    ]
    taken = Counter((each.source, each.place) for each in moved)
    return [
        each if taken[each.source, each.place] == 1 else before for before, each in zip(members, moved, strict=True)
    ]


def _folders_joined(members: list[Member]) -> list[Member]:
    """Return the members with folders that are called after nothing but a sensor put into their names.

    So `acc/walk.csv` and `gyro/walk.csv` lie together as `acc walk.csv` and `gyro walk.csv`.
    """
    members = _beside_joined(members)
    kinds: dict[tuple[Path, PurePosixPath], set[str]] = {}
    for each in members:
        if _is_sensor(each.place.parent.name):
            above = (each.source, each.place.parent.parent)
            kinds.setdefault(above, set()).add(sensor_of_file(each.place.parent.name) or "")
    moved = [
        replace(each, place=each.place.parent.parent / f"{each.place.parent.name} {each.place.name}")
        if _is_sensor(each.place.parent.name) and len(kinds[each.source, each.place.parent.parent]) > 1
        else each
        for each in members
    ]
    taken = Counter((each.source, each.place) for each in moved)
    return members if max(taken.values(), default=0) > 1 else moved


def _beside_joined(members: list[Member]) -> list[Member]:
    """Return the members with folders whose names differ in the sensor alone (`acc_walk`, `gyr_walk`) as one."""
    kinds: dict[tuple[Path, PurePosixPath], set[str]] = {}
    for each in members:
        kinds.setdefault((each.source, _plain_folder(each)), set()).add(_sensor_of_folders(each))
    moved = [
        replace(each, place=_plain_folder(each) / _with_sensor(each))
        if _sensor_of_folders(each) and len(kinds[each.source, _plain_folder(each)] - {""}) > 1
        else each
        for each in members
    ]
    taken = Counter((each.source, each.place) for each in moved)
    return members if max(taken.values(), default=0) > 1 else moved


def _sensor_of_folders(member: Member) -> str:
    """Return the sensor that the innermost of a file's folders names with other words; "" where none does."""
    named = [part for part in member.place.parent.parts if sensor_of_file(part) and without_sensor(part)]
    return sensor_of_file(named[-1]) or "" if named else ""


def _plain_folder(member: Member) -> PurePosixPath:
    """Return a file's folder without the sensors in its name and in those of the folders around it."""
    parts = member.place.parent.parts
    return PurePosixPath(*(without_sensor(p) if sensor_of_file(p) and without_sensor(p) else p for p in parts))


def _with_sensor(member: Member) -> str:
    """Return a file's name with the sensor that its folder names."""
    name = member.place.name
    return name if sensor_of_file(member.place.stem) else f"{_sensor_of_folders(member)} {name}"


def _one_study(members: list[Member]) -> list[Member]:
    """Return the members with the folders of one study, `motion/` and `labels/`, as one: Sleep-Accel lies so."""
    folders = {each.place.parent.name for each in members if _STUDY.fullmatch(each.place.name)}
    if not {"motion", "labels"} <= folders:
        return members
    return [
        replace(each, place=each.place.parent.parent / each.place.name)
        if _STUDY.fullmatch(each.place.name) and each.place.parent.name in _STUDY_FOLDERS
        else each
        for each in members
    ]


def _is_sensor(folder: str) -> bool:
    return sensor_of_file(folder) is not None and not without_sensor(folder)


def _without_sensor(archive: PurePosixPath) -> PurePosixPath:
    name = without_sensor(archive.name) if sensor_of_file(archive.name) else ""
    return archive.with_name(name) if name else archive
