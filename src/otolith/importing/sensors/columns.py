"""Columns of plain tables: a guess from their names, which a person confirms and options override."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from otolith.errors import DataError
from otolith.importing.naming.triads import Place, axis_of, places_of, turning_triads
from otolith.importing.naming.words import LABEL_WORDS, SUBJECT_WORDS, words_of
from otolith.importing.options import NONE, ImportOptions
from otolith.importing.sensors.place_columns import ENOUGH, PLACE_NAMES, ids_of_people, named, place_column
from otolith.importing.sensors.spelled import spelled_out
from otolith.importing.tables.layout import is_number, number_of
from otolith.importing.tables.missing import MISSING
from otolith.importing.times.columns import time_column
from otolith.importing.times.of_sensors import times_of_sensors

CERTAINTY = frozenset(("confidence", "probability", "timestamp", "detected"))
DETECTED = frozenset(("detected", "predicted", "prediction", "recognized", "recognised", "estimated"))
DETECTED_WHY = "is what the device itself took the activity for; --label takes it"
RECORDING_NAMES = ("recording", "recording id", "session", "session id", "trial", "trial id", "experiment", "file")
MEANINGS = ("time", "acc", "gyro", "label", "recording", "subject-column")
"""All that a column may hold, named as the options are."""


@dataclass(frozen=True)
class Mapping:
    """Columns by what they hold (one of `MEANINGS`, in this order), and which of them are a guess.

    `places` are those with an accelerometer where there are several; no sensor is mapped then. `passed` are columns
    that look like labels and are not taken for them, and why. `place_column` may tell places apart by rows; `gravity`
    is beside an accelerometer of which names do not say whether gravity is in it; `turning` are triads that may be of a
    gyroscope, where no name says that one is; `gyro_time` is the gyroscope's own column of time, where it has one.
    """

    columns: dict[str, tuple[str, ...]]
    guessed: frozenset[str] = frozenset()
    places: tuple[Place, ...] = ()
    passed: tuple[tuple[str, str], ...] = ()
    place_column: str | None = None
    gravity: tuple[str, ...] = ()
    turning: tuple[tuple[str, ...], ...] = ()
    gyro_time: str | None = None

    def column(self, what: str) -> str | None:
        """Return the column that holds it; None where there is none."""
        return self.columns.get(what, (None,))[0]

    def without(self, *whats: str) -> Mapping:
        """Return the mapping without columns of these meanings."""
        left = {what: each for what, each in self.columns.items() if what not in whats}
        return replace(self, columns=left, guessed=self.guessed - set(whats))

    def at(self, place: Place) -> Mapping:
        """Return the mapping with the sensors of one place, but for those that the user named."""
        found = {"acc": place.acc, "gyro": place.gyro}
        new = {what: each for what, each in found.items() if each and what not in self.columns}
        columns = {what: (self.columns | new)[what] for what in MEANINGS if what in self.columns | new}
        gravity = place.gravity if "acc" in new else ()
        if place.time and "time" in self.guessed:
            columns["time"] = (place.time,)
        return replace(self, columns=columns, guessed=self.guessed | set(new), places=(), gravity=gravity)

    def rows(self) -> list[tuple[str, str]]:
        """Return (what, columns) of everything that is mapped, as the options take it."""
        return [(what, ",".join(columns)) for what, columns in self.columns.items()]

    def command(self) -> str:
        """Return the options that say the same; what is missing stands as a placeholder."""
        parts = [f"--{what} {shlex.quote(columns)}" for what, columns in self.rows()]
        parts += [] if "acc" in self.columns else ["--acc X,Y,Z"]
        parts += [] if "time" in self.columns else ["--time COLUMN (or --rate HZ)"]
        return " ".join(parts)


def guess(columns: Sequence[str], sensor_hint: str | None = None, rows: Sequence[Sequence[str]] = ()) -> Mapping:
    """Return what the names of columns suggest. Where sensors at several places are suggested, none of them is mapped.

    Args:
        columns: all columns of a table.
        sensor_hint: what the file's name says of columns x, y and z, see `sensor_of_file`.
        rows: cells of the first rows, which tell the best of several columns of time.

    >>> guess(["t", "ax", "ay", "az", "activity"]).rows()
    [('time', 't'), ('acc', 'ax,ay,az'), ('label', 'activity')]
    """
    places = places_of(columns, sensor_hint)
    with_acc = [place for place in places if place.acc]
    gyros = [place.gyro for place in places if place.gyro]
    names = {words_of(column): column for column in reversed(columns)}
    cells = _cells_of(columns, rows)
    labels = [names[name] for name in LABEL_WORDS if name in names and may_be_labels(cells[names[name]])]
    labels = [spelled_out(label, cells) for label in labels]
    passed = [label for label in labels if is_detected(label, columns)]
    time = time_column(columns, rows) or _index_of_times(columns, cells)
    acc, gyro = tuple[str, ...](), tuple[str, ...]()
    if len(with_acc) == 1:
        acc, gyro = with_acc[0].acc, with_acc[0].gyro
    elif not with_acc and len(gyros) == 1:
        gyro = gyros[0]
    times = times_of_sensors(columns, acc, gyro) if acc and gyro else None
    time = times[0] if times is not None else time
    candidates = {
        "time": () if time is None else (time,),
        "acc": acc,
        "gyro": gyro,
        "label": tuple(label for label in labels if label not in passed)[:1],
        "recording": named(names, RECORDING_NAMES),
        "subject-column": named(names, SUBJECT_WORDS) or ids_of_people(names, cells),
    }
    mapped = {what: each for what, each in candidates.items() if each}
    place = place_column(names, cells, mapped)
    return Mapping(
        mapped,
        frozenset(mapped),
        tuple(replace(each, time=_time_of(each, columns)) for each in with_acc) if len(with_acc) > 1 else (),
        tuple((label, DETECTED_WHY) for label in passed) + _words_besides(mapped, cells, place),
        place,
        with_acc[0].gravity if len(with_acc) == 1 else (),
        tuple(turning_triads(columns)) if acc and not gyro else (),
        None if times is None else times[1],
    )


def _index_of_times(columns: Sequence[str], cells: dict[str, list[str]]) -> str | None:
    """Return a first column without a name that rises in equal steps and does not count rows, as an index of times."""
    if not columns or columns[0].lower() not in ("column 1", "unnamed: 0", "index"):
        return None
    first = cells[columns[0]]
    if len(first) < ENOUGH or not all(map(is_number, first)):
        return None
    values = [number_of(cell) for cell in first]
    steps = sorted(after - before for before, after in pairwise(values))
    usual = steps[len(steps) // 2]
    even = sum(abs(step - usual) <= 0.2 * usual for step in steps) >= 0.9 * len(steps)
    return columns[0] if usual > 0 and usual != 1 and even else None


def _cells_of(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, list[str]]:
    """Return the cells of each column in the first rows, as far as they have all columns."""
    full = [row for row in rows if len(row) >= len(columns)]
    return {column: [row[at].strip() for row in full] for at, column in enumerate(columns)}


def may_be_labels(cells: Sequence[str]) -> bool:
    """Tell if cells may be activities: words or whole numbers, rather than what a sensor measures.

    >>> may_be_labels(["walk", "walk"]), may_be_labels(["1", "1"]), may_be_labels(["0.25", "0.5", "0.625"])
    (True, True, False)
    """
    numbers = [cell for cell in cells if is_number(cell)]
    broken = sum(not number_of(cell).is_integer() for cell in numbers)
    return 2 * len(numbers) <= len(cells) or 2 * broken <= len(numbers)


def _words_besides(
    mapped: dict[str, tuple[str, ...]], cells: dict[str, list[str]], place: str | None
) -> tuple[tuple[str, str], ...]:
    """Return a column that holds words and is not mapped, where none is of activities, and why it is passed."""
    if "label" in mapped or "acc" not in mapped:
        return ()
    used = {column for columns in mapped.values() for column in columns} | {place}
    flags = [c for c, each in cells.items() if c not in used and len(each) > ENOUGH and set(each) <= {"0", "1"}]
    if len(flags) > 1 and all(sum(row) <= 1 for row in zip(*([*map(int, cells[c])] for c in flags), strict=True)):
        return ((", ".join(flags), "hold 0 and 1, as a column for each activity does; one column of names is taken"),)
    for column, each in cells.items():
        said = [cell for cell in each if cell]
        words = [cell for cell in said if not is_number(cell) and cell.lower() not in MISSING and cell[:1].isalpha()]
        known = words_of(column) in (*PLACE_NAMES, *RECORDING_NAMES, *SUBJECT_WORDS)
        if column not in used and not known and len(words) > ENOUGH and len(words) == len(said):
            return ((column, "holds words, and its name does not say that they are activities; --label takes it"),)
    return ()


def is_detected(label: str, columns: Sequence[str]) -> bool:
    """Tell if a column of activities is a device's own guess: beside it stands when or how surely it was detected.

    >>> is_detected("activity(txt)", ["activityTimestamp_sinceReboot(s)", "activity(txt)"])
    True
    >>> is_detected("activity", ["timestamp", "activity"])
    False
    """
    words = set(words_of(label).split())
    if "(txt)" in label or words & DETECTED:
        return True
    first = words_of(label).split()[0]
    others = [words_of(column).split() for column in columns if column != label]
    return any(
        (first in each and set(each) & CERTAINTY) or each in (["confidence"], ["detection", "confidence"])
        for each in others
    )


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
    places = () if options.acc is not None else mapping.places
    passed = () if options.label is not None else mapping.passed
    gravity = () if options.acc is not None else mapping.gravity
    where = None if mapping.place_column in {each for few in columns.values() for each in few} else mapping.place_column
    turning = () if given["gyro"] is not None else mapping.turning
    same = all(columns.get(what) == mapping.columns.get(what) for what in ("time", "acc", "gyro"))
    own = mapping.gyro_time if same else None
    return Mapping(columns, mapping.guessed - chosen.keys(), places, passed, where, gravity, turning, own)


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
    return all((each := axis_of(column)) is not None and each.kind == "linear" for column in columns)


def is_of_core_motion(gyro: Sequence[str], columns: Sequence[str]) -> bool:
    """Tell if a gyroscope's columns are called as on Apple's devices, beside those of gravity.

    >>> is_of_core_motion(["rotationRateX", "rotationRateY", "rotationRateZ"], ["gravityX", "rotationRateX"])
    True
    >>> is_of_core_motion(["rotationRate.beta"], ["accelerationIncludingGravity.x"])
    False
    """
    turning = all(re.search(r"rotation ?rate ?[xyz]$", words_of(column)) for column in gyro)
    return turning and any(re.match(r"(motion )?gravity ?x$", words_of(column)) for column in columns)


def summed(column: str, there: Collection[str]) -> tuple[str, ...]:
    """Return the columns that a name stands for: itself, or those whose sum it names.

    >>> summed("gravity.x+user.x", ["gravity.x", "user.x"]), summed("x", ["gravity.x", "user.x"])
    (('gravity.x', 'user.x'), ('x',))
    """
    if column not in there:
        for at, letter in enumerate(column):
            if letter == "+" and {column[:at], column[at + 1 :]} <= set(there):
                return column[:at], column[at + 1 :]
    return (column,)


def _time_of(place: Place, columns: Sequence[str]) -> str:
    """Return the column of time whose name has that of a place in it, as of two devices in one table; else ""."""
    name = place.name.replace(" ", "")
    own = [column for column in columns if name and name in words_of(column).replace(" ", "")]
    return time_column(own) or ""
