"""Columns that tell rows of several devices, or of several people, apart."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from otolith.importing.naming.words import words_of
from otolith.importing.tables.layout import is_number

PLACE_NAMES = ("device", "device id", "position", "placement", "sensor location", "sensor position", "body part",
               "body position", "on body position", "body location", "limb",
               "sensor", "sensor id", "sensorid", "sensor name", "sensorname", "sensor type", "sensortype")  # fmt: skip
"""Columns that tell sensors at several places in one table apart."""
MAYBE_PLACES = ("side", "foot", "hand", "leg", "arm", "wrist", "ankle", "location", "device name", "device address",
                "address", "mac", "mac address", "serial", "serial number", "node", "node id", "imu", "imu id",
                "unit id", "module", "board", "tracker", "wearable")  # fmt: skip
"""Columns that do where sensors that they name were at work at the same time."""
IDS = ("id", "uid")
"""Columns that tell people apart where they name one after the other, and devices where they name them in turns."""
MOST_PLACES = 30
ENOUGH = 10
"""Rows that tell what a column holds."""


def place_column(names: dict[str, str], cells: dict[str, list[str]], mapped: dict[str, tuple[str, ...]]) -> str | None:
    """Return the column that tells places apart by rows: by its name, or since rows of one time have words of their own
    in it."""
    known = named(names, (*PLACE_NAMES, *MAYBE_PLACES))
    if known:
        return known[0]
    used = {column for columns in mapped.values() for column in columns}
    times = cells[mapped["time"][0]] if "time" in mapped else []
    for column, each in cells.items():
        words = not any(map(is_number, each)) or words_of(column) in IDS
        few = 1 < len(set(each)) <= MOST_PLACES and len(each) > ENOUGH
        if column in used or not words or not few or not all(each) or 4 * _changes(each) < len(each):
            continue
        pairs = set(zip(times, each, strict=True)) if times else set()
        if len(pairs) == len(each) and len(set(times)) <= 0.7 * len(times):
            return column
    return None


def ids_of_people(names: dict[str, str], cells: dict[str, list[str]]) -> tuple[str, ...]:
    """Return a column of ids that each stay for a while and do not come again, as no count of rows does."""
    return tuple(names[name] for name in IDS if name in names and _stays(cells[names[name]]))[:1]


def _stays(cells: Sequence[str]) -> bool:
    n = len(set(cells))
    return len(cells) > ENOUGH * n and _changes(cells) == n - 1 and all(cells)


def _changes(cells: Sequence[str]) -> int:
    return sum(a != b for a, b in pairwise(cells))


def named(names: dict[str, str], known: Sequence[str]) -> tuple[str, ...]:
    """Return the column of the first known name that there is."""
    return next(((names[name],) for name in known if name in names), ())
