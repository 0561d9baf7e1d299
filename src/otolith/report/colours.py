"""Colours of activities: by what they are called, so that one has the same colour whatever list it stands in."""

from __future__ import annotations

import re
from collections.abc import Sequence

from otolith.report.style import MANY

KINDS = (
    ("walk", 0), ("upstair", 1), ("ascend", 1), ("downstair", 2), ("descend", 2), ("sit", 3), ("still", 3),
    ("station", 3), ("stand", 4), ("lie", 5), ("lying", 5), ("lay", 5), ("sleep", 5), ("cycl", 7), ("bik", 7),
    ("run", 8), ("jog", 8),
)  # fmt: skip
"""Beginnings of words of common activities, and their places in `MANY`."""


def of_activities(names: Sequence[str]) -> list[str]:
    """Return the colour of each activity of a list; no two have the same up to twelve.

    Common ones have places of their own; of several of one kind the one of fewest words. Others have what is left over.
    `placesOf` of the local pages (`serving/page/colours.js`) gives the same.

    Args:
        names: activities, "unknown" not among them.

    >>> of_activities(["running", "walking"]) == of_activities(["walking", "sitting", "running"])[::-2]
    True
    """
    found: dict[int, int] = {}
    for i in sorted(range(len(names)), key=lambda i: (len(_words(names[i])), i)):
        kind = _kind(_words(names[i]))
        if kind is not None and kind not in found.values():
            found[i] = kind
    for i in range(len(names)):
        if i not in found:
            free = (place for place in range(len(MANY)) if place not in found.values())
            found[i] = next(free, i % len(MANY))
    return [MANY[found[i]] for i in range(len(names))]


def _words(name: str) -> list[str]:
    return re.findall("[a-z]+", re.sub("(?<=[a-z])(?=[A-Z])", " ", name).lower())


def _kind(words: Sequence[str]) -> int | None:
    kinds = {place for word in words for start, place in KINDS if word.startswith(start)}
    if any(word.startswith(("stair", "walk")) for word in words):
        kinds |= {place for word, place in (("up", 1), ("down", 2)) if word in words}
    if kinds & {1, 2}:
        kinds.discard(0)  # walking upstairs
    return kinds.pop() if len(kinds) == 1 else None
