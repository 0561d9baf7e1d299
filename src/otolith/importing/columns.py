"""Columns of plain tables: a guess from their names, which a person confirms and options override."""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from otolith.errors import DataError
from otolith.importing.options import NONE, ImportOptions
from otolith.importing.units import split_header, without_unit

TIME_NAMES = (
    "time", "timestamp", "t", "times", "datetime", "date time", "timestamp s", "timestamp ms", "timestamp us",
    "timestamp ns", "time s", "time ms", "time us", "time ns", "t s", "t ms", "seconds", "seconds elapsed", "elapsed",
    "elapsed time", "epoch", "epoch ms", "epoc", "epoc ms", "unix time", "unixtime", "unix timestamp", "ts", "utc",
    "time utc", "date", "logging time", "header time stamp", "time stamp", "sample time", "zeit", "zeitstempel",
    "uhrzeit", "temps", "horodatage", "tiempo", "tempo", "tijd", "tid", "czas",
)  # fmt: skip
"""In order of preference where a table has several."""
LABEL_NAMES = ("activity", "label", "labels", "class", "activity label", "activity name", "annotation", "target")
SUBJECT_NAMES = ("subject", "subject id", "subjectid", "participant", "participant id", "user", "user id", "userid",
                 "person", "volunteer", "pid")  # fmt: skip
RECORDING_NAMES = ("recording", "recording id", "session", "session id", "trial", "trial id", "experiment", "file")

SENSOR_WORDS = {
    "acc": ("acc", "accel", "accelerometer", "acceleration", "a", "accelerometers", "totalacceleration", "totalacc",
            "bodyacc", "accelerations", "acce", "gf", "gforce", "beschleunigung", "beschleunigungssensor",
            "accelerometre", "aceleracion", "acelerometro", "accelerazione", "accelerometro", "aceleracao",
            "versnelling"),
    "gyro": ("gyro", "gyr", "gyroscope", "w", "omega", "rotation", "rotationrate", "rot", "angularvelocity", "angvel",
             "angularrate", "gyroscopes", "av", "winkelgeschwindigkeit", "drehrate", "gyroskop", "vitesseangulaire",
            "giroscopio", "velocidadangular", "velocitaangolare", "velocidadeangular", "hoeksnelheid"),
}  # fmt: skip
LONG_WORDS = {kind: {word for word in words if len(word) > 2} for kind, words in SENSOR_WORDS.items()}
"""Words that mean a sensor when they stand among others, too."""
LINEAR_WORDS = (
    "linear",
    "lin",
    "user",
    "linacc",
    "useracceleration",
    "linearacceleration",
    "linearacc",
    "useracc",
    "lineare",
    "linearer",
    "lineaire",
    "lineal",
)
OTHER_WORDS = ("mag", "magnetometer", "magn", "b", "gravity", "grav", "orientation", "quaternion", "quat", "q", "euler",
               "gps", "pos", "position", "vel", "velocity", "mfield", "m")  # fmt: skip
_AXIS_LAST = re.compile(r"^(?P<word>.*?)[ ]?(?P<axis>[xyz])(?: axis)?$")
_AXIS_FIRST = re.compile(r"^(?P<axis>[xyz])(?: axis)?[ ](?P<word>.+)$")


MEANINGS = ("time", "acc", "gyro", "label", "recording", "subject-column")
"""All that a column may hold, named as the options are."""


@dataclass(frozen=True)
class Mapping:
    """Columns by what they hold (one of `MEANINGS`, in this order), and which of them are a guess."""

    columns: dict[str, tuple[str, ...]]
    guessed: frozenset[str] = frozenset()

    def column(self, what: str) -> str | None:
        """Return the column that holds it; None where there is none."""
        return self.columns.get(what, (None,))[0]

    def without(self, *whats: str) -> Mapping:
        """Return the mapping without columns of these meanings."""
        return Mapping({what: each for what, each in self.columns.items() if what not in whats}, self.guessed)

    def rows(self) -> list[tuple[str, str]]:
        """Return (what, columns) of everything that is mapped, as the options take it."""
        return [(what, ",".join(columns)) for what, columns in self.columns.items()]

    def command(self) -> str:
        """Return the options that say the same; what is missing stands as a placeholder."""
        parts = [f"--{what} {shlex.quote(columns)}" for what, columns in self.rows()]
        parts += [] if "acc" in self.columns else ["--acc X,Y,Z"]
        parts += [] if "time" in self.columns else ["--time COLUMN (or --rate HZ)"]
        return " ".join(parts)


def words_of(header: str) -> str:
    """Return a header in lower-case words without its unit.

    >>> words_of("rotationRate.x"), words_of("Acc_X [g]"), words_of("gFx"), words_of("Accélération x (m/s²)")
    ('rotation rate x', 'acc x', 'g fx', 'acceleration x')
    """
    name, _ = split_header(header)
    name = "".join(letter for letter in unicodedata.normalize("NFKD", name) if not unicodedata.combining(letter))
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return re.sub(r"[^a-z0-9]+", " ", name.lower()).strip()


def guess(columns: Sequence[str], sensor_hint: str | None = None) -> Mapping:
    """Return what the names of columns suggest. Where they suggest two things, neither.

    Args:
        columns: all columns of a table.
        sensor_hint: "acc" or "gyro" where the file's name says what columns x, y and z are.

    >>> guess(["t", "ax", "ay", "az", "activity"]).rows()
    [('time', 't'), ('acc', 'ax,ay,az'), ('label', 'activity')]
    """
    found: dict[tuple[str, str], dict[str, str]] = {}
    for column in columns:
        placed = _axis_of(column)
        if placed is not None:
            kind, word, axis = placed
            found.setdefault((kind or sensor_hint or "acc", word), {}).setdefault(axis, column)
    triads: dict[str, list[tuple[str, ...]]] = {}
    for (kind, _), by_axis in found.items():
        if len(by_axis) == 3:
            triads.setdefault(kind, []).append(tuple(by_axis[axis] for axis in "xyz"))
    # accelerometers first; one without gravity only where there is no other
    acc = triads.get("acc") or triads.get("linear") or []
    gyro = triads.get("gyro", [])
    if len(gyro) == 0 and len(acc) == 1 and len(triads.get("g", [])) == 1:
        gyro = triads["g"]  # ax ay az gx gy gz
    names = {words_of(column): column for column in reversed(columns)}
    candidates = {
        "time": _named(names, TIME_NAMES),
        "acc": acc,
        "gyro": gyro,
        "label": _named(names, LABEL_NAMES),
        "recording": _named(names, RECORDING_NAMES),
        "subject-column": _named(names, SUBJECT_NAMES),
    }
    mapped = {what: each[0] for what, each in candidates.items() if len(each) == 1}
    return Mapping(mapped, frozenset(mapped))


def with_options(mapping: Mapping, options: ImportOptions) -> Mapping:
    """Return the mapping with the user's options in place of what was guessed."""
    someone = options.subject or options.subject_folder
    given = {
        "time": options.time or (NONE if options.rate_hz is not None else None),
        "acc": options.acc,
        "gyro": (NONE,) if options.acc_only else options.gyro,
        "label": options.label or (NONE if options.labels is not None else None),
        "recording": options.recording,
        "subject-column": NONE if someone else options.subject_column,
    }
    chosen = {what: (value,) if isinstance(value, str) else value for what, value in given.items() if value is not None}
    merged = {what: chosen.get(what) or mapping.columns.get(what) for what in MEANINGS}
    columns = {what: each for what, each in merged.items() if each and each != (NONE,)}
    return Mapping(columns, mapping.guessed - chosen.keys())


def require_complete(where: str, mapping: Mapping, columns: Sequence[str], rate_hz: float | None) -> None:
    """Refuse a mapping without accelerometer or time.

    Raises:
        DataError: names the columns that there are and the options to give.
    """
    missing = [] if "acc" in mapping.columns else ["the accelerometer's x, y and z"]
    missing += [] if "time" in mapping.columns or rate_hz is not None else ["the time"]
    if missing:
        raise DataError(
            f"{where}: cannot tell which columns are {' and '.join(missing)}. Its columns: "
            f"{', '.join(columns[:40])}. Name them: {mapping.command()}"
        )


def is_linear(columns: Sequence[str]) -> bool:
    """Tell if the names of an accelerometer's columns say that gravity was removed."""
    return all(set(words_of(column).split()) & set(LINEAR_WORDS) for column in columns)


def sensor_of_file(stem: str) -> str | None:
    """Return "acc" or "gyro" where a file's name says which sensor it holds.

    >>> sensor_of_file("walk_Gyroscope"), sensor_of_file("acc_exp01"), sensor_of_file("monday")
    ('gyro', 'acc', None)
    """
    words = set(words_of(stem).split())
    kinds = [kind for kind, known in LONG_WORDS.items() if words & known]
    return kinds[0] if len(kinds) == 1 else None


def without_sensor(stem: str) -> str:
    """Return a file's name without the word for its sensor, so that two files of one recording are called the same.

    >>> without_sensor("walk_acc"), without_sensor("walk_gyro")
    ('walk', 'walk')
    """
    drop = LONG_WORDS["acc"] | LONG_WORDS["gyro"]
    return " ".join(word for word in words_of(stem).split() if word not in drop)


def _axis_of(column: str) -> tuple[str | None, str, str] | None:
    """Return (kind, its word, axis) of a column; kind None for a bare x, y or z. None for columns of something else."""
    words = words_of(column)
    for each in (words, without_unit(words)):  # a unit may stand last without brackets
        match = _AXIS_LAST.match(each) or _AXIS_FIRST.match(each)
        if match is not None and (each == words or match.re is _AXIS_LAST or match["word"]):
            break
    else:
        return None
    assert match is not None
    word = match["word"].replace(" axis", "").strip()
    split = set(word.split())
    compact = word.replace(" ", "")
    if not word:
        return None, "", match["axis"]
    if compact in LINEAR_WORDS or (split & set(LINEAR_WORDS) and compact not in SENSOR_WORDS["acc"]):
        return "linear", word, match["axis"]
    for kind, known in SENSOR_WORDS.items():
        if compact in known or (split & LONG_WORDS[kind] and not split & set(OTHER_WORDS)):
            return kind, word, match["axis"]
    return ("g", word, match["axis"]) if compact == "g" else None


def _named(names: dict[str, str], known: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the column of the first known name that there is."""
    return next(([(names[name],)] for name in known if name in names), [])
