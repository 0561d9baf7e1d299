"""Keep of a recording's signals, once it is predicted, what tables and pages need: epochs, levels, time not worn."""

from __future__ import annotations

from dataclasses import replace

from otolith.prediction import one_g
from otolith.prediction.epochs import epochs_of
from otolith.prediction.one_g import OneG
from otolith.prediction.signals import signals_of
from otolith.prediction.store import Stored
from otolith.prediction.timeline import Timeline
from otolith.prediction.wear import not_worn
from otolith.recording import Recording


def stored_of(
    recording: Recording, timeline: Timeline, file: str, gravity: str | None = None, level: OneG | None = None
) -> Stored:
    """Return a predicted recording without its samples, with the time marked in which the device was not worn.

    Args:
        gravity: "removed" where gravity is not in the accelerometer's signal.
        level: the calibration that the recording has been given.
    """
    epochs = epochs_of(recording, gravity != "removed")
    marked = replace(timeline, not_worn=not_worn(epochs))
    return Stored(marked, file, epochs, signals_of(recording), level)


def levelled(recording: Recording, gravity: str | None) -> tuple[Recording, OneG]:
    """Return a recording with its accelerometer calibrated to 1 g, and what was found."""
    if gravity == "removed":
        return recording, OneG(why_not="gravity is not in the signal")
    found = one_g.fit(epochs_of(recording))
    return one_g.applied(recording, found), found
