"""Two clocks in one table: a column of time for the accelerometer, and another one for the gyroscope."""

from __future__ import annotations

from collections.abc import Sequence

from otolith.importing.naming.triads import axis_of
from otolith.importing.naming.words import SENSOR_WORDS, words_of
from otolith.importing.times.columns import may_name_time

_KINDS = {word: kind for kind in ("acc", "gyro") for word in SENSOR_WORDS[kind]}


def times_of_sensors(columns: Sequence[str], acc: Sequence[str], gyro: Sequence[str]) -> tuple[str, str] | None:
    """Return the columns of time of an accelerometer and of a gyroscope that have one each; None where they share one.

    Their names say the sensor, or each stands right before the columns of its sensor.

    Args:
        columns: all columns of a table.
        acc, gyro: columns x, y and z of the sensors.

    >>> times_of_sensors(["t_acc", "ax", "ay", "az", "t_gyr", "gx", "gy", "gz"], ["ax", "ay", "az"], ["gx", "gy", "gz"])
    ('t_acc', 't_gyr')
    >>> times_of_sensors(["time", "ax", "ay", "az", "gx", "gy", "gz"], ["ax", "ay", "az"], ["gx", "gy", "gz"])
    """
    named: dict[str, list[str]] = {"acc": [], "gyro": []}
    times = set()
    for column in columns:
        if axis_of(column) is not None:
            continue
        words = words_of(column).split()
        kinds = {_KINDS[word] for word in words if word in _KINDS}
        if may_name_time(" ".join(word for word in words if word not in _KINDS and not word.isdigit())):
            times.add(column)
            if len(kinds) == 1:
                named[kinds.pop()].append(column)
    if all(len(each) == 1 for each in named.values()):
        return named["acc"][0], named["gyro"][0]
    before = [_before(columns, triad) for triad in (acc, gyro)]
    if before[0] in times and before[1] in times and before[0] != before[1]:
        return str(before[0]), str(before[1])
    return None


def _before(columns: Sequence[str], triad: Sequence[str]) -> str | None:
    """Return the column right before three that stand together; None where they do not."""
    places = sorted(columns.index(column) for column in triad if column in columns)
    if len(places) < 3 or places[-1] - places[0] != 2 or not places[0]:
        return None
    return columns[places[0] - 1]
