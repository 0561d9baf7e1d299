"""Colours of states on pages: told apart with any colour vision; unknown is grey, not worn is hatched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from otolith.prediction.timeline import NOT_WORN
from otolith.report.colours import of_activities
from otolith.report.style import UNKNOWN

OFF, HATCH = "#e9edf1", "#b4bec8"
"""Ground and lines of the time not worn."""


@dataclass(frozen=True)
class State:
    """A state and its colours: of its area, of a text upon it, and of an area in a picture that is stretched."""

    name: str
    colour: str
    text: str
    hatched: bool = False

    @property
    def far(self) -> str:
        """Fill of an SVG element that is stretched."""
        return OFF if self.hatched else self.colour


def states_of(names: Sequence[str], n_activities: int) -> list[State]:
    """Return the activities, "unknown" where the model has it, and the time not worn, each with its colours.

    >>> [state.colour for state in states_of(("sit", "walk", "unknown"), 2)]
    ['#cc79a7', '#0072b2', '#5b636c', '#e9edf1']
    """
    colours = of_activities(names[:n_activities])
    found = [State(name, colours[i] if i < n_activities else UNKNOWN, "") for i, name in enumerate(names)]
    found = [State(each.name, each.colour, _on(each.colour)) for each in found]
    return [*found, State(NOT_WORN, OFF, _on(OFF), True)]


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour such as "#0072b2", from 0 to 1 (WCAG 2.2).

    >>> round(luminance("#ffffff"), 3)
    1.0
    """
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _on(colour: str) -> str:
    """Return the text colour, dark or white, that contrasts more with a ground."""
    ground = luminance(colour)
    return "#ffffff" if 1.05 / (ground + 0.05) > (ground + 0.05) / 0.06 else "#10161d"
