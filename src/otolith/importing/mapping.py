"""Which column is what: a guess from the names, to be confirmed by a person or overridden by options."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace

from otolith.errors import DataError
from otolith.importing.options import NONE, ImportOptions
from otolith.importing.units import split_header

TIME_NAMES = (
    "time", "timestamp", "t", "times", "datetime", "date time", "timestamp s", "timestamp ms", "timestamp us",
    "timestamp ns", "time s", "time ms", "time us", "time ns", "t s", "t ms", "seconds", "seconds elapsed", "elapsed",
    "elapsed time", "epoch", "epoch ms", "unix time", "unixtime", "ts", "utc", "time utc", "date", "logging time",
)  # fmt: skip
"""In order of preference where a table has several."""
LABEL_NAMES = ("activity", "label", "labels", "class", "activity label", "activity name", "annotation", "target")
SUBJECT_NAMES = ("subject", "subject id", "subjectid", "participant", "participant id", "user", "user id", "userid",
                 "person", "volunteer", "pid")  # fmt: skip
RECORDING_NAMES = ("recording", "recording id", "session", "session id", "trial", "trial id", "experiment", "file")

ACC_WORDS = ("acc", "accel", "accelerometer", "acceleration", "a", "accelerometers", "totalacceleration", "totalacc",
             "bodyacc", "accelerations", "acce", "gf", "gforce")  # fmt: skip
GYRO_WORDS = ("gyro", "gyr", "gyroscope", "w", "omega", "rotation", "rotationrate", "rot", "angularvelocity", "angvel",
              "angularrate", "gyroscopes", "av")  # fmt: skip
LINEAR_WORDS = ("linear", "lin", "user", "linacc", "useracceleration", "linearacceleration", "linearacc", "useracc")
OTHER_WORDS = ("mag", "magnetometer", "magn", "b", "gravity", "grav", "orientation", "quaternion", "quat", "q", "euler",
               "gps", "pos", "position", "vel", "velocity", "mfield", "m")  # fmt: skip
_AXIS_LAST = re.compile(r"^(?P<word>.*?)[ ]?(?P<axis>[xyz])(?: axis)?$")
_AXIS_FIRST = re.compile(r"^(?P<axis>[xyz])(?: axis)?[ ](?P<word>.+)$")


@dataclass(frozen=True)
class Mapping:
    """Columns by what they hold; None where there is none."""

    time: str | None = None
    acc: tuple[str, ...] | None = None
    gyro: tuple[str, ...] | None = None
    label: str | None = None
    recording: str | None = None
    subject: str | None = None
    guessed: tuple[str, ...] = ()
    """Which of them are a guess."""

    def rows(self) -> list[tuple[str, str]]:
        """(what, column) of everything that is mapped."""
        found = [("time", self.time)]
        for what, columns in (("acc", self.acc), ("gyro", self.gyro)):
            found.append((what, ",".join(columns) if columns else None))
        found += [("label", self.label), ("recording", self.recording), ("subject-column", self.subject)]
        return [(what, column) for what, column in found if column is not None]

    def command(self) -> str:
        """The options that say the same; what is missing stands as a placeholder."""
        parts = [f"--{what} {shlex.quote(column)}" for what, column in self.rows()]
        if self.acc is None:
            parts.append("--acc X,Y,Z")
        if self.time is None:
            parts.append("--time COLUMN (or --rate HZ)")
        return " ".join(parts)


def words_of(header: str) -> str:
    """A header in lower-case words without its unit: "accelX (m/s^2)" -> "accel x".

    >>> words_of("rotationRate.x"), words_of("Acc_X [g]"), words_of("gFx")
    ('rotation rate x', 'acc x', 'g fx')
    """
    name, _ = split_header(header)
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return re.sub(r"[^a-z0-9]+", " ", name.lower()).strip()


def guess(columns: Sequence[str], sensor_hint: str | None = None) -> Mapping:
    """What the names of columns suggest. Where they suggest two things, neither.

    Args:
        sensor_hint: "acc" or "gyro" where the file's name says what columns x, y and z are.
    """
    found: dict[tuple[str, str], dict[str, str]] = {}
    for column in columns:
        placed = _axis_of(column)
        if placed is not None:
            kind, word, axis = placed
            found.setdefault((kind or sensor_hint or "acc", word), {}).setdefault(axis, column)
    triples: dict[str, list[tuple[str, ...]]] = {}
    for (kind, _), by_axis in found.items():
        if len(by_axis) == 3:
            triples.setdefault(kind, []).append(tuple(by_axis[axis] for axis in "xyz"))
    # accelerometers first; one without gravity only where there is no other
    acc = triples.get("acc") or triples.get("linear") or []
    gyro = triples.get("gyro", [])
    if len(gyro) == 0 and len(acc) == 1 and len(triples.get("g", [])) == 1:
        gyro = triples["g"]  # ax ay az gx gy gz
    names = {words_of(column): column for column in reversed(columns)}
    mapping = Mapping(
        time=_named(names, TIME_NAMES),
        acc=acc[0] if len(acc) == 1 else None,
        gyro=gyro[0] if len(gyro) == 1 else None,
        label=_named(names, LABEL_NAMES),
        recording=_named(names, RECORDING_NAMES),
        subject=_named(names, SUBJECT_NAMES),
    )
    return replace(mapping, guessed=tuple(what for what, _ in mapping.rows()))


def with_options(mapping: Mapping, options: ImportOptions) -> Mapping:
    """The mapping with what the user says in place of what was guessed."""
    given = {
        "time": options.time if options.rate_hz is None else options.time or NONE,
        "acc": options.acc,
        "gyro": (NONE,) if options.acc_only else options.gyro,
        "label": options.label if options.labels is None else options.label or NONE,
        "recording": options.recording,
        "subject-column": NONE if options.subject or options.subject_folder else options.subject_column,
    }
    fields = {"subject-column": "subject"}
    changes = {
        fields.get(what, what): None if value in (NONE, (NONE,)) else value
        for what, value in given.items()
        if value is not None
    }
    kept = tuple(what for what in mapping.guessed if given[what] is None)
    return replace(mapping, guessed=kept, **changes)  # type: ignore[arg-type]


def require_complete(where: str, mapping: Mapping, columns: Sequence[str], rate_hz: float | None) -> None:
    """Raise DataError, naming the columns and the options to give, unless accelerometer and time are mapped."""
    missing = []
    if mapping.acc is None:
        missing.append("the accelerometer's x, y and z")
    if mapping.time is None and rate_hz is None:
        missing.append("the time")
    if missing:
        raise DataError(
            f"{where}: cannot tell which columns are {' and '.join(missing)}. Its columns: "
            f"{', '.join(columns[:40])}. Name them: {mapping.command()}"
        )


def is_linear(columns: Sequence[str]) -> bool:
    """Whether the names of an accelerometer's columns say that gravity was removed."""
    return all(set(words_of(column).split()) & set(LINEAR_WORDS) for column in columns)


def sensor_of_file(stem: str) -> str | None:
    """ "acc" or "gyro" where a file's name says which sensor it holds.

    >>> sensor_of_file("walk_Gyroscope"), sensor_of_file("acc_exp01"), sensor_of_file("monday")
    ('gyro', 'acc', None)
    """
    words = set(words_of(stem).split())
    kinds = [
        kind for kind, known in (("acc", ACC_WORDS), ("gyro", GYRO_WORDS)) if words & {w for w in known if len(w) > 2}
    ]
    return kinds[0] if len(kinds) == 1 else None


def without_sensor(stem: str) -> str:
    """A file's name without the word for its sensor, so that two files of one recording are called the same.

    >>> without_sensor("walk_acc"), without_sensor("walk_gyro")
    ('walk', 'walk')
    """
    drop = {word for word in (*ACC_WORDS, *GYRO_WORDS) if len(word) > 2}
    return " ".join(word for word in words_of(stem).split() if word not in drop)


def _axis_of(column: str) -> tuple[str | None, str, str] | None:
    """(kind, its word, axis) of a column; kind None for a bare x, y or z. None for columns of something else."""
    words = words_of(column)
    match = _AXIS_LAST.match(words) or _AXIS_FIRST.match(words)
    if match is None:
        return None
    word = match["word"].replace(" axis", "").strip()
    split = set(word.split())
    compact = word.replace(" ", "")
    if not word:
        return None, "", match["axis"]
    if compact in LINEAR_WORDS or (split & set(LINEAR_WORDS) and compact not in ACC_WORDS):
        return "linear", word, match["axis"]
    for kind, known in (("acc", ACC_WORDS), ("gyro", GYRO_WORDS)):
        if compact in known or (split & {w for w in known if len(w) > 2} and not split & set(OTHER_WORDS)):
            return kind, word, match["axis"]
    return ("g", word, match["axis"]) if compact == "g" else None


def _named(names: dict[str, str], known: Sequence[str]) -> str | None:
    return next((names[name] for name in known if name in names), None)
