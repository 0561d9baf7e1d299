"""Sensors by the names of files and folders."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from otolith.importing.naming.words import LONG_WORDS, words_of

_LINEAR_FILE = frozenset(("linear", "lin", "linearacceleration", "linacc", "useracceleration"))
_OTHER_FILE = frozenset((
    "mag", "magnetometer", "magnetic", "magneticfield", "quaternion", "quat", "euler", "orientation", "gps", "location",
    "light", "pressure", "barometer", "temperature", "heart", "hr", "ppg", "ecg", "eda", "bvp", "steps", "pedometer",
    "magnet", "magneto", "compass", "attitude", "mocap", "vicon", "optitrack", "kinect", "skeleton", "emg", "eeg",
    "grf", "insole", "insoles", "trajectory",
))  # fmt: skip
_OTHER_FOLDER = frozenset((
    "mag", "magn", "magnet", "magnetometer", "magnetic", "magneticfield", "quaternion", "quaternions", "quat", "euler",
    "orientation",
))  # fmt: skip
"""Sensors of three columns, after which a folder may be called that holds nothing else."""
_OF_FOLDER = frozenset(("field", "sensor", "sensors", "data", "raw", "uncalibrated", "calibrated", "angles", "files"))
RATE = re.compile(r"\d+(?:[.,_]\d+)?[ _]?hz(?![a-z])", re.IGNORECASE)
"""A rate in a file's name."""


def sensor_of_file(stem: str) -> str | None:
    """Return "acc", "linear", "gravity", "gyro" or "other" where a file's name says which sensor it holds.

    >>> sensor_of_file("walk_Gyroscope"), sensor_of_file("acc_exp01"), sensor_of_file("AngularVelocity")
    ('gyro', 'acc', 'gyro')
    """
    words = set(_words_of_stem(stem))
    kinds = [kind for kind, known in LONG_WORDS.items() if words & known]
    if (kinds == ["acc"] and words & _LINEAR_FILE) or (not kinds and words & {"linearacceleration", "linacc"}):
        return "linear"
    if not kinds:
        return "gravity" if "gravity" in words else "other" if words & _OTHER_FILE else None
    return kinds[0] if len(kinds) == 1 else None


def sensor_of_place(place: PurePosixPath) -> str | None:
    """Return what a file's name says of its sensor, or else "other" where its folder is called after such a one alone.

    >>> sensor_of_place(PurePosixPath("ada/Magnetometer/data.csv")), sensor_of_place(PurePosixPath("ada/acc.csv"))
    ('other', 'acc')
    """
    words = set(words_of(place.parent.name).split()) - _OF_FOLDER
    return sensor_of_file(place.stem) or ("other" if words and words <= _OTHER_FOLDER else None)


def without_sensor(stem: str) -> str:
    """Return a file's name without its sensor and its rate, so that files of one recording are alike.

    >>> without_sensor("walk_acc"), without_sensor("walk_Gyroscope_100.000Hz")
    ('walk', 'walk')
    """
    drop = LONG_WORDS["acc"] | LONG_WORDS["gyro"] | _LINEAR_FILE | {"gravity"}
    return " ".join(word for word in _words_of_stem(stem) if word not in drop)


def _words_of_stem(stem: str) -> list[str]:
    """Return the words of a file's name without its rate; two that name a sensor together are one."""
    words = [part for word in words_of(RATE.sub(" ", stem)).split() for part in _parted(word)]
    at = 0
    while at + 1 < len(words):
        joined = words[at] + words[at + 1]
        if any(joined in known for known in LONG_WORDS.values()):
            words[at : at + 2] = [joined]
        at += 1
    return words


def _parted(word: str) -> list[str]:
    """Return a word in two where a sensor and a number meet in it, as in "s01acc" or "gyro2"."""
    ends = re.fullmatch(r"(.*\d)([^\W\d]+)", word), re.fullmatch(r"([^\W\d]+)(\d.*)", word)
    for match, sensor in zip(ends, (2, 1), strict=True):
        if match is not None and any(match[sensor] in known for known in (*LONG_WORDS.values(), _LINEAR_FILE)):
            return [match[1], match[2]]
    return [word]
