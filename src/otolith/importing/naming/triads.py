"""Names of sensors' axes: which sensor a column belongs to, where on the body, and which of several is best.

A name such as `left_wrist_acc_x` is an axis, words for a sensor, and words that are left: the place. Words that only
say how a signal was made (raw, calibrated, low noise) are no place; they rank signals of one place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from otolith.importing.naming.unit_words import GYRO_UNITS, is_unit_text, unit_of_text
from otolith.importing.naming.units import bracketed, factor_of, without_unit
from otolith.importing.naming.words import GRAVITY_WORDS, KNOWN, LINEAR_WORDS, PLACES, SENSOR_WORDS, words_of

_OTHER_WORDS = frozenset((
    "mag", "magnetometer", "magn", "magnetic", "orientation", "quaternion", "quat", "euler", "gps", "pos",
    "position", "vel", "velocity", "mfield", "attitude", "field", "heading", "emg", "ecg", "dq", "dv", "angle",
    "vector", "valid", "validity", "covariance", "bias", "flag",
))  # fmt: skip
"""Words of what is no accelerometer and no gyroscope."""
_WITHOUT = re.compile(r"\b(?:no|without|minus|excluding|excl|removed|ohne|sans|sin|senza) (?:gravity|grav|g)\b")
_WITH = re.compile(r"\b(?:including|incl|with|mit|avec|con) (?:gravity|grav|g)\b")
_NUMBERED = frozenset(("s", "n", "node", "unit", "dev"))
"""Words that with a number mean one of several devices."""
_NOISE = frozenset((
    "axis", "sensor", "sensors", "device", "imu", "mpu", "data", "value", "values", "val", "signal", "measured", "attr",
))  # fmt: skip
_CHIP = re.compile(
    r"(?i)(?<![a-z])(?:bm[aix]|bno|mpu|icm|ism|lsm|lis|adxl|mma|kx|fxos|fxas|iim)(?:\d{2,}[a-z]*|\d[a-z]+\d*)"
)
"""Names of chips, which say nothing of a place."""
QUALITY = {
    "cal": 0, "calibrated": 0, "total": 0, "including": 0, "wr": 2, "wide": 2, "16g": 2, "high": 2, "range": 2,
    "ln": 3, "low": 3, "noise": 3, "6g": 3, "2g": 3, "motion": 4, "fused": 4, "dm": 4, "filtered": 5, "filt": 5,
    "smoothed": 5, "smooth": 5, "lowpass": 5, "highpass": 5, "body": 5, "raw": 6, "uncal": 6, "uncalibrated": 6,
}  # fmt: skip
"""Words that say how a signal was made, and their rank: the lowest is best; no word ranks as 1."""
_TURNED = {"beta": "x", "gamma": "y", "alpha": "z", "roll": "x", "pitch": "y", "yaw": "z"}
"""Axes of a rotation rate as web browsers and aircraft name them; alone, these words mean angles."""
_SPEEDS = frozenset(("rate", "rates", "velocity", "vel", "speed", "dot"))
"""With one of these, an angle's name means how fast it changes."""


@dataclass(frozen=True)
class Axis:
    """Meaning of a column's name: `kind` is "acc", "linear", "gravity", "gyro", "g" or, of bare axes, "".

    `quality` are its words of `QUALITY`.
    """

    kind: str
    place: str
    quality: tuple[str, ...]
    axis: str

    @property
    def rank(self) -> int:
        """Place in the order in which signals of one kind and place are preferred."""
        return max((QUALITY[word] for word in self.quality), default=1)


@dataclass(frozen=True)
class Place:
    """Sensors at one place: the columns x, y and z of each; `name` is "" where the columns say none.

    `gravity` is beside an `acc` of which names do not say whether gravity is in it; `time` a column of its own, if any.
    """

    name: str
    acc: tuple[str, ...]
    gyro: tuple[str, ...] = ()
    gravity: tuple[str, ...] = ()
    time: str = ""


@lru_cache(maxsize=KNOWN)
def axis_of(column: str) -> Axis | None:
    """Return the meaning of a column's name; None for columns of something else.

    >>> axis_of("left_wrist_accX")
    Axis(kind='acc', place='left wrist', quality=(), axis='x')
    >>> axis_of("Shimmer_00A1_Accel_LN_Y_CAL").quality, axis_of("motionUserAccelerationZ(G)").kind, axis_of("mag_x")
    (('ln', 'cal'), 'linear', None)
    """
    words = words_of(_CHIP.sub(" ", column)).removeprefix("field ")  # as rostopic writes
    words = _WITH.sub("including", _WITHOUT.sub("linear", words))
    readings = (words, without_unit(words))  # a unit may stand last without brackets
    for each in dict.fromkeys(reversed(readings) if re.match(r"[xyz] g$", words) else readings):
        for axis, rest in _splits(each.split()):
            turned = axis in _TURNED
            found = _sensor_in([word for word in rest if word not in _SPEEDS] if turned else rest)
            if found is None:
                continue
            kind, left = found
            if turned and not kind and (len(left) < len(rest) or _turns(bracketed(column))):
                kind = "gyro"
            quality = tuple(word for word in left if word in QUALITY)
            place = " ".join(word for word in left if word not in QUALITY and word not in _NOISE)
            if turned and kind != "gyro":
                continue
            if not kind and (unit := bracketed(column)):  # x (deg/s) turns, y (uT) is no motion
                kind = "gyro" if _turns(unit) else ""
                if unit_of_text(unit) is None and (is_unit_text(unit) or unit == "T"):
                    continue
            if not kind and not (_is_place(place) and place not in ("l", "r", "t")):  # such as rx for a rotation
                if "a" not in left or unit_of_text(bracketed(column)) != "m/s^2":
                    continue
                kind = "acc"  # by letter and unit, as in a_RS_S_x [m s^-2]
            return Axis(kind, place, quality, _TURNED.get(axis, axis))
    return None


def places_of(columns: Sequence[str], hint: str | None = None) -> list[Place]:
    """Return every place with an accelerometer or a gyroscope, in order of their first columns; `acc` may be empty.

    Where the whole acceleration is not there, but gravity and what is left without it, `acc` names their sums:
    "gravity.x+userAcceleration.x".

    Args:
        hint: what the file's name says of columns x, y and z, see `otolith.importing.naming.files.sensor_of_file`.

    >>> places_of(["back_x", "back_y", "back_z", "thigh_x", "thigh_y", "thigh_z"])[1]
    Place(name='thigh', acc=('thigh_x', 'thigh_y', 'thigh_z'), gyro=(), gravity=(), time='')
    """
    found: dict[tuple[str, str, tuple[str, ...]], dict[str, str]] = {}
    ranks: dict[tuple[str, str, tuple[str, ...]], int] = {}
    for column, each in _axes_of(columns):
        if each is not None:
            key = (each.place, each.kind or "bare", each.quality)
            found.setdefault(key, {}).setdefault(each.axis, column)
            ranks[key] = each.rank
    best: dict[str, dict[str, tuple[str, ...]]] = {}
    for key in sorted((key for key in found if len(found[key]) == 3), key=lambda key: ranks[key]):
        place, kind, _ = key
        best.setdefault(place, {}).setdefault(kind, tuple(found[key][axis] for axis in "xyz"))
    order = {place: number for number, (place, _, _) in reversed(list(enumerate(found)))}
    out = [_place(name, best[name], hint or "acc") for name in sorted(best, key=lambda name: order[name])]
    out = [each for each in out if each.acc or each.gyro]
    if {each.name for each in out} == {"", "la"}:  # lax beside ax is linear acceleration, and no left arm
        out = [each for each in out if not each.name]
    with_acc = [each for each in out if each.acc]
    turning = [each for each in out if each.gyro]
    if len(with_acc) == len(turning) == 1:  # such as accelerometer x beside phone gyro x
        out = [replace(with_acc[0], gyro=turning[0].gyro)]
    return out


def _axes_of(columns: Sequence[str]) -> list[tuple[str, Axis | None]]:
    """Return the meaning of each column; three that differ in a last number alone, such as acc_0 to acc_2, are axes."""
    found = [(column, axis_of(column)) for column in columns]
    groups: dict[str, dict[int, str]] = {}
    for column, each in found:
        match = re.fullmatch(r"(.*?) ?(\d)", words_of(re.sub(r"[\[\](){}]", " ", column)))
        if each is None and match is not None:
            groups.setdefault(match[1], {}).setdefault(int(match[2]), column)
    numbered: dict[str, Axis] = {}
    for rest, by_number in groups.items():
        first = min(by_number)
        meant = sensor_named(rest)
        if first in (0, 1) and sorted(by_number) == [first, first + 1, first + 2] and meant is not None:
            numbered |= {by_number[first + at]: Axis(meant[0], meant[1], (), "xyz"[at]) for at in range(3)}
    return [(column, each or numbered.get(column)) for column, each in found]


def turning_triads(columns: Sequence[str]) -> list[tuple[str, ...]]:
    """Return columns x, y and z that may be of a gyroscope, though their names do not say so: only the data can tell.

    >>> turning_triads(["t", "ax", "ay", "az", "roll", "pitch", "yaw", "rx", "ry", "rz"])
    [('roll', 'pitch', 'yaw'), ('rx', 'ry', 'rz')]
    """
    found: dict[str, dict[str, str]] = {}
    for column in columns:
        words = words_of(column).split()
        if axis_of(column) is not None or set(words) & (_OTHER_WORDS - {"angle", "vector"}):
            continue
        unit = bracketed(column)
        if unit and not _turns(unit) and unit.lower() not in ("deg", "rad", "°"):
            continue
        for axis, rest in _splits(words):
            kind = _sensor_in(rest)
            if axis in _TURNED or (kind is not None and not kind[0] and rest):
                key = f"{'turned' if axis in _TURNED else ''} {' '.join(rest)}"
                found.setdefault(key, {}).setdefault(_TURNED.get(axis, axis), column)
                break
    return [tuple(each[axis] for axis in "xyz") for each in found.values() if len(each) == 3]


@lru_cache(maxsize=KNOWN)
def sensor_named(text: str) -> tuple[str, str, int] | None:
    """Return kind, place and rank of a sensor from its own name, as rows of a log give it; None for no motion sensor.

    >>> sensor_named("android.sensor.linear_acceleration"), sensor_named("Watch Gyroscope"), sensor_named("light")
    (('linear', '', 1), ('gyro', 'watch', 1), None)
    """
    words = _WITH.sub("including", _WITHOUT.sub("linear", words_of(text))).split()
    found = _sensor_in([word for word in words if word not in ("android", "type", "ios")])
    if found is None or not found[0]:
        return None
    kind, left = found
    if not {
        word for word in words if word not in left and word != "user" and len(word) > 2
    }:  # letters may mean anything
        return None
    place = " ".join(word for word in left if word not in QUALITY and word not in _NOISE)
    return kind, place, max((QUALITY[word] for word in left if word in QUALITY), default=1)


def _place(name: str, kinds: dict[str, tuple[str, ...]], bare: str) -> Place:
    if "bare" in kinds and bare != "other":
        kinds = {"gyro" if bare == "gyro" else "acc": kinds["bare"], **kinds}
    acc = kinds.get("acc", ())
    beside = kinds.get("gravity", ()) if acc and "linear" not in kinds else ()
    if not acc and "linear" in kinds and "gravity" in kinds:
        acc = tuple("+".join(pair) for pair in zip(kinds["gravity"], kinds["linear"], strict=True))
    acc = acc or kinds.get("linear", ())
    gyro = kinds.get("gyro") or (kinds.get("g", ()) if acc else ())  # ax ay az gx gy gz
    return Place(name, acc, gyro, beside)


def _turns(unit: str) -> bool:
    """Tell if a text is a unit of a gyroscope, or a scale such as "0.1 deg/s"."""
    return factor_of(unit, GYRO_UNITS) is not None


def _splits(words: list[str]) -> list[tuple[str, list[str]]]:
    """Return (axis, other words) for every reading of a name, the likeliest first."""
    words = [part for word in words for part in _digits_apart(word)]
    alone = [i for i, word in enumerate(words) if word in ("x", "y", "z")]
    out = [(words[i], words[:i] + words[i + 1 :]) for i in reversed(alone)]
    for i in reversed(range(len(words))):
        word = words[i]
        if word in _TURNED:
            out.append((word, words[:i] + words[i + 1 :]))
        elif len(word) > 1 and word[-1] in "xyz":
            out.append((word[-1], [*words[:i], word[:-1], *words[i + 1 :]]))
        if len(word) > 1 and word[0] in "xyz":
            out.append((word[0], [*words[:i], word[1:], *words[i + 1 :]]))
    return out


def _digits_apart(word: str) -> list[str]:
    match = re.fullmatch(r"([a-z]+)(\d+)", word)
    return [word] if match is None or word in PLACES else [match[1], match[2]]


def _sensor_in(words: list[str]) -> tuple[str, list[str]] | None:
    """Return the kind that words name, "" for none, and the words that are left; None where it is another sensor."""
    left = list(words)
    if set(left) & _OTHER_WORDS and "angular" not in left:
        return None
    found: list[str] = []
    for length in (3, 2, 1):
        at = 0
        while at + length <= len(left):
            kind = None if length > 1 and left[at] in QUALITY else _kind("".join(left[at : at + length]))
            if kind is None:
                at += 1
            else:
                found.append(kind)
                del left[at : at + length]
    if not found:  # single letters mean a sensor only beside digits and places
        letters = {"a": "acc", "w": "gyro", "g": "g"}
        at = next((i for i, word in enumerate(left) if word in letters), -1)
        if at >= 0 and _is_place(" ".join(word for word in left[:at] + left[at + 1 :] if word not in _NOISE)):
            found.append(letters[left.pop(at)])
    if set(found) == {"linear", "acc"}:
        return "linear", left
    if len(set(found)) > 1:
        return None
    return (found[0] if found else ""), left


def _kind(word: str) -> str | None:
    if word in LINEAR_WORDS:
        return "linear"
    if word in GRAVITY_WORDS:
        return "gravity"
    return next((kind for kind, known in SENSOR_WORDS.items() if word in known and len(word) > 1), None)


def _is_place(name: str) -> bool:
    words = name.split()
    numbered = _NUMBERED if any(map(str.isdigit, words)) else frozenset()
    return all(word in PLACES or word.isdigit() or word in numbered for word in words)
