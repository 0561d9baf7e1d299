"""People by the names of files and folders, and names that mean anything but a person."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from otolith.importing.naming.files import sensor_of_file
from otolith.importing.naming.words import LONG_WORDS, PLACES, words_of

ACTIVITIES = frozenset((
    "walk", "walking", "run", "running", "jog", "jogging", "sit", "sitting", "stand", "standing", "lie", "lying",
    "laying", "stairs", "upstairs", "downstairs", "stairsup", "stairsdown", "cycling", "biking", "bike", "jump",
    "jumping", "still", "rest", "resting", "driving", "drive", "climbing", "ascending", "descending", "sleep",
    "sleeping", "fall", "falls", "falling", "adl", "adls", "eating", "typing", "writing", "sweeping", "ironing",
    "elevator", "gait", "squat", "squats", "gehen", "laufen", "sitzen", "stehen", "liegen", "marcher", "marche",
    "assis", "debout", "caminar", "correr", "sentado",
))  # fmt: skip
"""Words that by themselves mean an activity in the name of a file or folder."""
_BESIDE = frozenset(("up", "down", "fast", "slow", "normal", "on", "the", "to", "and", "of", "in", "a"))
_OTHERS = frozenset((
    "data", "dataset", "raw", "processed", "clean", "cleaned", "filtered", "resampled", "original", "export", "exports",
    "csv", "train", "training", "test", "testing", "val", "valid", "validation", "recording", "recordings", "signals",
    "session", "sessions", "ses", "day", "week", "visit", "trial", "trials", "part", "parts", "signal",
    "morning", "afternoon", "evening", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
    "imu", "sensor", "sensors", "motion", "files", "watch", "phone",
))  # fmt: skip
_NO_PERSON_WORDS = ACTIVITIES | _OTHERS | (PLACES - {"l", "r", "t"}) | LONG_WORDS["acc"] | LONG_WORDS["gyro"]
_DATE = re.compile(r"(?:19|20)\d\d[-_. ]?[01]\d[-_. ]?[0-3]\d|[0-3]?\d[-_.][01]?\d[-_.](?:19|20)\d\d")
_PERSON = re.compile(
    r"(?<![a-z])(?P<word>sub(?=[-_]?\d)|subj|subject|participant|person|proband|user|volunteer|patient|vp)"
    r"(?:[ _-]?id)?[ _-]?(?P<number>(?!(?:19|20)\d\d)[a-z]?\d{1,4})(?![a-z0-9])",
    re.IGNORECASE,
)


def is_no_person(name: str) -> bool:
    """Tell if a folder is called after an activity, a place, a sensor, a day, or a part of a study.

    >>> [is_no_person(name) for name in ("stairs_up", "2026-03-01", "raw data", "session 2", "left_wrist")]
    [True, True, True, True, True]
    >>> [is_no_person(name) for name in ("ada", "S01", "12", "sub-01", "walker")]
    [False, False, False, False, False]
    """
    if _DATE.search(name):
        return True
    words = [word.rstrip("0123456789") for word in words_of(name).split()]
    said = [word for word in words if word]
    known = any(word in _NO_PERSON_WORDS for word in said)
    return (known and all(word in _NO_PERSON_WORDS | _BESIDE for word in said)) or sensor_of_file(name) is not None


def person_of(path: PurePosixPath) -> str | None:
    """Return the person whom the words of a path name with a number, None where they name none or several.

    >>> person_of(PurePosixPath("sub-01/motion/sub-01_task-walk.tsv")), person_of(PurePosixPath("Subject_3/walk.csv"))
    ('sub-01', 'Subject_3')
    >>> person_of(PurePosixPath("S01/walk.csv")), person_of(PurePosixPath("user1/user2.csv"))
    (None, None)
    """
    found = [match for part in (*path.parts[:-1], path.stem) for match in _PERSON.finditer(part)]
    numbers = {match["number"].lower().lstrip("0") for match in found}
    return found[0][0] if len(numbers) == 1 else None


def activities_in(path: PurePosixPath) -> set[str]:
    """Return the words of a path that mean an activity.

    >>> activities_in(PurePosixPath("S01/walking_2.csv"))
    {'walking'}
    """
    return {word for part in (*path.parts[:-1], path.stem) for word in words_of(part).split()} & ACTIVITIES


def alike(name: str) -> str:
    """Return what forms of a person's name have in common: case, and zeros that only fill up, do not count.

    >>> alike("S01") == alike("s1 "), alike("1.0") == alike("01"), alike("10") == alike("1")
    (True, True, False)
    """
    plain = re.sub(r"^(\d+)\.0+$", r"\1", name.strip().casefold())
    return re.sub(r"(?<!\d)0+(?=\d)", "", plain)
